"""A tab at another process sees a reply from its first moment on, without asking, and what nobody sees is not said."""

import asyncio
import json
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest

from chat.audience import LOST_S
from chat.tests.servers import Valkey
from tests_e2e.faults.conftest import Cluster
from tests_e2e.faults.person import Tab, Visitor

WORDS = " ".join(f"word{n}" for n in range(60))  # 1.2 s
PATIENT_S = 20.0  # a tab that never asks what it missed while a reply is made
HEALED_S = 3.0  # after a fault, for processes to know again what the others show: they hear of each other every second


async def come_and_see(two: Cluster) -> None:
    """Let tabs come to the other process before and while a reply is written; each sees it whole, and asks nothing."""
    here, there = two.urls
    visitor = await asyncio.to_thread(Visitor, here)
    session = await asyncio.to_thread(visitor.begin, here)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(Tab(visitor, session, [here], PATIENT_S))
        tabs = [await stack.enter_async_context(Tab(visitor, session, [there], PATIENT_S))]
        key = await first.send(WORDS)  # the other tab came this very moment
        for _ in range(5):
            tabs.append(await stack.enter_async_context(Tab(visitor, session, [there], PATIENT_S)))
            await asyncio.sleep(0.2)
        await first.until(lambda: first.ended(key))
        for tab in tabs:
            tab.acknowledged = first.acknowledged
            await tab.until(lambda tab=tab: tab.ended(key), within_s=1)
            assert tab.reply_to(key) == first.reply_to(key)
            assert tab.pongs == 0
            assert tab.closes == []
        assert len(tabs[0].deltas_at) > 10
        gaps = [after - before for before, after in zip(tabs[0].deltas_at, tabs[0].deltas_at[1:], strict=False)]
        assert sorted(gaps)[len(gaps) // 2] < 0.1


async def test_a_tab_at_another_process_hears_all_from_when_it_comes(pair: Cluster) -> None:
    for _ in range(3):
        await come_and_see(pair)


def restart_redis(two: Cluster, redis: Valkey) -> None:
    """Let Redis forget everybody."""
    redis.stop()
    redis.start()


def kill(two: Cluster, redis: Valkey) -> None:
    """Kill the process where the others' tabs come to, and start it anew."""
    two.processes[1].kill()
    two.processes[1].start()


def kill_the_maker(two: Cluster, redis: Valkey) -> None:
    """Kill the process that makes the replies, and start it anew."""
    two.processes[0].kill()
    two.processes[0].start()


@pytest.mark.parametrize("fault", [restart_redis, kill, kill_the_maker])
async def test_so_it_is_after(pair: Cluster, shaky: Valkey, fault: Callable[[Cluster, Valkey], None]) -> None:
    await come_and_see(pair)
    await asyncio.to_thread(fault, pair, shaky)
    await asyncio.sleep(HEALED_S)
    await come_and_see(pair)


@pytest.mark.long
async def test_so_it_is_after_one_was_frozen_until_it_counted_as_lost(pair: Cluster) -> None:
    await come_and_see(pair)
    pair.processes[1].tell(signal.SIGSTOP)
    await asyncio.sleep(LOST_S + 2)
    pair.processes[1].tell(signal.SIGCONT)
    await asyncio.sleep(HEALED_S)
    await come_and_see(pair)


async def test_what_nobody_at_another_process_sees_is_not_said(pair: Cluster, shaky: Valkey) -> None:
    here, there = pair.urls
    visitor, other = [await asyncio.to_thread(Visitor, url) for url in (here, there)]
    session, another = await asyncio.to_thread(visitor.begin, here), await asyncio.to_thread(other.begin, there)
    with shaky.client() as client, client.pubsub() as ear:
        async with Tab(visitor, session, [here]) as tab, Tab(other, another, [there]):
            await asyncio.sleep(HEALED_S)
            ear.psubscribe("*")
            key = await tab.send(WORDS)
            await tab.until(lambda: tab.ended(key))
            _, *heard = iter(ear.get_message, None)  # that it listens, and what it hears
            said = b"".join(message["data"] for message in heard)
    assert said  # they live
    assert b"word" not in said
    assert json.dumps(session).encode() not in said
