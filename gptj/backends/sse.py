"""Server-sent events out of bytes, wherever those are split (WHATWG HTML, section 9.2). Pure."""

import codecs
import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson

from gptj.exceptions import GenerationError

MAX_EVENT_CHARS = 1_048_576  # 1 MiB; a token's event has some 300


class EventTooLong(Exception):
    """An event goes on for more than MAX_EVENT_CHARS."""


class ServerSentEvent(NamedTuple):
    """One event: its name, "message" unless it says otherwise, and its lines of data."""

    name: str
    data: str

    def json(self) -> Any:
        """Return what the data says. Raises ValueError, RecursionError.

        orjson takes a fifth of the time, and refuses some of what models write: halves of surrogate pairs, NaN.
        """
        try:
            return orjson.loads(self.data)
        except ValueError:
            return json.loads(self.data)


def joined(
    events: Iterable[ServerSentEvent], read: Callable[[ServerSentEvent], str]
) -> tuple[str, GenerationError | None]:
    """Return the text that `read` finds in events that came together, and what is wrong with the one it ends at."""
    texts = []
    for event in events:
        try:
            texts.append(read(event))
        except GenerationError as error:
            return "".join(texts), error
    return "".join(texts), None


class Parser:
    """Takes bytes as they come and gives events as they are whole."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._rest = ""  # an unfinished line
        self._after_cr = False  # a line feed that comes now belongs to the carriage return before it
        self._name = ""
        self._data: list[str] = []
        self._held = 0  # chars in _data

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Return the events that end in `chunk`. Raises EventTooLong."""
        text = self._decode(chunk)
        if self._after_cr and text:
            text = text.removeprefix("\n")
            self._after_cr = False
        self._after_cr = self._after_cr or text.endswith("\r")
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        *lines, self._rest = (self._rest + text).split("\n") if "\n" in text else (self._rest + text,)
        events: list[ServerSentEvent] = []
        for line in lines:
            self._line(line, events)
        if len(self._rest) + self._held > MAX_EVENT_CHARS:
            raise EventTooLong
        return events

    def close(self) -> list[ServerSentEvent]:
        """Return what the stream ended in: servers leave out the blank line after the last event."""
        events: list[ServerSentEvent] = []
        if self._rest:
            self._line(self._rest, events)
            self._rest = ""
        self._line("", events)
        return events

    def _line(self, line: str, events: list[ServerSentEvent]) -> None:
        if not line:
            if self._data:
                events.append(ServerSentEvent(name=self._name or "message", data="\n".join(self._data)))
                self._data, self._held = [], 0
            self._name = ""
            return
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            self._data.append(value)
            self._held += len(value) + 1
        elif field == "event":
            self._name = value
