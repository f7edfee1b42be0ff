"""Database work off the event loop, in threads of its own: writes apart from reads, so that a lock delays no reader.

asgiref's own default is one thread for all consumers of a process, in which one slow query stops every socket.
"""

import asyncio
import functools
import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, Error, connections

from chat import steps
from chat.calls import Call, answer_all, for_all, for_one, translated
from chat.metrics import DATABASE, DATABASE_FAILURES, DATABASE_WAIT
from chat.protocol import Code, Refused
from chat.steps import Write

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

READERS = 4
WRITERS = {"sqlite": 1, "postgresql": 4}  # SQLite has one writer at a time; more would only wait on each other's lock
CHECK_S = 1.0  # between two looks at whether a thread's connection still serves
LOCK_TIMEOUT_MS = 100  # that turns wait together in PostgreSQL for a session that another holds
RARE_S = 0.25  # between two turns' writes: a longer pause says no more than that they are rare
REMEMBERED = 8  # pauses that count for how often they come


class Pool:
    """A small pool of threads, each with its own database connection."""

    def __init__(self, name: str, size: Callable[[], int]) -> None:
        self._name = name
        self._waits, self._works = DATABASE_WAIT.labels(name), DATABASE.labels(name)
        self._failures = DATABASE_FAILURES.labels(name)
        self._size = size
        self._lock = threading.Lock()  # of the two below
        self._threads: list[threading.Thread] = []
        self._waiting: SimpleQueue[Sequence[Call] | None] = SimpleQueue()

    async def __call__(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `function` in a thread. Raises what it raises, but for a database that fails: Refused, `unavailable`."""
        call = Call(functools.partial(function, *args, **kwargs))
        self.put([call])
        found: R = await call.future
        return found

    def put(self, calls: Sequence[Call]) -> None:
        """Let a thread do these, when one comes to it."""
        with self._lock:
            if not self._threads:
                work = functools.partial(self._work, self._waiting)
                # Daemons: a process that goes down without closing the pool waits for no thread that waits for calls.
                self._threads = [
                    threading.Thread(target=work, name=f"database-{self._name}", daemon=True)
                    for _ in range(self._size())
                ]
                for thread in self._threads:
                    thread.start()
            self._waiting.put(calls)

    def _work(self, waiting: "SimpleQueue[Sequence[Call] | None]") -> None:
        """Do what waits, until there is nothing more to come: in a thread."""
        checked = 0.0
        try:
            while (taken := self._next(waiting)) is not None:
                checked = _check_connection(checked)
                self._do([call for call in taken if not call.future.cancelled()])
        finally:
            connections.close_all()

    def _next(self, waiting: "SimpleQueue[Sequence[Call] | None]") -> Sequence[Call] | None:
        """Wait for something to do; None says that there is nothing more to come."""
        return waiting.get()

    def _do(self, calls: Sequence[Call]) -> None:
        for call in calls:
            self._observed(_each, [call])

    def _observed(self, run: Callable[[Sequence[Call]], Sequence[Call]], calls: Sequence[Call]) -> None:
        """Run calls, answer those that are done, and note how long that and the wait for the thread took."""
        began = time.perf_counter()
        done = run(calls)
        self._works.observe(time.perf_counter() - began)
        for call in done:
            self._waits.observe(began - call.asked)
            if isinstance(call.error, Refused) and call.error.code == Code.UNAVAILABLE:
                self._failures.inc()
        for loop, group in itertools.groupby(done, key=lambda call: call.loop):
            with suppress(RuntimeError):  # that loop is closed, and nobody waits any more
                loop.call_soon_threadsafe(answer_all, list(group))

    def close(self) -> None:
        """Close every thread's connection and let the threads end, when they have done what waits."""
        with self._lock:
            threads, self._threads = self._threads, []
            for _ in threads:
                self._waiting.put(None)
            self._waiting = SimpleQueue()
        for thread in threads:
            thread.join()


class Writer(Pool):
    """One thread that takes all that waits at once, and lets the writes of turns share a transaction.

    Nobody is answered before the commit, and what is refused has changed nothing. If anything else goes wrong, all of
    it is undone, and each runs once more, alone.
    """

    def __init__(self, name: str, others: Pool) -> None:
        """`others` are the threads beside this one, where the database has many writers."""
        super().__init__(name, lambda: 1)
        self._others = others
        self._gathered: list[Call] = []
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # whose the timer is
        self._asked = 0.0  # when the last write of a turn was, in the loop's time
        self._pause_s = RARE_S  # between two of them, on average

    async def __call__(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `function` in a thread, as a pool does: in its turn, or beside the turns where that can be."""
        if _many_writers():
            return await self._others(function, *args, **kwargs)
        self._let_go()
        return await super().__call__(function, *args, **kwargs)

    async def together(self, write: Write[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a write of a turn, in one transaction with others that come within its patience. Raises as a call.

        It waits only while so many come that there will be company.
        """
        call = Call(functools.partial(write, *args, **kwargs), steps=functools.partial(write.steps, *args, **kwargs))
        if call.loop is not self._loop:
            self._let_go()  # the loop before this one may be closed, and its timer with it
            self._loop = call.loop
        self._gathered.append(call)
        now = call.loop.time()
        self._pause_s += (min(max(now - self._asked, 0.0), RARE_S) - self._pause_s) / REMEMBERED
        self._asked = now
        if self._pause_s > write.patience_s:
            self._let_go()
        elif self._timer is None or self._timer.when() > now + write.patience_s:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = call.loop.call_later(write.patience_s, self._let_go)
        found: R = await call.future
        return found

    def _let_go(self) -> None:
        """Let the thread have what has gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._gathered:
            gathered, self._gathered = self._gathered, []
            self.put(gathered)

    def _next(self, waiting: "SimpleQueue[Sequence[Call] | None]") -> Sequence[Call] | None:
        taken = waiting.get()
        with suppress(Empty):
            while taken is not None:
                more = waiting.get_nowait()
                if more is None:
                    waiting.put(None)
                    break
                taken = [*taken, *more]
        return taken

    def _do(self, calls: Sequence[Call]) -> None:
        for shares, group in itertools.groupby(calls, key=lambda call: call.shares):
            if shares:
                self._observed(self._together, list(group))
            else:
                super()._do(list(group))

    def _together(self, calls: Sequence[Call]) -> Sequence[Call]:
        """Run calls in one transaction; return those that are done, which those are not that others run alone."""
        try:
            answers = steps.run([call.steps() for call in calls if call.steps], lock_timeout_ms=LOCK_TIMEOUT_MS)
        except BaseException as error:  # noqa: BLE001 (whose fault it is, each finds out)
            if for_all(error) or (len(calls) == 1 and not for_one(error)):
                for call in calls:
                    call.error = translated(error)
                return calls
            logger.info("A common transaction is undone, %d calls run alone: %s", len(calls), type(error).__name__)
            if not _many_writers():
                return _each(calls)
            for call in calls:
                self._others.put([call])
            return []
        for call, answer in zip(calls, answers, strict=True):
            if isinstance(answer, Exception):
                call.error = translated(answer)
            else:
                call.value = answer
        return calls

    def close(self) -> None:
        """Close every thread's connection and let the threads end, when they have done what waits."""
        self._let_go()
        super().close()
        self._others.close()


def _many_writers() -> bool:
    return WRITERS.get(connections[DEFAULT_DB_ALIAS].vendor, 1) > 1


def _check_connection(checked: float) -> float:
    """Close this thread's connection if it has failed, or does not answer; else it stays, as the thread does.

    Looks at most every CHECK_S; `checked` is when it last did, and so is what it returns.
    """
    now, connection = time.monotonic(), connections[DEFAULT_DB_ALIAS]
    if now - checked <= CHECK_S and not connection.errors_occurred:
        return checked
    connection.close_at = None
    with suppress(Error):  # it is let go of all the same
        connection.close_if_unusable_or_obsolete()
    return now


def _each(calls: Sequence[Call]) -> Sequence[Call]:
    """Run calls one by one."""
    for call in calls:
        call.run()
    return calls


read = Pool("read", lambda: READERS)
write = Writer("write", Pool("write", lambda: WRITERS["postgresql"] - 1))


def close() -> None:
    """Close all pools; the next call opens them again."""
    read.close()
    write.close()
