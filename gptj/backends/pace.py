"""How often the replies of an event loop are read, so that what comes in a while costs once.

A person sees no difference between 50 pieces of text a second and 25 of twice the length; a processor does.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

PAUSE_S = 0.045  # between two reads of a reply, and until the next tick: more than the 40 ms between two of its frames
EACH_S = 0.0005  # for each reply, where that is more: several times what it takes to read, tell and send one
TICK_S = 0.01  # those whose pauses end within it are woken together, by one timer


class Pace:
    """The replies that one event loop reads, and so how often it reads each."""

    def __init__(self) -> None:
        self._readers = 0
        self._ticks: dict[int, asyncio.Event] = {}

    @contextmanager
    def reader(self) -> Iterator[None]:
        """Be one of those who read."""
        self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1

    async def pause(self) -> None:
        """Wait until it is time to read again."""
        loop = asyncio.get_running_loop()
        tick = round((loop.time() + max(PAUSE_S, EACH_S * self._readers)) / TICK_S)
        if tick not in self._ticks:
            self._ticks[tick] = asyncio.Event()
            loop.call_at(tick * TICK_S, self._wake, tick)
        await self._ticks[tick].wait()

    def _wake(self, tick: int) -> None:
        self._ticks.pop(tick).set()


_paces: WeakKeyDictionary[asyncio.AbstractEventLoop, Pace] = WeakKeyDictionary()


def pace() -> Pace:
    """Return the running event loop's."""
    return _paces.setdefault(asyncio.get_running_loop(), Pace())
