"""A streamed answer's connection, shut while nobody reads: what comes gathers in the kernel, and is taken at once.

Left open, it wakes the event loop for each token.
"""

import asyncio
import os

import aiohttp

PIECE_BYTES = 16_384  # taken by one system call; asking for more leaves gaps in the heap
PIECES = 16  # taken at once; the kernel holds the rest, and then the server


class Tap:
    """Opens and shuts one answer's connection. With TLS, whose records asyncio reads, it stays open."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    def shut(self) -> None:
        """Let what comes wait."""
        if (transport := self._transport()) is not None:
            transport.pause_reading()

    def open(self) -> None:
        """Let what comes in as it comes."""
        if (transport := self._transport()) is not None:
            transport.resume_reading()

    def draw(self) -> None:
        """Take in what waits; the connection's end is left to whoever opens it. Raises OSError."""
        for _ in range(PIECES):
            if self._take() < PIECE_BYTES:
                break

    def _take(self) -> int:
        """Take in a piece; return its bytes."""
        transport, connection = self._transport(), self._response.connection
        if transport is None or connection is None or connection.protocol is None:
            return 0
        try:
            waiting = os.read(transport.get_extra_info("socket").fileno(), PIECE_BYTES)
        except BlockingIOError:
            return 0
        if waiting:
            connection.protocol.data_received(waiting)
        return len(waiting)

    def _transport(self) -> asyncio.Transport | None:
        """Return the connection's, if it lives and is no TLS."""
        connection = self._response.connection  # None once all of the answer has come
        transport = None if connection is None else connection.transport
        if transport is None or transport.is_closing() or transport.get_extra_info("sslcontext") is not None:
            return None
        return transport
