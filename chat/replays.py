"""The replays that this process makes: replies made once more for staff, which no tab hears of."""

import asyncio
import logging
from dataclasses import dataclass
from uuid import UUID

from chat import history, threads
from chat.admission import Lines
from chat.delivery import Draft
from chat.generation import Making, outcome_of
from chat.protocol import Refused
from gptj import generators

logger = logging.getLogger(__name__)

AT_ONCE = 2  # replays in one process; the rest wait for this or another one, and leave the line to visitors


@dataclass(slots=True, kw_only=True, eq=False)
class Replay(Making):
    """A generation that is stored as a replay and told to nobody. Only the model that was asked for answers."""

    key: UUID
    model: str
    owner: str

    async def run(self) -> history.Outcome | None:
        """Make it; None if another process has it. Raises GenerationError, and Refused."""
        return await self.ask(generators[self.model])

    async def find_task(self) -> history.Task | None:
        """Return what it is to be made from: what the reply was."""
        return await threads.read(history.replay_task, self.key, self.owner)

    async def begin(self, shown: history.Shown, queued_ms: int) -> bool:
        """Store that the model is shown this now."""
        return await threads.write(history.begin_replay, self.key, self.owner, shown, queued_ms=queued_ms)

    def wrote(self) -> None:
        """Tell nobody."""


class Replays:
    """Claims what staff ask for, makes it, and keeps its lease meanwhile."""

    def __init__(self, owner: str, lines: Lines) -> None:
        self._owner = owner
        self._lines = lines
        self._tasks: set[asyncio.Task[None]] = set()

    async def pulse(self) -> None:
        """Renew the leases, and take what waits. Every second."""
        if self._tasks:
            await threads.write(history.renew_replays, self._owner)
        room = AT_ONCE - len(self._tasks)
        if room and await threads.read(history.replays_wait):
            for key, model in await threads.write(history.claim_replays, self._owner, room):
                self._start(key, model)

    async def drain(self) -> None:
        """Stop making replays, and put them back."""
        if not self._tasks:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await threads.write(history.hand_on_replays, self._owner)

    def _start(self, key: UUID, model: str) -> None:
        task = asyncio.create_task(self._see_through(key, model), name=f"replay {key}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _see_through(self, key: UUID, model: str) -> None:
        """Make a replay and store how it ended. One whose end cannot be stored loses its lease, and has failed."""
        replay = Replay(key=key, model=model, owner=self._owner, draft=Draft(key, key, 1), lines=self._lines)
        making = asyncio.create_task(replay.run())
        try:
            await asyncio.wait([making])
        except asyncio.CancelledError:
            making.cancel()
            await asyncio.wait([making])
            raise
        outcome = outcome_of(replay, making)
        if outcome is None:
            return
        try:
            await threads.write(history.end_replay, key, self._owner, outcome)
        except Refused as error:
            logger.warning("The end of a replay cannot be stored: %s", error)
