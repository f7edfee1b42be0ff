"""Whose turn it is at a model: so many replies at once, the rest in line, first come first served."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Protocol
from uuid import UUID

QUEUE = 50  # replies in line at most, a model and process
TIMED = 20  # replies whose mean duration tells how long a wait will be
TIMED_LEAST = 3  # before so many were timed, nobody knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a reply stands: 1 is next; `eta_s` seconds to its turn, None while nobody knows."""

    reply: UUID
    position: int
    eta_s: float | None


class Line:
    """The line at one model. `moved` is called with every place, whenever places have changed."""

    def __init__(self, concurrency: int, moved: Callable[[list[Place]], None]) -> None:
        self._free = concurrency
        self._concurrency = concurrency
        self._moved = moved
        self._waiting: deque[tuple[UUID, asyncio.Future[None]]] = deque()
        self._durations_s: deque[float] = deque(maxlen=TIMED)

    @property
    def full(self) -> bool:
        """Whether nobody else may get in line."""
        return not self.takes(1)

    def takes(self, coming: int) -> bool:
        """Tell whether there is room for so many more."""
        return len(self._waiting) + coming - self._free <= QUEUE

    def places(self) -> list[Place]:
        """Return who is in line, next first."""
        return [
            Place(reply=reply, position=position, eta_s=self._eta_s(position))
            for position, (reply, _) in enumerate(self._waiting, start=1)
        ]

    def _eta_s(self, position: int) -> float | None:
        if len(self._durations_s) < TIMED_LEAST:
            return None
        mean_s = sum(self._durations_s) / len(self._durations_s)
        return round(position * mean_s / self._concurrency, 1)

    @asynccontextmanager
    async def turn(self, reply: UUID) -> AsyncIterator[None]:
        """Wait for a turn and hold it. Cancelling leaves the line."""
        await self._enter(reply)
        began = monotonic()
        try:
            yield
            self._durations_s.append(monotonic() - began)
        finally:
            self._leave()

    async def _enter(self, reply: UUID) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = (reply, turn)
        self._waiting.append(waiting)
        self._moved(self.places()[-1:])
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # the turn had come, and passes to the next
            else:
                self._waiting.remove(waiting)
                self._moved(self.places())
            raise

    def _leave(self) -> None:
        self._free += 1
        while self._free and self._waiting:
            _, turn = self._waiting.popleft()
            if not turn.done():
                self._free -= 1
                turn.set_result(None)
        self._moved(self.places())


class Model(Protocol):
    """What a line is at."""

    alias: str
    concurrency: int


class Lines:
    """The lines of this process, one a model. `moved` is called with a line's places whenever they have changed."""

    def __init__(self, moved: Callable[[list[Place]], None]) -> None:
        self._moved = moved
        self._lines: dict[str, Line] = {}
        self._change = asyncio.Event()
        self._coming = 0

    def at(self, model: Model) -> Line:
        """Return the line at a model."""
        if model.alias not in self._lines:
            self._lines[model.alias] = Line(model.concurrency, self._moved)
        return self._lines[model.alias]

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Count one whose place is being asked for, at whichever model."""
        self._coming += 1
        try:
            yield
        finally:
            self._coming -= 1

    def full(self, models: Iterable[Model]) -> frozenset[str]:
        """Return the aliases of those models where there is no room for all who are coming."""
        return frozenset(model.alias for model in models if not self.at(model).takes(self._coming))

    def length(self, alias: str) -> int:
        """Return how many are in line at a model."""
        line = self._lines.get(alias)
        return len(line.places()) if line else 0

    @property
    def places(self) -> list[Place]:
        """Everyone who is in line, at any model."""
        return [place for line in self._lines.values() for place in line.places()]

    def place(self, reply: UUID) -> Place | None:
        """Return where a reply stands, if it is in line."""
        return next((place for place in self.places if place.reply == reply), None)

    def model_changed(self) -> None:
        """Let those who wait for a model to load look again."""
        self._change.set()
        self._change = asyncio.Event()

    async def model_change(self) -> None:
        """Wait until some model's state has changed."""
        await self._change.wait()

    def clear(self) -> None:
        """Forget the lines."""
        self._lines.clear()
