"""Log lines, for people or for programs: what happened, never what was said. Ids are hashed, keys blotted out.

Libraries log too, so this stands where every line passes, the formatter, and not where lines are written.
"""

import copy
import hashlib
import logging
import re
import traceback
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from pythonjsonlogger.json import JsonFormatter

IDS = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
SHORTEST_KEY = 8  # characters; less is no secret, and stands in ordinary words
# Python's quote the value that they could not use; the database's, so named in Django and in drivers, quote rows.
QUOTING = (ValueError, LookupError, AssertionError)
QUOTING_ROWS = {"DataError", "IntegrityError", "InternalError", "ProgrammingError"}
OWN = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}  # what every record has; the rest is `extra`

_bound: ContextVar[Mapping[str, str]] = ContextVar("bound")


def bind(**marks: str) -> None:
    """Write these with every line of this task, and of those that it starts from now on."""
    _bound.set({**_bound.get({}), **marks})


def bound(name: str) -> str:
    """Return what is bound under a name; "" if nothing is."""
    return _bound.get({}).get(name, "")


def mark(key: object) -> str:
    """Return what stands in the log for an id: twelve hex digits, the same for the same id while SECRET_KEY stays."""
    secret = hashlib.sha256(settings.SECRET_KEY.encode()).digest()
    return hashlib.blake2b(str(key).lower().encode(), key=secret, digest_size=6).hexdigest()


class Discreet(logging.Formatter):
    """Whatever a record holds, ids are marks, keys are blots, and errors that quote data say only where they arose."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = super().format(_plain(record))
        for key in _keys():
            line = line.replace(key, "[key]")
        return IDS.sub(lambda found: mark(found[0]), line)

    def formatException(self, ei: Any) -> str:  # noqa: N802 (logging's name)
        """Return the traceback, without what the errors quote."""
        lines: list[str] = list(_told(ei[1], set())) if ei[1] is not None else []
        return "".join(lines).rstrip("\n")


class Console(Discreet):
    """For people: time, level, logger, message, and what else is known as name=value."""

    default_time_format = "%Y-%m-%d %H:%M:%S"

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:<7} {name}: {message}{more}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """Return the line but for a traceback."""
        more = {name: value for name, value in vars(record).items() if name not in OWN}
        record.more = "".join(f" {name}={value}" for name, value in more.items())
        return super().formatMessage(record)


class Json(Discreet, JsonFormatter):
    """For programs: an object a line."""

    def __init__(self) -> None:
        names = {"levelname": "level", "name": "logger", "exc_info": "exception", "timestamp": "time"}
        super().__init__("{levelname}{name}{message}", style="{", timestamp=True, rename_fields=names)


def _plain(record: logging.LogRecord) -> logging.LogRecord:
    """Return a copy that holds what is bound, and in which errors among the arguments are harmless."""
    plain = copy.copy(record)
    for name in vars(record).keys() - OWN:  # Django adds the request itself, which shows its query
        if not isinstance(vars(record)[name], (str, int, float, None.__class__)):
            delattr(plain, name)
    vars(plain).update({**_bound.get({}), **vars(plain)})
    if isinstance(record.args, tuple):
        plain.args = tuple(_said(each) if isinstance(each, BaseException) else each for each in record.args)
    if record.name == "asyncio":  # its further lines show tasks with their errors and results
        plain.msg, plain.args = plain.getMessage().partition("\n")[0], ()
    return plain


def _said(error: BaseException) -> str:
    names = {cls.__name__ for cls in type(error).__mro__}
    return "[withheld]" if isinstance(error, QUOTING) or names & QUOTING_ROWS else str(error)


def _told(error: BaseException, seen: set[int]) -> Iterator[str]:
    """Give the lines of a traceback, causes first."""
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _told(before, seen)
        yield "\nAfter which:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}: {_said(error)}\n"
    for each in getattr(error, "exceptions", ()):  # an ExceptionGroup's
        yield from _told(each, seen)


def _keys() -> list[str]:
    """Return every key and password that the settings hold, longest first: one may be within another."""
    keys: set[str] = {settings.SECRET_KEY, settings.METRICS_TOKEN, *map(str, settings.SECRET_KEY_FALLBACKS)}
    keys |= {model["API_KEY"] for model in settings.GPTJ_MODELS.values()}
    keys |= {str(database.get("PASSWORD", "")) for database in settings.DATABASES.values()}
    redis_url: str = settings.REDIS_URL
    password = urlsplit(redis_url).password or ""
    keys |= {password, unquote(password)}
    return sorted((key for key in keys if len(key) >= SHORTEST_KEY), key=len, reverse=True)
