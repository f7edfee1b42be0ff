"""An HTTP server on loopback that answers as a test says, byte by byte, and notes what it was asked."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


Answer = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def head(status: int = 200, content_type: str = "text/event-stream", *more: str) -> bytes:
    """Return an answer's status line and headers; its body ends with the connection."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {content_type}", "Connection: close", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(text: str | None = None, *, finish: str | None = None, **more: Any) -> str:
    """Return the JSON of one piece of a chat completion."""
    delta = {} if text is None else {"content": text}
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "model": "m-1", **more})


def events(*data: str) -> bytes:
    """Return server-sent events."""
    return "".join(f"data: {item}\n\n" for item in data).encode()


WHOLE = events(chunk(""), chunk("Hel"), chunk("lo"), chunk(finish="stop"), "[DONE]")


def says(*parts: bytes | float | BaseException) -> Answer:
    """Return an answer of these bytes, with pauses in seconds; an exception cuts the connection hard."""

    async def answer(_request: Request, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            if isinstance(part, bytes):
                writer.write(part)
                await writer.drain()
            elif isinstance(part, BaseException):
                writer.transport.abort()
                return
            else:
                await asyncio.sleep(part)

    return answer


def is_json(status: int, content: Any, *more: str) -> Answer:
    """Return an answer of that JSON."""
    return says(head(status, "application/json", *more) + json.dumps(content).encode())


WELL = says(head() + WHOLE)
LISTING = is_json(200, {"data": [{"id": "m-1"}]})
NOT_FOUND = is_json(404, {"error": {"message": "File Not Found"}})


@dataclass
class FaultServer:
    """Answers POST with `answer`, or with the next of `answers`; GET with `listing`."""

    answer: Answer = WELL
    answers: list[Answer] = field(default_factory=list)
    listing: Answer = LISTING
    tokenize: Answer = NOT_FOUND
    requests: list[Request] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)  # a client closed its connection
    port: int = 0  # any that is free

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def posted(self) -> list[Request]:
        """The requests for an answer."""
        return [request for request in self.requests if request.method == "POST" and request.path != "/tokenize"]

    async def __aenter__(self) -> Self:
        self._connections: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                request = await _read(reader)
                self.requests.append(request)
                answering = asyncio.ensure_future(self._choose(request)(request, writer))
                leaving = asyncio.ensure_future(reader.read(1))
                try:
                    await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
                    if leaving.done():
                        self.ended.set()
                finally:
                    for each in (answering, leaving):
                        each.cancel()
                    await asyncio.gather(answering, leaving, return_exceptions=True)
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
            self._connections.discard(task)

    def _choose(self, request: Request) -> Answer:
        if request.path == "/tokenize":
            return self.tokenize
        if request.method == "GET":
            return self.listing
        return self.answers.pop(0) if self.answers else self.answer


async def _read(reader: asyncio.StreamReader) -> Request:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    parts = urlsplit(target)
    return Request(
        method=method,
        path=parts.path,
        query={name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
        headers=headers,
        body=await reader.readexactly(int(headers.get("content-length", 0))),
    )
