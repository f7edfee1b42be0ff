"""A streamed answer's connection, shut while nobody reads: what comes gathers in the kernel, and is taken at once.

Left open, it wakes the event loop for each token.
"""

import asyncio
import os
from typing import Any, cast

import aiohttp

PIECE_BYTES = 16_384  # taken by one system call; asking for more leaves gaps in the heap
PIECES = 16  # taken at once; the kernel holds the rest, and then the server


class Tap:
    """Opens and shuts one answer's connection, which is not kept.

    With TLS, whose records asyncio reads, it stays open.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._transport: asyncio.Transport | None = None
        connection = response.connection  # None once all of the answer has come
        if connection is None or connection.protocol is None or connection.transport is None:
            return
        connection.protocol.force_close()
        if connection.transport.get_extra_info("sslcontext") is None:
            self._transport = connection.transport
            self._protocol = connection.protocol
            self._socket: int = connection.transport.get_extra_info("socket").fileno()

    def shut(self) -> None:
        """Let what comes wait."""
        if (transport := self._living) is not None and self._protocol.transport is transport:
            transport.pause_reading()
            self._protocol.transport = cast("asyncio.Transport", _Shut(transport))

    def open(self) -> None:
        """Let what comes in as it comes."""
        if (transport := self._living) is not None:
            self._protocol.transport = transport
            transport.resume_reading()

    def draw(self) -> None:
        """Take in what waits; the connection's end is left to whoever opens it. Raises OSError."""
        for _ in range(PIECES):
            if self._living is None or self._take() < PIECE_BYTES:
                break

    @property
    def _living(self) -> asyncio.Transport | None:
        """The transport, if it is one to be shut, and more may come."""
        if self._transport is None or self._response.connection is None or self._transport.is_closing():
            return None
        return self._transport

    def _take(self) -> int:
        """Take in a piece; return its bytes."""
        try:
            waiting = os.read(self._socket, PIECE_BYTES)
        except BlockingIOError:
            return 0
        if waiting:
            self._protocol.data_received(waiting)
        return len(waiting)


class _Shut:
    """A shut connection's transport as aiohttp has it, which would open it again after each piece that is read."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def pause_reading(self) -> None:
        """It is so."""

    def resume_reading(self) -> None:
        """That is for the tap to do."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
