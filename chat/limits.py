"""How much one visitor may ask. Counted in Redis where there is one, so for all processes, else in this process."""

import functools
import ipaddress
import math
import time

from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.storage.memory import Entry
from limits.aio.strategies import MovingWindowRateLimiter

from chat.faults import Outage, redis_faults
from chat.protocol import Code, Refused, utf16_length, written

SWEEP_S = 60  # between two looks at who has asked for nothing of late


class Windows(MemoryStorage):
    """Moving windows in this process.

    The library's own looks at all of them after each hit, at one after the other in a thread: 17 ms of CPU with 300.
    """

    def __init__(self) -> None:
        super().__init__()
        self._swept = time.time()

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` more, for `expiry` seconds, if there are then at most `limit`; tell whether that was so."""
        now = time.time()
        if now - self._swept >= SWEEP_S:
            self._sweep(now)
        entries = self.events.setdefault(key, [])  # the latest first
        while entries and entries[-1].expiry <= now:
            entries.pop()
        if len(entries) + amount > limit:
            return False
        entries[:0] = [Entry(expiry)] * amount
        return True

    def _sweep(self, now: float) -> None:
        self._swept = now
        self.events = {key: entries for key, entries in self.events.items() if entries and entries[0].expiry > now}


class Allowance:
    """Counts what was asked, and refuses what is too much. A Redis that does not answer is done without."""

    def __init__(self) -> None:
        self._outage = Outage("What counts for all processes", "limits")
        self._here = MovingWindowRateLimiter(Windows())
        self._everywhere = MovingWindowRateLimiter(_shared()) if settings.REDIS_URL else self._here

    async def send(self, session: str, address: str) -> None:
        """Count a message. Raises Refused with `rate_limited`."""
        limits = settings.LIMITS
        await self._count(RateLimitItemPerMinute(limits["sends_per_minute"]), "send", session)
        if group := address_group(address):
            await self._count(RateLimitItemPerMinute(limits["sends_per_minute_per_address"]), "send from", group)

    async def open_session(self, address: str) -> None:
        """Count a new session. Raises Refused with `rate_limited`."""
        if group := address_group(address):
            await self._count(RateLimitItemPerHour(settings.LIMITS["sessions_per_hour"]), "session from", group)

    async def _count(self, item: RateLimitItem, what: str, who: str) -> None:
        wait_s = await self._wait_everywhere_s(item, what, who)
        if wait_s is None:
            wait_s = await _wait_s(self._here, item, what, who)
        if wait_s:
            raise Refused(Code.RATE_LIMITED, f"That was a lot at once; try again in {wait_s} s.", retry_after_s=wait_s)

    async def _wait_everywhere_s(self, item: RateLimitItem, what: str, who: str) -> int | None:
        """Count for all processes; None if that is not possible now, or was not a moment ago: it may take a second."""
        if self._outage.resting:
            return None
        try:
            wait_s = await _wait_s(self._everywhere, item, what, who)
        except redis_faults() as error:
            self._outage.failed(error)
            return None
        self._outage.worked()
        return wait_s


async def _wait_s(limiter: MovingWindowRateLimiter, item: RateLimitItem, what: str, who: str) -> int:
    """Count one more and return 0, or else the seconds until it may be."""
    if await limiter.hit(item, what, who):
        return 0
    stats = await limiter.get_window_stats(item, what, who)
    return max(1, math.ceil(stats.reset_time - time.time()))


@functools.cache
def allowance() -> Allowance:
    """Return this process's one Allowance."""
    return Allowance()


def _shared() -> Storage:
    return RedisStorage(
        f"async+{settings.REDIS_URL}",
        implementation="redispy",
        key_prefix="chatbot-limits",
        socket_timeout=1,  # s; counting may fail, never wait
        socket_connect_timeout=1,
    )


@functools.lru_cache(maxsize=4096)
def address_group(address: str) -> str | None:
    """Return what an address counts as: IPv6 by its /64; None for loopback, which is not limited, and what is none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return address_group(str(parsed.ipv4_mapped))
        if not parsed.is_loopback:
            return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
    return None if parsed.is_loopback else str(parsed)


def checked_text(text: str) -> str:
    """Return what a person wrote as it is kept. Raises Refused: `too_long`, or `bad_frame` if nothing is left."""
    kept = written(text)
    limit = settings.LIMITS["text"]
    if utf16_length(kept) > limit:
        raise Refused(Code.TOO_LONG, f"A message may be {limit} characters long.")
    if not kept.strip():
        raise Refused(Code.BAD_FRAME, "Say something first.")
    return kept
