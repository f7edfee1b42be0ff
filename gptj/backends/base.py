"""What every way to a model has in common: turns go in, pieces of text come out."""

import abc
import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import ClassVar

from django.core.checks import CheckMessage

from gptj.conf import setting
from gptj.options import Options, parse
from gptj.values import Condition, Event, Finished, Piece, Sampling, State, Turn

BELIEVED_S = 45.0  # that a model is down, since somebody last said so: longer than between two looks, or two starts

__all__ = ["Backend", "Condition", "Event", "Finished", "Piece", "Sampling", "State", "Turn"]


class Backend(abc.ABC):
    """One configured model, reached one way. Made from settings by the registry, once per process.

    Options are keyword arguments. All take `label`, `context_window` (tokens, prompt and reply together),
    `max_new_tokens` (the most that a reply may have, also when the sampling asks for more), `temperature`, `top_p`,
    `concurrency` (replies at once in this process) and `timeout_s` (a whole reply).

    A backend belongs to no event loop: any may use it, several at once too.
    """

    options_type: ClassVar[type[Options]] = Options
    streams: ClassVar[bool] = True
    template: str  # name and version of how turns become a prompt, kept with every reply

    alias: str
    label: str
    context_window: int
    max_new_tokens: int
    concurrency: int

    def __init__(self, *, alias: str, url: str, api_key: str = "", **options: object) -> None:
        """Take the options. `url` comes without its query. Raises Misconfigured; touches nothing outside."""
        self.options = parse(self.options_type, options)
        self.alias = alias
        self.url = url
        self.api_key = api_key
        self.label = self.options.label or alias
        self.context_window = self.options.context_window
        self.max_new_tokens = self.options.max_new_tokens
        self.concurrency = self.options.concurrency
        self.timeout_s: float = self.options.timeout_s or setting("GPTJ_TOTAL_TIMEOUT_S")
        self._state = State(condition=Condition.OK)
        self._told_at = time.monotonic()  # the state, by whoever looked or called
        self._listeners: list[tuple[asyncio.AbstractEventLoop, Callable[[], None]]] = []
        self._lock = threading.Lock()  # for both; a state may come from any thread

    @property
    def state(self) -> State:
        """Whether it can answer now."""
        return self._state

    @property
    def down(self) -> bool:
        """Whether it was found down lately. One that nobody has looked at since may well have recovered."""
        return self._state.condition is Condition.DOWN and time.monotonic() - self._told_at < BELIEVED_S

    @abc.abstractmethod
    def stream(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Answer the last turn: any number of `Piece`, then exactly one `Finished`, or a GenerationError.

        Closing the iterator (`aclose`, or cancelling the task that reads it) ends the work at the server too.
        """

    @abc.abstractmethod
    async def count(self, turns: Sequence[Turn]) -> list[int]:
        """Tokens that each turn takes up in a prompt, labels and separators included; never too few."""

    async def start(self) -> None:
        """Begin to load, or to watch, the model; returns at once."""

    async def close(self) -> None:
        """Let go of connections and child processes."""

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener`, on the event loop that runs now, whenever `state` has changed."""
        with self._lock:
            self._listeners.append((asyncio.get_running_loop(), listener))

    async def settled(self) -> State:
        """Wait while the model is loading; return the state after that."""
        changed = asyncio.Event()
        mine = (asyncio.get_running_loop(), changed.set)
        with self._lock:
            self._listeners.append(mine)
        try:
            while self.state.condition is Condition.LOADING:
                await changed.wait()
                changed.clear()
            return self.state
        finally:
            with self._lock:
                self._listeners.remove(mine)

    def check(self) -> list[CheckMessage]:
        """What `manage.py check` has to say of its options."""
        return []

    def own(self, sampling: Sampling) -> Sampling:
        """Return `sampling` with this model's own values where it has none, its length within this model's."""
        return Sampling(
            temperature=self.options.temperature if sampling.temperature is None else sampling.temperature,
            top_p=self.options.top_p if sampling.top_p is None else sampling.top_p,
            max_new_tokens=min(sampling.max_new_tokens or self.max_new_tokens, self.max_new_tokens),
            seed=sampling.seed,
        )

    def become(self, state: State) -> None:
        """Take on `state`, from any thread, and tell the listeners if it is another."""
        with self._lock:
            self._told_at = time.monotonic()
            if state == self._state:
                return
            self._state = state
            self._listeners = [(loop, listener) for loop, listener in self._listeners if not loop.is_closed()]
            listeners = list(self._listeners)
        for loop, listener in listeners:
            with contextlib.suppress(RuntimeError):  # the loop closed in between
                loop.call_soon_threadsafe(listener)
