"""How often the replies of an event loop are read, so that what comes in a while costs once.

A person sees no difference between 50 pieces of text a second and 25 of twice the length; a processor does.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

PAUSE_S = 0.054  # between two reads of a reply: more than the 40 ms between two of its frames
EACH_S = 0.00055  # for each reply, where that is more: several times what it takes to read, tell and send one
TOGETHER = 40  # replies that are read one after the other, before the event loop does anything else


class Pace:
    """The replies that one event loop reads, and so how often it reads each."""

    def __init__(self) -> None:
        self._readers = 0
        self._ticks: dict[float, asyncio.Event] = {}

    @contextmanager
    def reader(self) -> Iterator[None]:
        """Be one of those who read."""
        self._readers += 1
        try:
            yield
        finally:
            self._readers -= 1

    async def pause(self) -> None:
        """Wait until it is time to read again: at the last tick within a pause, with all who wait for that."""
        loop = asyncio.get_running_loop()
        pause_s = max(PAUSE_S, EACH_S * self._readers)
        tick_s = pause_s / (1 + self._readers // TOGETHER)
        due = (loop.time() + pause_s) // tick_s * tick_s
        if due not in self._ticks:
            self._ticks[due] = asyncio.Event()
            loop.call_at(due, self._wake, due)
        await self._ticks[due].wait()

    def _wake(self, due: float) -> None:
        self._ticks.pop(due).set()


_paces: WeakKeyDictionary[asyncio.AbstractEventLoop, Pace] = WeakKeyDictionary()


def pace() -> Pace:
    """Return the running event loop's."""
    return _paces.setdefault(asyncio.get_running_loop(), Pace())
