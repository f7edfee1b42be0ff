"""How often the replies of an event loop are read, so that what comes in a while costs once.

A person sees no difference between 50 pieces of text a second and 25 of twice the length; a processor does.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

PAUSE_S = 0.04  # between two reads of a reply
EACH_S = 0.0002  # more for each reply: about twice what it takes to read, tell and send one, so half the time is left


class Pace:
    """The replies that one event loop reads, and so how often it reads each."""

    def __init__(self) -> None:
        self._readers = 0

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
        await asyncio.sleep(PAUSE_S + EACH_S * self._readers)


_paces: WeakKeyDictionary[asyncio.AbstractEventLoop, Pace] = WeakKeyDictionary()


def pace() -> Pace:
    """Return the running event loop's."""
    return _paces.setdefault(asyncio.get_running_loop(), Pace())
