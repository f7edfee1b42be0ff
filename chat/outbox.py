"""What goes out to one socket: in order, no faster than it is read, with pings that ask whether it is.

The server beneath buffers without limit (daphne#170), so what has been read is known by the client's `pong` alone.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from chat.protocol import Close, ServerPing

logger = logging.getLogger(__name__)

AT_ONCE = "chat.at_once"  # ASGI extension of a server that sends text when called, (str) -> None: nothing to await
PING_S = 20  # between two pings
PONG_S = 25  # for its answer
UNREAD = 512 * 1024  # bytes sent since the last confirmed ping; beyond, the rest waits for a pong
WAITING = 1024 * 1024  # bytes that wait; what comes on top of more finds that the client reads too slowly


class Outbox:
    """Frames for one socket. `send` and `close` do the sending; both may wait, but see AT_ONCE."""

    def __init__(self, send: Callable[[str], Awaitable[None]], close: Callable[[int], Awaitable[None]]) -> None:
        self._send = send
        self._close = close
        self._at_once: Callable[[str], None] | None = None
        self._queue: asyncio.Queue[str | Close] = asyncio.Queue()
        self._held: list[str] | None = None
        self._waiting = 0
        self._unread = 0
        self._unread_at_ping = 0
        self._nonce: str | None = None
        self._confirmed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._writer: asyncio.Task[None] | None = None
        self._beside: asyncio.Task[None] | None = None  # a ping, or the close, that does not wait for what was put
        self.ended = False  # nothing that is put goes out any more

    def start(self, extensions: Mapping[str, Any] | None = None) -> None:
        """Begin to send, and to ping; by the server's own `extensions` where it has such."""
        self._at_once = (extensions or {}).get(AT_ONCE)
        self._writer = asyncio.create_task(self._write())
        self._ping_later()

    def cancel(self) -> None:
        """Send nothing more: the socket is gone."""
        self.ended = True
        if self._timer is not None:
            self._timer.cancel()
        for task in (self._writer, self._beside):
            if task is not None:
                task.cancel()

    def put(self, frame: str) -> None:
        """Send a frame after those before it, unless the end has come."""
        if self.ended:
            return
        if self._at_once is not None and not self._waiting and self._unread <= UNREAD:
            self._at_once(frame)
            self._unread += _size(frame)
            if self._unread > UNREAD:
                self._ping_now()
        elif self._waiting > WAITING:
            self._end_now(Close.READS_TOO_SLOWLY)
        else:
            self._waiting += _size(frame)
            self._queue.put_nowait(frame)

    def put_live(self, frame: str) -> None:
        """Send a frame that others caused; while held back, after `release`."""
        if self._held is not None:
            self._held.append(frame)
        else:
            self.put(frame)

    def hold(self) -> None:
        """Hold live frames back."""
        self._held = []

    def release(self) -> None:
        """Send the live frames that were held back."""
        held, self._held = self._held or [], None
        for frame in held:
            self.put(frame)

    def end(self, code: Close) -> None:
        """Close after what was put before."""
        if not self.ended:
            self.ended = True
            self._queue.put_nowait(code)

    def pong(self, nonce: str) -> None:
        """Hear that the client has read up to a ping."""
        if nonce != self._nonce:
            return
        self._nonce = None
        self._unread -= self._unread_at_ping
        self._confirmed.set()
        self._ping_later()

    async def _write(self) -> None:
        while True:
            item = await self._queue.get()
            if isinstance(item, Close):
                await self._close(item.value)
                return
            await self._until_confirmed()
            await self._send(item)
            self._waiting -= _size(item)
            self._unread += _size(item)
            await self._until_confirmed()

    async def _until_confirmed(self) -> None:
        while self._unread > UNREAD:
            self._confirmed.clear()
            if self._nonce is None:
                await self._ping()
            await self._confirmed.wait()

    def _ping_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(PING_S, self._ping_now)

    def _ping_now(self) -> None:
        """Put a ping ahead of what waits: it asks about what has been sent."""
        if self._nonce is None and self._writer is not None and not self._writer.done():
            self._beside = asyncio.create_task(self._ping())

    async def _ping(self) -> None:
        self._nonce = secrets.token_hex(4)
        self._unread_at_ping = self._unread
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(PONG_S, self._give_up)
        await self._send(ServerPing(nonce=self._nonce).encode())

    def _give_up(self) -> None:
        self._end_now(Close.READS_TOO_SLOWLY if self._unread > UNREAD else Close.SILENT)

    def _end_now(self, code: Close) -> None:
        """Close without waiting for what was put before."""
        logger.info("A connection is ended: %s (%d)", code.name, code)
        self.cancel()
        self._beside = asyncio.ensure_future(self._close(code.value))


def _size(frame: str) -> int:
    """Return how many bytes a frame is on the wire."""
    return len(frame) if frame.isascii() else len(frame.encode())
