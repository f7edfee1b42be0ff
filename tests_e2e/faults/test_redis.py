"""Redis is flushed, restarted, stopped, absent or full: chat goes on, no socket is deaf, and Stop works after each."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chat.tests.servers import Valkey
from tests_e2e.faults.conftest import Cluster, cluster
from tests_e2e.faults.person import Tab, Visitor

WORDS = " ".join(f"word{n}" for n in range(60))
LONG = "a b c d " * 100  # 8 s
STOPPED_S = 20


async def talk_through(two: Cluster, fault: Callable[[], None]) -> None:
    """Let a reply be written while `fault` happens; both tabs see it whole, and both can stop the next."""
    here, there = two.urls
    visitor = await asyncio.to_thread(Visitor, here)
    session = await asyncio.to_thread(visitor.begin, here)
    async with Tab(visitor, session, [here]) as first, Tab(visitor, session, [there]) as second:
        key = await first.send(WORDS)
        await first.until(lambda: (first.reply_to(key) or {"text": ""})["text"])
        await asyncio.to_thread(fault)
        await first.until(lambda: first.ended(key))
        second.acknowledged = first.acknowledged
        await second.until(lambda: second.ended(key))
        assert first.reply_to(key) == second.reply_to(key)
        assert (first.reply_to(key) or {})["text"].strip() == WORDS
        for stopper in (first, second):
            key = await first.send(LONG)
            await stopper.until(lambda key=key, tab=stopper: (tab.reply_to(key) or {"text": ""})["text"])
            reply = stopper.reply_to(key) or {}
            began = time.monotonic()
            await stopper.say(type="stop", message=reply["id"], attempt=reply["attempt"])
            await first.until(lambda key=key: first.ended(key))
            assert (first.reply_to(key) or {})["status"] == "stopped"
            assert time.monotonic() - began < 3
        assert first.closes == second.closes == []


async def test_flushed(pair: Cluster, shaky: Valkey) -> None:
    def flush() -> None:
        with shaky.client() as client:
            client.flushall()

    await talk_through(pair, flush)


async def test_restarted(pair: Cluster, shaky: Valkey) -> None:
    def restart() -> None:
        shaky.stop()
        shaky.start()

    await talk_through(pair, restart)


@pytest.mark.long
async def test_stopped_for_20_seconds(pair: Cluster, shaky: Valkey) -> None:
    await talk_through(pair, shaky.stop)
    await asyncio.sleep(STOPPED_S)
    shaky.start()
    await talk_through(pair, lambda: None)


async def test_absent_at_the_start(tmp_path: Path, shaky: Valkey) -> None:
    shaky.stop()
    with cluster(tmp_path, REDIS_URL=shaky.url) as two:
        await talk_through(two, shaky.start)
        await talk_through(two, lambda: None)


async def test_out_of_memory(pair: Cluster, shaky: Valkey) -> None:
    def fill() -> None:
        with shaky.client() as client:
            client.config_set("maxmemory", "1")

    await talk_through(pair, fill)
