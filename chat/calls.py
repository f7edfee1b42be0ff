"""One call of a function in a thread of `chat.threads`: who awaits it, and what a failure of the database means."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import Any

from django.db import DataError, Error, IntegrityError, InterfaceError, OperationalError

from chat.protocol import Code, Refused
from chat.steps import Steps

logger = logging.getLogger(__name__)

FOR_ONE = {"55P03", "40P01"}  # a lock that is not to be had, a deadlock: where PostgreSQL refuses a group for one of it


class Call:
    """A function to be called in a thread, and whoever awaits what it returns or raises."""

    __slots__ = ("asked", "context", "error", "function", "future", "loop", "steps", "value")

    def __init__(self, function: Callable[[], Any], *, steps: Callable[[], Steps[Any]] | None = None) -> None:
        self.function = function
        self.steps = steps  # of a write that may share a transaction with others
        self.context = copy_context()
        self.asked = time.perf_counter()
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.value: Any = None
        self.error: BaseException | None = None

    @property
    def shares(self) -> bool:
        """Whether it may share a transaction with others."""
        return self.steps is not None

    def run(self) -> None:
        """Call."""
        try:
            self.value = self.context.run(self.function)
        except Refused as refused:
            self.error = refused
        except BaseException as error:  # noqa: BLE001 (who awaits it raises it)
            self.error = translated(error)

    def answer(self) -> None:
        """Tell who awaits it, if somebody still does."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.value)
        else:
            self.future.set_exception(self.error)


def answer_all(calls: Sequence[Call]) -> None:
    """Tell all who await these."""
    for call in calls:
        call.answer()


def for_one(error: BaseException) -> bool:
    """Tell whether PostgreSQL refused a group for a lock that one of it waits for."""
    return getattr(error.__cause__, "sqlstate", None) in FOR_ONE


def for_all(error: BaseException) -> bool:
    """Tell whether the database itself fails, so that each would find the same."""
    return isinstance(error, (OperationalError, InterfaceError)) and not for_one(error)


def translated(error: BaseException) -> BaseException:
    """Return what is to be raised: a database that fails is unavailable."""
    if not isinstance(error, Error) or isinstance(error, (DataError, IntegrityError)):
        return error  # also what no row takes: trying again would change nothing
    logger.warning("The database fails: %s: %s", type(error).__name__, error)
    refused = Refused(Code.UNAVAILABLE, "The database cannot be used now; try again.", retry_after_s=5)
    refused.__cause__ = error
    return refused
