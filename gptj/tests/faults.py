"""The ways in which a model's server can misbehave, each with what that is to be called."""

import asyncio
import gzip
import json
from dataclasses import dataclass
from typing import Any

from gptj.exceptions import (
    BackendTimeout,
    BackendUnreachable,
    ContextTooLong,
    GenerationError,
    RequestRejected,
    ResponseGarbled,
    StreamIncomplete,
)
from gptj.tests.fault_server import WHOLE, Answer, Request, chunk, events, head, is_json, says

CUT = ConnectionResetError()
HANG = 30.0  # s; longer than any test waits


@dataclass(frozen=True, kw_only=True)
class Fault:
    """An answer, what is raised for it, and the text that came before."""

    answer: Answer
    raised: type[GenerationError] | None
    text: str = ""


def _status(status: int, raised: type[GenerationError], error: Any = None, *more: str) -> Fault:
    return Fault(answer=is_json(status, {"error": error or {"message": "no"}}, *more), raised=raised)


# Whatever the server speaks.
HTTP: dict[str, Fault] = {
    "closes without an answer": Fault(answer=says(), raised=BackendUnreachable),
    "cuts the connection hard": Fault(answer=says(CUT), raised=BackendUnreachable),
    "hangs before the headers": Fault(answer=says(HANG), raised=BackendTimeout),
    "hangs in the headers": Fault(answer=says(b"HTTP/1.1 200 OK\r\nContent-Ty", HANG), raised=BackendTimeout),
    "speaks no HTTP": Fault(answer=says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), raised=ResponseGarbled),
    "sends a header of 100 KB": Fault(
        answer=says(b"HTTP/1.1 200 OK\r\nX-Big: " + b"x" * 100_000 + b"\r\n\r\n"), raised=ResponseGarbled
    ),
    "is a web page": Fault(answer=says(head(200, "text/html") + b"<html>Welcome</html>"), raised=ResponseGarbled),
    "is empty": Fault(answer=says(head(200, "application/json")), raised=ResponseGarbled),
    "is 204": Fault(answer=says(head(204, "application/json")), raised=ResponseGarbled),
    "has no type": Fault(answer=says(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"), raised=ResponseGarbled),
    "is a list": Fault(answer=is_json(200, []), raised=ResponseGarbled),
    "is a number": Fault(answer=is_json(200, 7), raised=ResponseGarbled),
    "is JSON cut short": Fault(answer=says(head(200, "application/json") + b'{"text": "Hel'), raised=ResponseGarbled),
    "is JSON nested 100,000 deep": Fault(
        answer=says(head(200, "application/json") + b"[" * 100_000), raised=ResponseGarbled
    ),
    "is compressed unasked": Fault(
        answer=says(head(200, "application/json", "Content-Encoding: gzip") + gzip.compress(b" " * 50_000_000)),
        raised=ResponseGarbled,
    ),
    "redirects to a link-local address": Fault(
        answer=says(head(301, "text/html", "Location: http://169.254.169.254/latest/meta-data/")),
        raised=ResponseGarbled,
    ),
    "redirects to itself": Fault(answer=says(head(307, "text/html", "Location: /")), raised=ResponseGarbled),
    "400": _status(400, RequestRejected),
    "400, the context is too long": _status(
        400, ContextTooLong, {"message": "maximum context length is 2048 tokens", "code": "context_length_exceeded"}
    ),
    "401": _status(401, RequestRejected, {"message": "Incorrect API key provided: sk-canary"}),
    "403": _status(403, RequestRejected),
    "404": _status(404, RequestRejected),
    "405": _status(405, RequestRejected),
    "408": _status(408, BackendTimeout),
    "413": _status(413, ContextTooLong),
    "414": _status(414, ContextTooLong),
    "422": _status(422, RequestRejected, [{"loc": ["body"], "msg": "sk-canary"}]),
    "429": _status(429, BackendUnreachable, None, "Retry-After: 17"),
    "431": _status(431, ContextTooLong),
    "500": _status(500, BackendUnreachable),
    "500 as a web page": Fault(
        answer=says(head(500, "text/html") + b"<h1>Server Error</h1>"), raised=BackendUnreachable
    ),
    "502": _status(502, BackendUnreachable),
    "503": _status(503, BackendUnreachable),
    "504": _status(504, BackendTimeout),
    "500 that never ends": Fault(answer=says(head(500), b"x" * 1000, HANG), raised=BackendUnreachable),
}


async def _one_byte_a_time(_request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(head() + events(chunk("Hel")))
    for byte in events(chunk("lo")):
        writer.write(bytes([byte]))
        await asyncio.sleep(0.1)


async def _for_ever(_request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(head())
    while True:
        writer.write(events(chunk("x" * 8000)))
        await writer.drain()


async def _nothing_for_ever(_request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(head())
    while True:
        writer.write(events(chunk("")))
        await writer.drain()
        await asyncio.sleep(0.05)


async def _no_line_end(_request: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(head() + b"data: ")
    for _ in range(50_000):
        writer.write(b"x" * 1000)
        await writer.drain()


HELLO = events(chunk("Hel"))
PINGS: list[bytes | float] = [b": ping\n\n", 0.1] * 20
MORE: list[bytes | float] = [events(chunk("more")), 0.02] * 50

# Of a chat completion as server-sent events.
STREAM: dict[str, Fault] = {
    "hangs before the first token": Fault(answer=says(head(), HANG), raised=BackendTimeout),
    "says nothing but that it lives": Fault(answer=says(head(), *PINGS), raised=BackendTimeout),
    "hangs after the first token": Fault(answer=says(head() + HELLO, HANG), raised=BackendTimeout, text="Hel"),
    "sends ten bytes a second": Fault(answer=_one_byte_a_time, raised=BackendTimeout, text="Hel"),
    "never ends": Fault(answer=_for_ever, raised=ResponseGarbled),
    "never says anything": Fault(answer=_nothing_for_ever, raised=BackendTimeout),
    "sends 50 MB without a line's end": Fault(answer=_no_line_end, raised=ResponseGarbled),
    "ends in mid-reply": Fault(answer=says(head() + HELLO), raised=StreamIncomplete, text="Hel"),
    "is cut in mid-reply": Fault(
        answer=says(head(200, "text/event-stream", "Content-Length: 9999") + HELLO),
        raised=StreamIncomplete,
        text="Hel",
    ),
    "ends in mid-event": Fault(
        answer=says(head() + HELLO + b'data: {"choices": [{"del'), raised=StreamIncomplete, text="Hel"
    ),
    "has no event at all": Fault(answer=says(head()), raised=StreamIncomplete),
    "has no text": Fault(answer=says(head() + events(chunk(finish="stop"), "[DONE]")), raised=ResponseGarbled),
    "is done at once": Fault(answer=says(head() + events("[DONE]")), raised=ResponseGarbled),
    "has an event that is no JSON": Fault(
        answer=says(head() + HELLO + events("lo")), raised=ResponseGarbled, text="Hel"
    ),
    "has an event that is a list": Fault(answer=says(head() + events("[]")), raised=ResponseGarbled),
    "has a choice that is a number": Fault(answer=says(head() + events('{"choices": [7]}')), raised=ResponseGarbled),
    "has text that is a number": Fault(
        answer=says(head() + events('{"choices": [{"delta": {"content": 7}}]}')), raised=ResponseGarbled
    ),
    "breaks off with an error": Fault(
        answer=says(head() + HELLO + events('{"error": {"message": "sk-canary"}}')),
        raised=StreamIncomplete,
        text="Hel",
    ),
    "breaks off with an error that is a text": Fault(
        answer=says(head() + HELLO + events('{"error": "sk-canary"}')), raised=StreamIncomplete, text="Hel"
    ),
    "breaks off with a 503": Fault(
        answer=says(head() + HELLO + events('{"error": {"code": 503, "message": "loading"}}')),
        raised=BackendUnreachable,
        text="Hel",
    ),
    "says in the stream that the context is too long": Fault(
        answer=says(head() + events('{"error": {"type": "exceed_context_size_error"}}')), raised=ContextTooLong
    ),
    "does not stream": Fault(
        answer=is_json(200, {"choices": [{"message": {"content": "Hello"}}]}), raised=ResponseGarbled
    ),
    "says 503 with a 200": Fault(answer=is_json(200, {"error": {"code": 503}}), raised=BackendUnreachable),
}

# Odd, and yet whole.
ODD: dict[str, Fault] = {
    "has no DONE": Fault(answer=says(head() + events(chunk("Hello"), chunk(finish="stop"))), raised=None, text="Hello"),
    "has no finish": Fault(answer=says(head() + events(chunk("Hello"), "[DONE]")), raised=None, text="Hello"),
    "is done twice": Fault(answer=says(head() + WHOLE + events("[DONE]", "[DONE]")), raised=None, text="Hello"),
    "goes on after DONE": Fault(answer=says(head() + WHOLE, *MORE), raised=None, text="Hello"),
    "stays open after the finish": Fault(
        answer=says(head() + events(chunk("Hello"), chunk(finish="stop")), HANG), raised=None, text="Hello"
    ),
    "stays open after DONE": Fault(answer=says(head() + WHOLE, HANG), raised=None, text="Hello"),
    "comes byte by byte": Fault(answer=says(head(), *[bytes([byte]) for byte in WHOLE]), raised=None, text="Hello"),
    "ends its lines as Windows does": Fault(
        answer=says(head() + WHOLE.replace(b"\n", b"\r\n")), raised=None, text="Hello"
    ),
    "has comments": Fault(answer=says(head() + b": hi\n\n" + WHOLE), raised=None, text="Hello"),
    "has no space after the colon": Fault(
        answer=says(head() + WHOLE.replace(b"data: ", b"data:")), raised=None, text="Hello"
    ),
    "leaves out the last blank line": Fault(answer=says(head() + WHOLE.rstrip()), raised=None, text="Hello"),
    "has NUL and half a pair": Fault(
        answer=says(head() + events(chunk("Hel\0lo\ud800"), "[DONE]")), raised=None, text="Hello"
    ),
    "splits an emoji over two events": Fault(
        answer=says(head() + events(chunk("\ud83d"), chunk("\ude00"), "[DONE]")), raised=None, text="😀"
    ),
    "has bytes that are no UTF-8": Fault(
        answer=says(head() + events(chunk("Hel@lo"), "[DONE]").replace(b"@", b"\xff")), raised=None, text="Hel\ufffdlo"
    ),
    "counts in the last event": Fault(
        answer=says(head() + events(chunk("Hello"), chunk(finish="stop"), json.dumps({"choices": [], "usage": {}}))),
        raised=None,
        text="Hello",
    ),
}
