"""How `manage.py serve` ends."""

import asyncio
import os
import signal

from chat.management.commands import serve


class Reactor:
    """One whose connections do not end."""

    def __init__(self) -> None:
        self.stopping = False
        self.crashed = asyncio.Event()

    def stop(self) -> None:
        """Begin to wait for them."""
        self.stopping = True

    def crash(self) -> None:
        """Wait no longer."""
        assert self.stopping
        self.crashed.set()


async def test_a_connection_that_does_not_end_is_not_waited_for() -> None:
    reactor, drained = Reactor(), asyncio.Event()

    async def start() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    async def drain() -> None:
        drained.set()

    serve._run(start(), drain, reactor)
    async with asyncio.timeout(2 * serve.STOP_S):
        await reactor.crashed.wait()
    assert drained.is_set()
