"""Database work off the event loop, in threads of its own: writes apart from reads, so that a lock delays no reader.

asgiref's own default is one thread for all consumers of a process, in which one slow query stops every socket.
"""

import asyncio
import functools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from time import perf_counter
from typing import ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, DataError, Error, IntegrityError, close_old_connections, connections

from chat.metrics import DATABASE, DATABASE_FAILURES, DATABASE_WAIT
from chat.protocol import Code, Refused

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

READERS = 4
WRITERS = {"sqlite": 1, "postgresql": 4}  # SQLite has one writer at a time; more would only wait on each other's lock


class Pool:
    """A small pool of threads, each with its own database connection."""

    def __init__(self, name: str, size: Callable[[], int]) -> None:
        self._name = name
        self._waits, self._works = DATABASE_WAIT.labels(name), DATABASE.labels(name)
        self._failures = DATABASE_FAILURES.labels(name)
        self._size = size
        self._executor: ThreadPoolExecutor | None = None

    async def __call__(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `function` in a thread. Raises what it raises, but for a database that fails: Refused, `unavailable`."""
        executor = self._executor = self._executor or ThreadPoolExecutor(self._size(), f"database-{self._name}")
        call = functools.partial(self._timed, perf_counter(), functools.partial(function, *args, **kwargs))
        return await asyncio.get_running_loop().run_in_executor(executor, copy_context().run, call)

    def _timed(self, asked: float, call: Callable[[], R]) -> R:
        """Call, in the thread, and note how long that and the wait for the thread took."""
        began = perf_counter()
        self._waits.observe(began - asked)
        try:
            return _with_connection(call)
        except Refused as refused:
            self._failures.inc(refused.code == Code.UNAVAILABLE)
            raise
        finally:
            self._works.observe(perf_counter() - began)

    def close(self) -> None:
        """Close every thread's connection and let the threads end."""
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


def _with_connection(call: Callable[[], R]) -> R:
    close_old_connections()
    try:
        return call()
    except (DataError, IntegrityError):
        raise  # what no row takes: trying again would change nothing
    except Error as error:
        logger.warning("The database fails: %s: %s", type(error).__name__, error)
        raise Refused(Code.UNAVAILABLE, "The database cannot be used now; try again.", retry_after_s=5) from error
    finally:
        close_old_connections()


read = Pool("read", lambda: READERS)
write = Pool("write", lambda: WRITERS.get(connections[DEFAULT_DB_ALIAS].vendor, 4))


def close() -> None:
    """Close both pools; the next call opens them again."""
    read.close()
    write.close()
