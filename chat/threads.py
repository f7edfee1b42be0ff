"""Database work off the event loop, in threads of its own: writes apart from reads, so that a lock delays no reader.

asgiref's own default is one thread for all consumers of a process, in which one slow query stops every socket.
"""

import functools
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS, DataError, Error, IntegrityError, close_old_connections, connections

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
        self._size = size
        self._executor: ThreadPoolExecutor | None = None

    async def __call__(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `function` in a thread. Raises what it raises, but for a database that fails: Refused, `unavailable`."""
        executor = self._executor = self._executor or ThreadPoolExecutor(self._size(), self._name)
        call = functools.partial(_with_connection, function, *args, **kwargs)
        return await sync_to_async(call, thread_sensitive=False, executor=executor)()

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


def _with_connection(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    except (DataError, IntegrityError):
        raise  # what no row takes: trying again would change nothing
    except Error as error:
        logger.warning("The database fails: %s: %s", type(error).__name__, error)
        raise Refused(Code.UNAVAILABLE, "The database cannot be used now; try again.", retry_after_s=5) from error
    finally:
        close_old_connections()


read = Pool("database-read", lambda: READERS)
write = Pool("database-write", lambda: WRITERS.get(connections[DEFAULT_DB_ALIAS].vendor, 4))


def close() -> None:
    """Close both pools; the next call opens them again."""
    read.close()
    write.close()
