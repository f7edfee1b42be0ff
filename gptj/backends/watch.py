"""A look at a model's server now and then: one that is down answers again some time, and nobody tells."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

WELL_S = 30.0  # between two looks at a server that answers
DOWN_S = 5.0  # and at one that does not


class Watch:
    """A task that looks, on the event loop where it was started."""

    def __init__(self, look: Callable[[], Awaitable[str]], found: Callable[[str], None]) -> None:
        """`look` returns what is wrong with the server, or ""; `found` is told each time."""
        self._look = look
        self._found = found
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look, at once and then for ever, unless that is going on."""
        if self._task is None or self._task.get_loop().is_closed():
            self._task = asyncio.create_task(self._watch(), name="gptj watch")

    async def close(self) -> None:
        """Look no more."""
        task, self._task = self._task, None
        if task is None or task.get_loop().is_closed():
            return
        if task.get_loop() is not asyncio.get_running_loop():
            task.get_loop().call_soon_threadsafe(task.cancel)
            return
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _watch(self) -> None:
        while True:
            wrong = await self._look()
            self._found(wrong)
            await asyncio.sleep(DOWN_S if wrong else WELL_S)
