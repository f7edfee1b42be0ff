"""A process that makes replies is killed, ended or frozen at a random moment: nothing stored is lost, or told twice."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import requests

from tests_e2e.faults.conftest import LEASE_S, ROUNDS, Cluster
from tests_e2e.faults.person import Tab, Visitor

PEOPLE = 3  # conversations at the same time, each with a tab on each process
WORDS = 60  # a reply takes about 1.2 s


@asynccontextmanager
async def talking(two: Cluster) -> AsyncIterator[tuple[Visitor, list[tuple[Tab, Tab]]]]:
    """People with two tabs each: one whose first connection is at the process to be hurt, one that may be anywhere."""
    hurt, other = two.urls
    visitor = await asyncio.to_thread(Visitor, other)
    async with AsyncExitStack() as stack:
        pairs = []
        for _ in range(PEOPLE):
            session = await asyncio.to_thread(visitor.begin, other)
            first = await stack.enter_async_context(Tab(visitor, session, [hurt]))
            second = await stack.enter_async_context(Tab(visitor, session, [other]))
            pairs.append((first, second))
        yield visitor, pairs


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP], ids=lambda number: number.name)
async def test_nothing_is_lost_or_twice(
    two: Cluster, number: signal.Signals, tally: dict[str, Counter[str]], request: pytest.FixtureRequest
) -> None:
    hurt, other = two.processes
    counted = tally.setdefault(request.node.name, Counter())
    for round_ in range(ROUNDS):
        text = f"{number.name} {round_} " + " ".join(f"word{n}" for n in range(WORDS))
        async with talking(two) as (visitor, pairs):
            sent = [(pair, await pair[0].send(text)) for pair in pairs]
            await asyncio.sleep(random.uniform(0, 1.3))
            hurt.tell(number)
            for first, _ in pairs:
                first.urls = [other.url]
                if number == signal.SIGSTOP:
                    first.drop()  # its connection would hang until the client's patience ends
            if number == signal.SIGSTOP:
                await asyncio.sleep(LEASE_S * 2)
                hurt.tell(signal.SIGCONT)
            for (first, second), key in sent:
                await first.until(lambda first=first, key=key: key in first.acknowledged and first.ended(key))
                second.acknowledged = first.acknowledged
                await second.until(lambda second=second, key=key: second.ended(key))
            if number == signal.SIGSTOP:
                await asyncio.sleep(1.5)  # for the late owner to try to write
            counted.update(await asyncio.to_thread(check, visitor, other.url, sent, text))
        counted["rounds"] += 1
        if number != signal.SIGSTOP:
            await asyncio.to_thread(hurt.start_again)


def check(visitor: Visitor, url: str, sent: Sequence[tuple[tuple[Tab, Tab], str]], text: str) -> Counter[str]:
    """Compare what the tabs hold with the database: each message once, each reply ended, the same text everywhere.

    Returns how many replies ended how, and at which attempt.
    """
    counted: Counter[str] = Counter()
    for (first, second), key in sent:
        answer = visitor.http.get(f"{url}/api/sessions/{first.mirror.session['id']}/messages", timeout=20)
        items = answer.json()["items"]
        assert [item["client_id"] for item in items] == [key, None]
        said, reply = items
        assert said["id"] == first.acknowledged[key]
        assert reply["status"] == "complete" or reply["error"]["code"] == "interrupted"
        if reply["status"] == "complete":
            assert reply["text"].strip() == text
        for tab in (first, second):
            assert tab.mirror.messages[reply["id"]] == reply
            assert len(tab.mirror.messages) == 2
        counted[f"{reply['status']} at attempt {reply['attempt']}"] += 1
    return counted


def test_the_servers_are_well_afterwards(two: Cluster) -> None:
    for url in two.urls:
        assert requests.get(f"{url}/readyz", timeout=5).json()["database"] == "ok"
