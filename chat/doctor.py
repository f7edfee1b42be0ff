"""What is well and what is not, each finding with what to do about it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from uuid import uuid4

import aiohttp
from channels.layers import get_channel_layer
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chat import threads
from chat.faults import redis_faults
from chat.protocol import Close, Refused
from gptj import Backend, Condition, Finished, Piece, Sampling, Turn, generators
from gptj.exceptions import GenerationError

LOADING_S = 120  # for a model to load
ANSWER_S = 10  # for anything else to answer
IDLE_S = 15  # after which some layers lose their connection (channels_redis#422)
QUESTION = "Count from one to twenty."


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One part, whether it is well, what was seen, and what to do if it is not."""

    part: str
    well: bool
    seen: str
    fix: str = ""


async def findings(*, public_url: str = "", idle: bool = True) -> AsyncIterator[Finding]:
    """Look at every part in turn. `idle` waits 15 s to see whether the channel layer survives that."""
    yield await _database()
    yield await _migrations()
    yield await _cache()
    yield await _layer(IDLE_S if idle else 0)
    yield _origins()
    await generators.start()
    try:
        for alias in generators:
            yield await _model(alias)
    finally:
        await generators.close()
    if public_url:
        yield await _upgrade(public_url.rstrip("/"))


async def _database() -> Finding:
    fix = "Set DATABASE_URL to a database that answers, or unset it for SQLite in DATA_DIR."
    try:
        took = await _timed(lambda: threads.read(_ask_database))
    except Refused as error:
        return Finding(part="database", well=False, seen=f"{connection.vendor}: {error.__cause__}", fix=fix)
    return Finding(part="database", well=True, seen=f"{connection.vendor} answers in {took * 1000:.0f} ms")


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


async def _migrations() -> Finding:
    try:
        waiting = await threads.read(_unapplied)
    except Refused as error:
        return Finding(part="migrations", well=False, seen=str(error.__cause__), fix="Mend the database first.")
    if waiting:
        return Finding(part="migrations", well=False, seen=f"{waiting} not applied", fix="Run: manage.py migrate")
    return Finding(part="migrations", well=True, seen="all applied")


def _unapplied() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


async def _cache() -> Finding:
    key, value = f"doctor:{uuid4()}", str(uuid4())

    def write_and_read() -> bool:
        cache.set(key, value, ANSWER_S)
        return bool(cache.get(key) == value)

    try:
        kept = await threads.read(write_and_read)
    except redis_faults() as error:
        return Finding(part="cache", well=False, seen=str(error), fix=_REDIS)
    if not kept:
        return Finding(part="cache", well=False, seen="what was written is not there", fix="Give Redis more memory.")
    return Finding(part="cache", well=True, seen="Redis" if settings.REDIS_URL else "in this process")


_REDIS = "Start Redis where REDIS_URL says, or unset REDIS_URL to run one process without it."


async def _layer(idle_s: float) -> Finding:
    layer = get_channel_layer()
    if layer is None or not settings.REDIS_URL:
        return Finding(part="channel layer", well=True, seen="in this process: run one process only")
    try:
        channel = await layer.new_channel()
        await layer.group_add("doctor", channel)
        await asyncio.sleep(idle_s)
        await layer.group_send("doctor", {"type": "doctor"})
        async with asyncio.timeout(ANSWER_S):
            await layer.receive(channel)
    except (*redis_faults(), TimeoutError) as error:  # type: ignore[misc]  # a tuple of exception classes
        return Finding(part="channel layer", well=False, seen=f"{type(error).__name__}: {error}", fix=_REDIS)
    finally:
        await layer.flush()
    return Finding(part="channel layer", well=True, seen=f"a message came through after {idle_s:.0f} s of idling")


def _origins() -> Finding:
    listed = ", ".join(settings.ORIGINS)
    if "*" in listed or "*" in settings.ALLOWED_HOSTS:
        fix = "Name each address that people use, such as ORIGINS=https://chat.example.org."
        return Finding(part="origins", well=False, seen=f"{listed} lets other sites in", fix=fix)
    return Finding(part="origins", well=True, seen=listed)


async def _model(alias: str) -> Finding:
    part = f"model {alias}"
    try:
        backend = generators[alias]
        await _loaded(backend)
        first_s, per_s = await _speed(backend)
    except GenerationError as error:
        hint = getattr(error, "hint", "") or "Is its server running, at the address in GPTJ_URL or GPTJ_URLS?"
        return Finding(part=part, well=False, seen=error.detail, fix=hint)
    seen = f"{backend.label}: first token after {first_s:.2f} s, {per_s:.0f} tokens/s"
    return Finding(part=part, well=True, seen=seen)


async def _loaded(backend: Backend) -> None:
    """Wait until a model is loaded, or cannot be."""
    changed = asyncio.Event()
    backend.subscribe(changed.set)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LOADING_S):
            while backend.state.condition == Condition.LOADING:
                changed.clear()
                await changed.wait()


async def _speed(backend: Backend) -> tuple[float, float]:
    """Ask a model something; return the seconds to its first token, and its tokens a second."""
    began = time.monotonic()
    first_s, tokens = None, 0
    async with aclosing(backend.stream([Turn(role="user", text=QUESTION)], Sampling(max_new_tokens=64))) as events:
        async for event in events:
            match event:
                case Piece():
                    first_s = first_s or time.monotonic() - began
                    tokens += 1
                case Finished(completion_tokens=counted):
                    tokens = counted or tokens
    took_s = time.monotonic() - began
    return first_s or took_s, tokens / took_s


async def _upgrade(url: str) -> Finding:
    """Open a WebSocket as a browser would, through whatever proxies there are; a stranger is told so and let go."""
    part, fix = "WebSocket", f"Let the proxy pass Upgrade and Connection on, and have {url} in ORIGINS."
    address = f"{url.replace('http', 'ws', 1)}/ws/chat/{uuid4()}/"
    try:
        async with (
            asyncio.timeout(ANSWER_S),
            aiohttp.ClientSession() as http,
            http.ws_connect(address, origin=url) as wire,
        ):
            await wire.receive()
            await wire.receive()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return Finding(part=part, well=False, seen=f"{type(error).__name__}: {error}", fix=fix)
    if wire.close_code != Close.NO_RIGHT:
        return Finding(part=part, well=False, seen=f"closed with {wire.close_code}", fix=fix)
    return Finding(part=part, well=True, seen=f"{address.partition('/ws/')[0]} upgrades")


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.monotonic()
    await work()
    return time.monotonic() - began
