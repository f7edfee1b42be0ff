"""One serving process: what starts with it, what runs beside its requests, and how it goes down."""

import asyncio
import functools
import itertools
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from chat import catalogue, garbage, heap, history, metrics, protocol, threads
from chat.census import census
from chat.delivery import delivery
from chat.protocol import Close, Refused
from chat.relay import relay
from chat.replies import replies
from gptj import Condition, generators

logger = logging.getLogger(__name__)

BEAT_S = 1.0  # between two signs of life to other processes
PULSE_S = 1.0  # between two renewals of the leases
HOT_S = 1.0  # between two writes of what is held hot: to Redis, for all replies at once
GLANCE_S = 0.25  # between two checkpoints, of all replies at once: the database writes no more often than that
MUCH = 256  # UTF-16 units of text that are stored at the next glance; less waits for the second to end
PLACES_S = 5.0  # between two tellings of the places in line
GIVE_BACK_S = 300.0  # between two times that memory in no use is given back
PURGE_S = 86_400.0  # between two purges of what is past its retention
LAG_S = 0.5  # between two looks at how late the event loop is
COME_BACK_S = 1.0  # what a client is told to wait before it reconnects


class Process:
    """Starts once, drains once."""

    def __init__(self) -> None:
        self.draining = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load the models in the background, take up what a lost process left, and begin to keep leases."""
        self.draining = False
        delivery.listen()
        replies.listen()
        census.start()
        await generators.start()
        for alias in generators:
            generators[alias].subscribe(_told_of(alias))
            metrics.QUEUE.labels(alias).set_function(functools.partial(replies.lines.length, alias))
            metrics.MODEL_WELL.labels(alias).set_function(functools.partial(_well, alias))
        self._tasks = [
            asyncio.create_task(relay.listen(), name="the relay"),
            _every(BEAT_S, _beat),
            _every(PULSE_S, replies.pulse),
            _every(GLANCE_S, _checkpoints()),
            _every(PULSE_S, replies.replays.pulse),
            _every(HOT_S, _write_hot),
            _every(max(PULSE_S, settings.LEASE_S / 4), replies.take_over),
            _every(PLACES_S, _tell_places),
            _every(PLACES_S, _heed_sockets),
            _every(GIVE_BACK_S, _give_back),
            _every(PURGE_S, _purge),
            asyncio.create_task(_watch_loop(), name="the watch over the loop"),
        ]

    async def drain(self) -> None:
        """Say goodbye to every tab, store and hand on the replies in the making, let go of the models."""
        if self.draining:
            return
        self.draining = True
        delivery.end_all(Close.DRAINING, protocol.Bye(retry_in_s=COME_BACK_S))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(_within(1, task, task.get_name()) for task in self._tasks))
        await asyncio.gather(_within(5, replies.drain(), "the replies"), _within(5, census.close(), "the census"))
        delivery.close()
        await _within(1, relay.close(), "the relay")
        await _within(2, generators.close(), "the models")
        await _within(1, asyncio.to_thread(threads.close), "the database")


async def _within(seconds: float, step: Awaitable[None], what: str) -> None:
    """Do one step of going down, and go on to the next however it ends; a lease that is not handed on runs out.

    A step that does not even heed that it is cancelled is left behind.
    """
    going = asyncio.ensure_future(step)
    await asyncio.wait([going], timeout=seconds)
    if not going.done():
        going.cancel()
        logger.warning("Going down: %s took longer than %g s", what, seconds)
    elif not going.cancelled() and (error := going.exception()) is not None:
        logger.error("Going down: %s: %s", what, error, exc_info=None if isinstance(error, Refused) else error)


def _told_of(alias: str) -> Callable[[], None]:
    """Return what is to be done when that model's state has changed."""

    def changed() -> None:
        delivery.tell_all(protocol.ModelChanged(model=catalogue.model(alias)))
        replies.lines.model_changed()

    return changed


def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    """Begin to do `work` now and again, for ever."""
    return asyncio.create_task(_again_and_again(seconds, work), name=work.__qualname__)


async def _again_and_again(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do `work`; what goes wrong once is logged and tried again."""
    while True:
        try:
            await work()
        except Refused as error:
            logger.warning("%s: %s", work.__name__, error)
        except Exception:
            logger.exception("%s failed", work.__name__)
        await asyncio.sleep(seconds)


async def _beat() -> None:
    await relay.beat()
    await census.beat()


def _checkpoints() -> Callable[[], Awaitable[None]]:
    """Return what stores, at each glance, the texts that have grown much, and once a second all that have grown."""
    least = itertools.cycle([1] + [MUCH] * (round(PULSE_S / GLANCE_S) - 1))

    async def checkpoint() -> None:
        await replies.checkpoint(next(least))

    return checkpoint


async def _write_hot() -> None:
    if history.hot.gathered:
        await threads.read(history.hot.write)


async def _tell_places() -> None:
    replies.tell_places()


async def _heed_sockets() -> None:
    garbage.heed(delivery.sockets)


async def _give_back() -> None:
    heap.give_back()


def _well(alias: str) -> bool:
    return alias in generators and generators[alias].state.condition == Condition.OK


async def _watch_loop() -> None:
    """Note how late the event loop is, for ever: what keeps it busy delays every socket."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_S
        await asyncio.sleep(LAG_S)
        metrics.LAG.observe(max(0.0, loop.time() - due))


async def purge(*, retention_days: float | None = None) -> int:
    """Delete what is past its retention, which is the setting's where none is given; return how many sessions.

    Wherever it is kept: a reply in the making ends, tabs hear that it is gone, the cache drops it.
    """
    days = settings.RETENTION_DAYS if retention_days is None else retention_days
    if not days:
        return 0
    rest = timedelta(days=days, seconds=settings.SESSION_TTL_S)
    purged = await threads.write(history.purge, timezone.now() - rest)
    for deleted in purged:
        delivery.tell_deleted(deleted)
        for session in deleted.sessions:
            replies.abandon(session)
    return sum(len(deleted.sessions) for deleted in purged)


async def _purge() -> None:
    await purge()
    await threads.write(call_command, "clearsessions")  # cookies that are over


process = Process()
