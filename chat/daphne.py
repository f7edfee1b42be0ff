"""Daphne with a limit on a request's body: by itself it writes all of one to a file before it asks anybody."""

from daphne import http_protocol

from chat.bodies import REFUSAL

ANSWER = (
    b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b"
) % (len(REFUSAL), REFUSAL)
PATIENCE = 64  # so many times the limit is read and dropped: who still sends when the line is cut never sees the answer


def cap_bodies(limit: int) -> None:
    """Let Daphne refuse, from now on, what is longer than `limit` bytes. It has no option for that."""

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

        def _refuse(self) -> None:
            self._refused = True
            self.requestHeaders.removeHeader(b"Expect")  # else it is told to continue
            self.channel.transport.write(ANSWER)

    http_protocol.WebRequest = Capped
