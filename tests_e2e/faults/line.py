"""A line between a browser and a server that can be frozen, as when a laptop is shut, and cut."""

import asyncio
import threading
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit

from chat.tests.servers import free_port


class Line:
    """Passes bytes on between a port of its own and a server, in a thread of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._to = 0
        self._ends: set[asyncio.StreamWriter] = set()
        self._open = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def lead_to(self, url: str) -> None:
        """Say which server is at the other end; what is open stays where it is."""
        self._to = urlsplit(url).port or 80

    def freeze(self) -> None:
        """Let nothing through, and tell nobody."""
        self._in_loop(self._flows.clear)

    def thaw(self) -> None:
        """Cut what was frozen, and let through what comes new."""
        self.cut()
        self._in_loop(self._flows.set)

    def cut(self) -> None:
        """Reset every connection."""

        def reset() -> None:
            for writer in self._ends:
                writer.transport.abort()

        self._in_loop(reset)

    def __enter__(self) -> Self:
        self._thread.start()
        self._open.wait()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._flows, self._over = asyncio.Event(), asyncio.Event()
        self._flows.set()
        server = await asyncio.start_server(self._come, "127.0.0.1", self.port)
        self._open.set()
        await self._over.wait()
        server.close()

    def _in_loop(self, call: Callable[[], None]) -> None:
        async def run() -> None:
            call()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flows.wait()
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, there_writer}
        self._ends |= ends
        await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))
        self._ends -= ends

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
