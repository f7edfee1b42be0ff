"""Database work off the event loop, in threads of its own: writes apart from reads, so that a lock delays no reader.

asgiref's own default is one thread for all consumers of a process, in which one slow query stops every socket.
"""

import asyncio
import functools
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    DataError,
    Error,
    IntegrityError,
    connections,
    transaction,
)

from chat.metrics import DATABASE, DATABASE_FAILURES, DATABASE_WAIT
from chat.protocol import Code, Refused

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

READERS = 4
WRITERS = {"sqlite": 1, "postgresql": 4}  # SQLite has one writer at a time; more would only wait on each other's lock
CHECK_S = 1.0  # between two looks at whether a thread's connection still serves
GATHER_S = 0.005  # that a writer waits for company, if it had some the last time


class Call:
    """A function to be called in a thread, and whoever awaits what it returns or raises."""

    __slots__ = ("asked", "context", "error", "function", "future", "loop", "shares", "value")

    def __init__(self, function: Callable[[], Any], *, shares: bool) -> None:
        self.function = function
        self.shares = shares  # a transaction with others
        self.context = copy_context()
        self.asked = time.perf_counter()
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.value: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        """Call. To be refused is an answer; raises what else it raises."""
        self.error = None
        try:
            self.value = self.context.run(self.function)
        except Refused as refused:
            self.error = refused

    def answer(self) -> None:
        """Tell who awaits it, if somebody still does."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.value)
        else:
            self.future.set_exception(self.error)


class Pool:
    """A small pool of threads, each with its own database connection."""

    def __init__(self, name: str, size: Callable[[], int]) -> None:
        self._name = name
        self._waits, self._works = DATABASE_WAIT.labels(name), DATABASE.labels(name)
        self._failures = DATABASE_FAILURES.labels(name)
        self._size = size
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()  # of the two below
        self._waiting: deque[Call] = deque()
        self._alone = False  # there is one thread, which takes all that waits
        self._company = False  # it was more than one the last time
        self._checked = threading.local()

    async def __call__(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `function` in a thread. Raises what it raises, but for a database that fails: Refused, `unavailable`."""
        return await self._ask(functools.partial(function, *args, **kwargs), shares=False)

    async def together(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a `function` that does nothing but write the database, in one transaction of its own. Raises as a call.

        Where there is one writer, those that wait share a commit: each one's own transaction becomes a savepoint
        within a common one, so what is refused is undone by itself, and nobody is answered before the commit. If
        anything else goes wrong, all of it is undone, and each runs once more, alone.
        """
        return await self._ask(functools.partial(function, *args, **kwargs), shares=True)

    def _ask(self, function: Callable[[], R], *, shares: bool) -> "asyncio.Future[R]":
        call = Call(function, shares=shares)
        with self._lock:
            if self._executor is None:
                size = self._size()
                self._alone = size == 1
                self._executor = ThreadPoolExecutor(size, f"database-{self._name}")
            self._waiting.append(call)
            if not self._alone or len(self._waiting) == 1:
                self._executor.submit(self._work)
        return call.future

    def _work(self) -> None:
        """Do what waits, in the order in which it was asked: in the thread."""
        if self._company:
            time.sleep(GATHER_S)
        with self._lock:
            taken = [self._waiting.popleft() for _ in range(len(self._waiting) if self._alone else 1)]
        self._company = len(taken) > 1
        self._check_connection()
        for shares, group in itertools.groupby(taken, key=lambda call: call.shares):
            calls = [call for call in group if not call.future.cancelled()]
            if shares and len(calls) > 1:
                self._observed(_together, calls)
            else:
                for call in calls:
                    self._observed(_each, [call])

    def _observed(self, run: Callable[[Sequence[Call]], None], calls: Sequence[Call]) -> None:
        """Run calls, answer them, and note how long that and the wait for the thread took."""
        began = time.perf_counter()
        run(calls)
        self._works.observe(time.perf_counter() - began)
        for call in calls:
            self._waits.observe(began - call.asked)
            if isinstance(call.error, Refused) and call.error.code == Code.UNAVAILABLE:
                self._failures.inc()
        for loop, group in itertools.groupby(calls, key=lambda call: call.loop):
            with suppress(RuntimeError):  # that loop is closed, and nobody waits any more
                loop.call_soon_threadsafe(_answer, list(group))

    def _check_connection(self) -> None:
        """Close this thread's connection if it has failed, or does not answer; else it stays, as the thread does."""
        now, connection = time.monotonic(), connections[DEFAULT_DB_ALIAS]
        if now - getattr(self._checked, "at", 0.0) > CHECK_S or connection.errors_occurred:
            connection.close_at = None
            with suppress(Error):  # it is let go of all the same
                connection.close_if_unusable_or_obsolete()
            self._checked.at = now

    def close(self) -> None:
        """Close every thread's connection and let the threads end."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is None:
            return
        everyone = threading.Barrier(self._size())  # no thread takes two of the calls
        for _ in range(self._size()):
            executor.submit(_close_connections, everyone)
        executor.shutdown(wait=True)


def _close_connections(everyone: threading.Barrier) -> None:
    connections.close_all()
    everyone.wait()


def _answer(calls: Sequence[Call]) -> None:
    for call in calls:
        call.answer()


def _together(calls: Sequence[Call]) -> None:
    """Run calls in one transaction; if that is not to be, each in its own."""
    begun = False
    try:
        with transaction.atomic():
            begun = True
            for call in calls:
                call.run()
            if transaction.get_rollback():  # one could not be undone by itself
                raise _Spoilt  # noqa: TRY301 (atomic undoes all)
    except BaseException as error:  # noqa: BLE001 (whose fault it is, each finds out)
        if begun:
            logger.info("A common transaction is undone, %d calls run alone: %s", len(calls), type(error).__name__)
            _each(calls)
        else:  # for all the same reason
            for call in calls:
                call.error = _translated(error)


class _Spoilt(Exception):
    """A common transaction that cannot be committed."""


def _each(calls: Sequence[Call]) -> None:
    """Run calls one by one."""
    for call in calls:
        try:
            call.run()
        except BaseException as error:  # noqa: BLE001 (who awaits it raises it)
            call.error = _translated(error)


def _translated(error: BaseException) -> BaseException:
    """Return what is to be raised: a database that fails is unavailable."""
    if not isinstance(error, Error) or isinstance(error, (DataError, IntegrityError)):
        return error  # also what no row takes: trying again would change nothing
    logger.warning("The database fails: %s: %s", type(error).__name__, error)
    refused = Refused(Code.UNAVAILABLE, "The database cannot be used now; try again.", retry_after_s=5)
    refused.__cause__ = error
    return refused


read = Pool("read", lambda: READERS)
write = Pool("write", lambda: WRITERS.get(connections[DEFAULT_DB_ALIAS].vendor, 4))


def close() -> None:
    """Close both pools; the next call opens them again."""
    read.close()
    write.close()
