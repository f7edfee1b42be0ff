"""One serving process: what starts with it, what runs beside its requests, and how it goes down."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from chat import catalogue, history, protocol, threads
from chat.delivery import delivery
from chat.protocol import Close, Refused
from chat.relay import relay
from chat.replies import replies
from gptj import generators

logger = logging.getLogger(__name__)

PULSE_S = 1.0  # between two renewals of the leases
PLACES_S = 5.0  # between two tellings of the places in line
PURGE_S = 86_400.0  # between two purges of what is past its retention
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
        await generators.start()
        for alias in generators:
            generators[alias].subscribe(_told_of(alias))
        self._tasks = [
            asyncio.create_task(relay.listen()),
            asyncio.create_task(_every(PULSE_S, replies.pulse)),
            asyncio.create_task(_every(max(PULSE_S, settings.LEASE_S / 4), replies.take_over)),
            asyncio.create_task(_every(PLACES_S, _tell_places)),
            asyncio.create_task(_every(PURGE_S, purge)),
        ]

    async def drain(self) -> None:
        """Say goodbye to every tab, store and hand on the replies in the making, let go of the models."""
        if self.draining:
            return
        self.draining = True
        delivery.end_all(Close.DRAINING, protocol.Bye(retry_in_s=COME_BACK_S))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await _within(6, replies.drain())
        delivery.close()
        await _within(1, relay.close())
        await _within(2, generators.close())
        await _within(1, asyncio.to_thread(threads.close))


async def _within(seconds: float, step: Awaitable[None]) -> None:
    """Do one step of going down, and go on to the next however it ends; a lease that is not handed on runs out."""
    try:
        async with asyncio.timeout(seconds):
            await step
    except (Refused, TimeoutError) as error:
        logger.warning("Going down: %s: %s", type(error).__name__, error)
    except Exception:
        logger.exception("Going down")


def _told_of(alias: str) -> Callable[[], None]:
    """Return what is to be done when that model's state has changed."""

    def changed() -> None:
        delivery.tell_all(protocol.ModelChanged(model=catalogue.model(alias)))
        replies.lines.model_changed()

    return changed


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do `work` now and again, for ever. What goes wrong once is logged and tried again."""
    while True:
        try:
            await work()
        except Refused as error:
            logger.warning("%s: %s", work.__name__, error)
        except Exception:
            logger.exception("%s failed", work.__name__)
        await asyncio.sleep(seconds)


async def _tell_places() -> None:
    replies.tell_places()


async def purge() -> None:
    """Delete what is past its retention."""
    if not settings.RETENTION_DAYS:
        return
    before = timezone.now() - timedelta(days=settings.RETENTION_DAYS)
    for deleted in await threads.write(history.purge, before):
        delivery.tell_deleted(deleted)


process = Process()
