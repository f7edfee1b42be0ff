"""An event loop in a thread of its own, for those who call from where none runs, or from one that will not last."""

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Ended:
    """There is nothing more; `error` says why, unless that is as it should be."""

    error: BaseException | None


class Background(Generic[T]):
    """Reads async generators in a thread that is made when first needed and ends with the process.

    Whoever stops reading, or is interrupted, closes the generator.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def read(self, made: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        """Give what `made` gives, to sync code."""
        arrived: queue.SimpleQueue[T | _Ended] = queue.SimpleQueue()
        reading = self._begin(made, arrived.put)
        try:
            while not isinstance(item := arrived.get(), _Ended):
                yield item
            if item.error is not None:
                raise item.error
        finally:
            reading.cancel()

    async def aread(self, made: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """Give what `made` gives, to another event loop."""
        here = asyncio.get_running_loop()
        arrived: asyncio.Queue[T | _Ended] = asyncio.Queue()
        reading = self._begin(made, lambda item: _tell(here, arrived, item))
        try:
            while not isinstance(item := await arrived.get(), _Ended):
                yield item
            if item.error is not None:
                raise item.error
        finally:
            reading.cancel()

    def _begin(self, made: AsyncGenerator[T, None], put: Callable[[T | _Ended], None]) -> Future[None]:
        async def pump() -> None:
            try:
                async with aclosing(made):
                    async for item in made:
                        put(item)
            except BaseException as error:
                put(_Ended(error))
                if not isinstance(error, Exception):
                    raise
            else:
                put(_Ended(None))

        return asyncio.run_coroutine_threadsafe(pump(), self._running())

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="gptj background", daemon=True).start()
            return self._loop


def _tell(loop: asyncio.AbstractEventLoop, arrived: "asyncio.Queue[T | _Ended]", item: "T | _Ended") -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(arrived.put_nowait, item)
