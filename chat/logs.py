"""Log lines, for people or for programs: what happened, never what was said. Ids are hashed, keys blotted out.

Libraries log too, so this stands where every line passes, the formatter, and not where lines are written.
"""

import hashlib
import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from types import NoneType
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings

from chat.lean import load_structlog

load_structlog()

import structlog  # noqa: E402 (as load_structlog leaves it)
from structlog.dev import Column, ConsoleRenderer  # noqa: E402
from structlog.processors import ExceptionRenderer, JSONRenderer  # noqa: E402
from structlog.stdlib import BoundLogger, LoggerFactory, ProcessorFormatter  # noqa: E402
from structlog.typing import EventDict, ExcInfo, Processor  # noqa: E402

IDS = re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b")
ID_LENGTH = 36  # characters
SHORTEST_KEY = 8  # characters; less is no secret, and stands in ordinary words
# Python's quote the value that they could not use; the database's, so named in Django and in drivers, quote rows.
QUOTING = (ValueError, LookupError, AssertionError)
QUOTING_ROWS = {"DataError", "IntegrityError", "InternalError", "ProgrammingError"}
OWN = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}  # what every record has; the rest is `extra`
PLAIN = (str, int, float, NoneType)  # what a line can hold; Django adds the request itself, which shows its query

# No line shows a thread or process, and to ask for them costs a part of each (the logging HOWTO, "Optimization").
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def bind(**marks: str) -> None:
    """Write these with every line of this task, and of those that it starts from now on."""
    structlog.contextvars.bind_contextvars(**marks)


def bound(name: str) -> str:
    """Return what is bound under a name; "" if nothing is."""
    found: str = structlog.contextvars.get_contextvars().get(name, "")
    return found


def mark(key: object) -> str:
    """Return what stands in the log for an id: twelve hex digits, the same for the same id while SECRET_KEY stays."""
    return hashlib.blake2b(str(key).lower().encode(), key=_digest(settings.SECRET_KEY), digest_size=6).hexdigest()


@lru_cache(maxsize=1)
def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


