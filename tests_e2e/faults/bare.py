"""A WebSocket by hand, on asyncio's bare streams of bytes: small enough for thousands, and able to stop reading."""

import asyncio
import base64
import json
import os
import struct
from collections import deque
from typing import Any, Self
from urllib.parse import urlsplit

from tests_e2e.faults.person import Visitor

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10  # RFC 6455, 5.2
WAIT_S = 30


class BareSocket(asyncio.Protocol):
    """Answers the server's pings by itself, keeps the other frames, and the code it is closed with."""

    def __init__(self) -> None:
        self.frames: deque[dict[str, Any]] = deque(maxlen=20)
        self.close_code: int | None = None
        self.received = 0  # bytes
        self.keeps = True  # the frames; else it only answers pings
        self._buffer = bytearray()
        self.upgraded = asyncio.Event()
        self._transport: asyncio.Transport
        self._changed = asyncio.Event()
        self.lost = asyncio.Event()

    @classmethod
    async def open(cls, url: str, visitor: Visitor, session: str) -> Self:
        """Shake hands, say hello, and wait for the last `sync`."""
        parts = urlsplit(url)
        _, wire = await asyncio.get_running_loop().create_connection(cls, parts.hostname or "", parts.port or 80)
        wire.write(
            f"GET /ws/chat/{session}/ HTTP/1.1\r\nHost: {parts.netloc}\r\nOrigin: {url}\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nCookie: {visitor.cookies}\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n".encode()
        )
        async with asyncio.timeout(WAIT_S):
            await wire.upgraded.wait()
        wire.say(type="hello", after=0)  # not before: Daphne drops what comes with the handshake
        await wire.until("sync")
        return wire

    def say(self, **frame: Any) -> None:
        """Send a frame."""
        self.send(TEXT, json.dumps(frame).encode("utf-8", "surrogatepass"))

    def send(self, opcode: int, payload: bytes, *, final: bool = True) -> None:
        """Send any bytes as one WebSocket frame; masked with zeros, as is allowed."""
        size = len(payload)
        head = bytes([final << 7 | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 1 << 16:
            head += b"\xfe" + struct.pack(">H", size)
        else:
            head += b"\xff" + struct.pack(">Q", size)
        self.write(head + bytes(4) + payload)

    def write(self, data: bytes) -> None:
        """Send any bytes at all."""
        self._transport.write(data)

    def stop_reading(self) -> None:
        """Read nothing more, so that the kernel's buffers fill and the server's after them."""
        self._transport.pause_reading()

    def drop(self) -> None:
        """End without a word."""
        self._transport.abort()

    async def until(self, type_: str, within_s: float = WAIT_S) -> dict[str, Any]:
        """Return the next frame of a type, of those that are kept. Raises ConnectionError if there will be none."""
        async with asyncio.timeout(within_s):
            while True:
                while self.frames:
                    frame = self.frames.popleft()
                    if frame["type"] == type_:
                        return frame
                if self.lost.is_set():
                    raise ConnectionError(f"closed with {self.close_code}")
                self._changed.clear()
                await self._changed.wait()

    # --- What asyncio calls ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self._buffer += data
        if not self.upgraded.is_set():
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._buffer = rest
            self.upgraded.set()
        while (frame := self._take()) is not None:
            self._heed(*frame)
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()
        self._changed.set()

    def _take(self) -> tuple[int, bytes] | None:
        """Return the next whole frame, its opcode and payload."""
        if len(self._buffer) < 2:
            return None
        size, start = self._buffer[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(self._buffer) < start:
                return None
            size = int.from_bytes(self._buffer[2:start])
        if len(self._buffer) < start + size:
            return None
        opcode, payload = self._buffer[0] & 15, bytes(self._buffer[start : start + size])
        del self._buffer[: start + size]
        return opcode, payload

    def _heed(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE:
            self.close_code = int.from_bytes(payload[:2]) if payload else None
            self._transport.close()
        elif opcode == PING:
            self.send(PONG, payload)
        elif opcode == TEXT and (self.keeps or payload.startswith(b'{"type":"ping"')):
            frame = json.loads(payload)
            if frame["type"] == "ping":
                self.say(type="pong", nonce=frame["nonce"])
            else:
                self.frames.append(frame)
