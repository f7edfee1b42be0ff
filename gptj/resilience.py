"""When a model fails: try again before anything was heard, and leave it alone for a while after several failures."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from gptj.backends.base import Event, Piece
from gptj.conf import setting
from gptj.exceptions import (
    BackendTimeout,
    BackendUnreachable,
    GenerationError,
    NotLoaded,
    ResponseGarbled,
    StreamIncomplete,
)

LONGEST_WAIT_S = 5.0  # before a retry, if the server names a time; a person waits
FAILURES = 5  # in a row, until the breaker opens
OPEN_S = 30.0  # until one call may try again


class Breaker:
    """Lets calls through until FAILURES failed in a row; then none for OPEN_S; then one, whose outcome decides."""

    def __init__(self, changed: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        """`changed` is told at each call's end what is wrong with the model, or "" if nothing is."""
        self._changed = changed
        self._clock = clock
        self._failures = 0
        self._closed_at = 0.0

    @property
    def open(self) -> bool:
        """Whether the last calls failed, so that no other than a trial is let through."""
        return self._failures >= FAILURES

    def enter(self) -> None:
        """Raise BackendUnreachable if no call may be made now."""
        if not self.open:
            return
        remains = self._closed_at - self._clock()
        if remains > 0:
            raise BackendUnreachable(
                f"The model failed {self._failures} times in a row; the next try is in {remains:.0f} s.",
                retry_after_s=remains,
            )
        self._closed_at = self._clock() + OPEN_S  # for all others than this one

    def succeeded(self) -> None:
        """A call ended as it should."""
        self._failures = 0
        self._changed("")

    def given_up(self) -> None:
        """A trial was ended by whoever asked, before anything was heard: the next call is the trial."""
        self._closed_at = self._clock()

    def failed(self, error: GenerationError) -> None:
        """A call ended with `error`, which may be the caller's own fault, or be seen to by a supervisor."""
        if isinstance(error, NotLoaded):
            return
        if not isinstance(error, BackendUnreachable | BackendTimeout | StreamIncomplete | ResponseGarbled):
            self.succeeded()
            return
        self._failures += 1
        self._closed_at = self._clock() + OPEN_S
        if self.open or isinstance(error, BackendUnreachable):
            self._changed(error.detail)


async def persistently(attempt: Callable[[], AsyncGenerator[Event, None]]) -> AsyncGenerator[Event, None]:
    """Give the events of an attempt; of up to two more, if one could not serve and no text was heard of it."""
    for pause_s in (*setting("GPTJ_RETRY_AFTER_S"), None):
        heard = False
        try:
            async with aclosing(attempt()) as events:
                async for event in events:
                    heard = heard or isinstance(event, Piece)
                    yield event
                return
        except (BackendUnreachable, StreamIncomplete) as error:
            wait_s = max(error.retry_after_s or 0, pause_s or 0)
            if heard or pause_s is None or wait_s > LONGEST_WAIT_S:
                raise
        # Not all at once, or those that failed together would come again together.
        await asyncio.sleep(wait_s * random.uniform(1, 1.5))  # noqa: S311 (no secret)


async def guarded(breaker: Breaker, events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """Give `events` if the breaker lets them be made, and tell it how they ended."""
    async with aclosing(events):
        trial, heard = breaker.open, False
        breaker.enter()
        try:
            async for event in events:
                heard = heard or isinstance(event, Piece)
                yield event
        except GenerationError as error:
            breaker.failed(error)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            if trial:
                (breaker.succeeded if heard else breaker.given_up)()
            raise
        breaker.succeeded()
