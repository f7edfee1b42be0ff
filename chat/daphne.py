"""Daphne with what it has no options for: a limit on a request's body, and frames that leave at once."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from daphne import http_protocol, server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import main, tcp

from chat.bodies import REFUSAL
from chat.outbox import AT_ONCE
from chat.wire import frame_of, payload_of

ANSWER = (
    b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b"
) % (len(REFUSAL), REFUSAL)
PATIENCE = 64  # so many times the limit is read and dropped: who still sends when the line is cut never sees the answer


def cap_bodies(limit: int) -> None:
    """Let Daphne refuse, from now on, what is longer than `limit` bytes.

    By itself it writes all of a body to a file before it asks anybody.
    """

    class Capped(http_protocol.WebRequest):  # type: ignore[misc]  # Daphne is not typed
        """A request whose body is counted as it comes."""

        _size = 0
        _refused = False

        def gotLength(self, length: int | None) -> None:  # noqa: N802 (Twisted's name)
            """Hear at the end of the headers how long the body will be; None if nobody says."""
            refused = length is not None and length > limit
            super().gotLength(0 if refused else length)
            if refused:
                self._refuse()

        def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
            """Keep a piece of the body, or drop it."""
            self._size += len(data)
            if self._size > PATIENCE * limit:
                self.channel.loseConnection()
            elif self._size <= limit and not self._refused:
                super().handleContentChunk(data)
            elif not self._refused:
                self._refuse()

        def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802
            """Hear that all of it has come."""
            if self._refused:
                self.channel.loseConnection()
            else:
                super().requestReceived(command, path, version)

        def connectionLost(self, reason: object) -> None:  # noqa: N802
            """Leave nothing of the body; Daphne leaves its file to the garbage collector."""
            super().connectionLost(reason)
            if self.content is not None:
                self.content.close()

        def _refuse(self) -> None:
            self._refused = True
            self.content.close()
            self.requestHeaders.removeHeader(b"Expect")  # else it is told to continue
            self.channel.transport.write(ANSWER)

    http_protocol.WebRequest = Capped


class Prompt(tcp.Server):
    """A connection that sends what was written together, without asking whether there is room.

    Twisted's own asks the event loop first: by two system calls for each time that something is sent. And it takes
    64 KB of memory for each time that something is read, which leaves gaps (see `chat.heap`).
    """

    _due = False
    _room = memoryview(bytearray(tcp.Server.bufferSize))  # for all of them: what was read is copied at once

    def doRead(self) -> Any:  # noqa: N802 (Twisted's name)
        """Take in what has come; return why the connection is lost, if it is."""
        try:
            size = self.socket.recv_into(self._room)
        except BlockingIOError:
            return None
        except OSError:
            return main.CONNECTION_LOST
        if not size:
            return main.CONNECTION_DONE
        protocol: Any = self.protocol
        protocol.dataReceived(bytes(self._room[:size]))
        return None

    def startWriting(self) -> None:  # noqa: N802 (Twisted's name)
        """Send soon what is being written, or end."""
        if not self._due:
            if not _due:
                asyncio.get_running_loop().call_soon(_send_due)
            _due.append(self)
            self._due = True

    def send(self) -> None:
        """Send what the socket takes; the event loop sees to the rest, to faults and to the end."""
        self._due = False
        if self.connected and (self._has_more_to_do or not self._sent()):
            super().startWriting()  # type: ignore[no-untyped-call]  # Twisted is typed in part

    @property
    def _has_more_to_do(self) -> bool:
        """Whether it is for Twisted's own doWrite, which ends connections and lets who waits for room go on."""
        waits = self.producer is not None and (self.producerPaused or not self.streamingProducer)
        return bool(waits or self.dataBuffer or self.disconnecting or self._writeDisconnecting)

    def _sent(self) -> bool:
        """Send what has been written; tell whether that was all of it."""
        written = b"".join(self._tempDataBuffer)
        try:
            size = self.socket.send(written)
        except OSError:
            return False
        self._tempDataBuffer, self._tempDataLen = [], 0
        if size < len(written):
            self.dataBuffer, self.offset = written, size
        return not self.dataBuffer


_due: deque[Prompt] = deque()  # on which something was written in this turn of the event loop


def _send_due() -> None:
    """Send what was written: by one call for all connections, and one system call for all that is due on each."""
    try:
        while _due:
            _due.popleft().send()
    finally:
        if _due:  # the fault of one is told by the event loop, and keeps none of the others waiting
            asyncio.get_running_loop().call_soon(_send_due)


class Direct(WebSocketProtocol):  # type: ignore[misc]  # Daphne is not typed
    """A WebSocket that takes a frame which came whole, as nearly all do, past Autobahn's steps for all the others."""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Take in what has come."""
        payload = payload_of(data) if self._awaits_a_frame else None
        if payload is None:
            super().dataReceived(data)
        else:
            self.onMessage(payload, False)

    @property
    def _awaits_a_frame(self) -> bool:
        """Whether what comes is the beginning of a message, and is waited for by nothing else."""
        return (
            self.state == self.STATE_OPEN
            and not self.data
            and self.current_frame is None
            and not self.inside_message
            and not self.autoPingTimeoutCall
        )


def send_promptly() -> None:
    """Let the connections that are accepted from now on send at once, and take what comes directly."""
    tcp.Port.transport = Prompt
    WebSocketFactory.protocol = Direct


class Server(server.Server):  # type: ignore[misc]  # Daphne is not typed
    """Daphne's server, which lets a socket's application send text without awaiting anything: `chat.outbox.AT_ONCE`."""

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Begin to serve a connection."""
        if isinstance(protocol, WebSocketProtocol):
            write: Callable[[str], None] = partial(write_text, protocol)
            scope["extensions"] = {AT_ONCE: write}
        return super().create_application(protocol, scope)


def write_text(protocol: Any, text: str) -> None:
    """Send a text frame, unless the connection has ended.

    Autobahn's own sendMessage takes six times as long, also to put into words for a log what it does.
    """
    if protocol.state == protocol.STATE_OPEN:
        protocol.transport.write(frame_of(text))