class Discreet(ProcessorFormatter):
    """Whatever a record holds, ids are marks, keys are blots, and errors that quote data say only where they arose."""

    def __init__(self, renderer: Processor) -> None:
        super().__init__(
            processors=[structlog.contextvars.merge_contextvars, _worded, ExceptionRenderer(_told), _plain, renderer]
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's line. Only those of structlog's own loggers are structlog's to take apart.

        It would copy the others, and have logging format them once more, in as long as all the rest takes.
        """
        if hasattr(record, "_logger"):
            return super().format(record)
        line: Any = _taken(record)
        for process in self.processors:
            line = process(None, record.levelname, line)
        return str(line)


class Console(Discreet):
    """For people: time, level, logger, message, and what else is known as name=value; in colours on a terminal."""

    def __init__(self, *, coloured: bool = False) -> None:
        styles = ConsoleRenderer.get_default_column_styles(coloured)
        levels = ConsoleRenderer.get_default_level_styles(coloured)

        dim, bold, end = styles.timestamp, styles.bright, styles.reset

        def time(key: str, value: Any) -> str:
            return f"{dim}{value:%Y-%m-%d %H:%M:%S},{value.microsecond // 1000:03}{end}"

        def level(key: str, value: Any) -> str:
            return f"{levels.get(value.lower(), '')}{value:<7}{end}"

        columns = [
            Column("time", time),
            Column("level", level),
            Column("logger", lambda _, name: f"{styles.logger_name}{name}{end}:"),
            Column("message", lambda _, message: f"{bold}{message}{end}"),
            Column("", lambda name, value: f"{styles.kv_key}{name}{end}={styles.kv_value}{value}{end}"),
        ]
        super().__init__(ConsoleRenderer(columns=columns, sort_keys=False))


class Json(Discreet):
    """For programs: an object a line."""

    def __init__(self) -> None:
        super().__init__(JSONRenderer(default=datetime.isoformat))


def _taken(record: logging.LogRecord) -> EventDict:
    """Return a record that logging made as structlog's event: its message as it was given, and what was added to it."""
    event: EventDict = {
        "_record": record,
        "_from_structlog": False,
        "event": record.msg,
        "positional_args": record.args,
    }
    if record.exc_info:
        event["exc_info"] = record.exc_info
    if record.stack_info:
        event["stack"] = record.stack_info
    event.update({name: each for name, each in vars(record).items() if name not in OWN and isinstance(each, PLAIN)})
    return event


def _worded(_: Any, __: str, event: EventDict) -> EventDict:
    """Put the message together, in which errors are harmless."""
    message, args = str(_harmless(event["event"])), event.pop("positional_args", ())
    if args:
        with suppress(Exception):  # which logging would tell with the arguments; without them it is still said what was
            message %= tuple(map(_harmless, args)) if isinstance(args, tuple) else args
    if event["_record"].name == "asyncio":  # its further lines show tasks with their errors and results
        message = message.partition("\n")[0]
    event["event"] = message
    return event


def _plain(_: Any, __: str, event: EventDict) -> EventDict:
    """Return the line's parts in their order: plain values alone, in which ids are marks and keys are blots."""
    record: logging.LogRecord = event.pop("_record")
    keys = _keys()
    line = {
        "time": datetime.fromtimestamp(record.created, UTC),
        "level": record.levelname,
        "logger": record.name,
        "message": _blotted(event.pop("event"), keys),
    }
    del event["_from_structlog"]
    for name, value in event.items():
        if isinstance(value, PLAIN):
            line[name] = _blotted(value, keys) if isinstance(value, str) else value
    return line


def _blotted(text: str, keys: tuple[str, ...]) -> str:
    if len(text) < SHORTEST_KEY:
        return text
    for key in keys:
        text = text.replace(key, "[key]")
    return text if len(text) < ID_LENGTH else IDS.sub(_marked, text)


def _marked(found: re.Match[str]) -> str:
    return mark(found[0])


def _harmless(value: object) -> object:
    return _said(value) if isinstance(value, BaseException) else value


def _said(error: BaseException) -> str:
    names = {cls.__name__ for cls in type(error).__mro__}
    return "[withheld]" if isinstance(error, QUOTING) or names & QUOTING_ROWS else str(error)


def _told(exc_info: ExcInfo) -> str:
    """Return a traceback, without what the errors quote."""
    return "".join(_lines(exc_info[1], set())).rstrip("\n")


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    """Give the lines of a traceback, causes first."""
    seen.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in seen:
        yield from _lines(before, seen)
        yield "\nAfter which:\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}: {_said(error)}\n"
    for each in getattr(error, "exceptions", ()):  # an ExceptionGroup's
        yield from _lines(each, seen)


def _keys() -> tuple[str, ...]:
    """Return every key and password that the settings hold, longest first: one may be within another."""
    return _secrets(
        settings.REDIS_URL,
        settings.SECRET_KEY,
        settings.METRICS_TOKEN,
        *settings.SECRET_KEY_FALLBACKS,
        *[model["API_KEY"] for model in settings.GPTJ_MODELS.values()],
        *[database.get("PASSWORD", "") for database in settings.DATABASES.values()],
    )


@lru_cache(maxsize=1)
def _secrets(redis_url: str, *others: object) -> tuple[str, ...]:
    password = urlsplit(redis_url).password or ""
    keys = {password, unquote(password), *map(str, others)}
    return tuple(sorted((key for key in keys if len(key) >= SHORTEST_KEY), key=len, reverse=True))


# Lines of structlog's own loggers take the same way.
structlog.configure(
    processors=[ProcessorFormatter.wrap_for_formatter],
    wrapper_class=BoundLogger,
    logger_factory=LoggerFactory(),
    cache_logger_on_first_use=True,
)
