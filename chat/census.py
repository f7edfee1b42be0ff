"""How many sockets are open elsewhere: each process keeps its counts in Redis, where they hold while it lives.

Without a Redis, and while it does not answer, there is nobody elsewhere: each process still counts its own.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.conf import settings

from chat.faults import Outage, redis_faults

if TYPE_CHECKING:
    from redis.asyncio import Redis

PREFIX = "chatbot-sockets"
LOST_S = 4  # after so long without a beat a process is lost, and its sockets with it; a beat comes every second
KEPT_S = 43_200  # for which a count is kept that nobody touches; no socket stays open for longer
GATHER_S = 0.04  # between two writes
AGAIN_S = 1.0  # between two tries, while Redis does not answer
AT_ONCE = 500  # counts in a write; more would hold the event loop up


class Census:
    """Counts of sockets by key. What is written is how many there are, never a difference, so that nothing adds up."""

    def __init__(self) -> None:
        self._redis: Redis | None = None
        self._outage = Outage("What counts sockets for all processes", "sockets")
        self._here: Counter[str] = Counter()
        self._name = ""
        self._changed: set[str] = set()
        self._writing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to tell the others, where there may be any."""
        if not settings.REDIS_URL:
            return
        from redis.asyncio import Redis  # noqa: PLC0415 (loaded only if there is one)

        # s; counting may fail, never wait
        self._redis = Redis.from_url(
            settings.REDIS_URL, decode_responses=True, socket_timeout=1, socket_connect_timeout=1
        )
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Take another name: nobody knows which counts under the old one are still right."""
        self._name = secrets.token_hex(8)
        self._changed = set(self._here)

    def come(self, *keys: str) -> None:
        """Count one more socket under each key."""
        self._here.update(keys)
        self._write_soon(keys)

    def go(self, *keys: str) -> None:
        """Count one less."""
        self._here.subtract(keys)
        for key in keys:
            if not self._here[key]:
                del self._here[key]
        self._write_soon(keys)

    async def elsewhere(self, *keys: str) -> list[int]:
        """Return how many sockets other processes that live have under each key."""
        if self._redis is None or self._outage.resting:
            return [0] * len(keys)
        try:
            counts = await self._others(self._redis, keys)
        except redis_faults() as error:
            self._outage.failed(error)
            return [0] * len(keys)
        return [sum(each.values()) for each in counts]

    async def _others(self, redis: "Redis", keys: Sequence[str]) -> list[dict[str, int]]:
        """Return, by key, the counts of each other process; one that was lost is forgotten."""
        async with redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hgetall(f"{PREFIX}:{key}")
            held: list[dict[str, str]] = await pipe.execute()
        names = sorted({name for counts in held for name in counts} - {self._name})
        if not names:
            return [{} for _ in keys]
        beats = await redis.mget([self._beat_of(name) for name in names])
        lost = [name for name, beat in zip(names, beats, strict=True) if beat is None]
        if lost:
            async with redis.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.hdel(f"{PREFIX}:{key}", *lost)
                await pipe.execute()
        living = set(names) - set(lost)
        return [{name: int(counts[name]) for name in living & counts.keys()} for counts in held]

    async def beat(self) -> None:
        """Say that this process lives; every second. Where Redis did not know, it is told all counts."""
        if self._redis is None:
            return
        try:
            known = await self._redis.set(self._beat_of(self._name), 1, ex=LOST_S, xx=True)
        except redis_faults() as error:
            self._outage.failed(error)
        else:
            self._outage.worked()
            if not known:
                self._write_soon(tuple(self._here))

    @staticmethod
    def _beat_of(name: str) -> str:
        return f"{PREFIX}:beat:{name}"

    def _write_soon(self, keys: Sequence[str]) -> None:
        if self._redis is None:
            return
        self._changed.update(keys)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(self._redis))

    async def _write(self, redis: "Redis") -> None:
        """Write what has changed, until nothing has."""
        try:
            while True:
                await self._write_once(redis, [self._changed.pop() for _ in range(min(AT_ONCE, len(self._changed)))])
                self._outage.worked()
                await asyncio.sleep(GATHER_S)
                if not self._changed:
                    return
        except redis_faults() as error:
            self._outage.failed(error)
            self._begin_anew()
            await asyncio.sleep(AGAIN_S)
        finally:
            self._writing = None

    async def _write_once(self, redis: "Redis", keys: Sequence[str]) -> None:
        async with redis.pipeline(transaction=False) as pipe:
            pipe.set(self._beat_of(self._name), 1, ex=LOST_S)
            for key in keys:
                name = f"{PREFIX}:{key}"
                if self._here[key]:
                    pipe.hset(name, self._name, str(self._here[key]))
                    pipe.expire(name, KEPT_S)
                else:
                    pipe.hdel(name, self._name)
            await pipe.execute()

    async def close(self) -> None:
        """Be lost to the others at once."""
        redis, self._redis = self._redis, None
        if redis is None:
            return
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.wait([self._writing])
        try:
            await redis.delete(self._beat_of(self._name))
        except redis_faults() as error:
            self._outage.failed(error)
        await redis.aclose()


census = Census()
