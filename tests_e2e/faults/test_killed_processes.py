"""A process that makes replies is killed, ended or frozen at a random moment: nothing stored is lost, or told twice."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import requests

from chat.logs import mark
from chat.protocol import Code
from chat.tests.mirror import Frame
from chat.tests.servers import until
from tests_e2e.faults.conftest import ROUNDS, Cluster
from tests_e2e.faults.person import Tab, Visitor

PEOPLE = 3  # conversations at the same time, each with a tab on each process
WORDS = 60  # a reply takes about 1.2 s

Pair = tuple[Tab, Tab]


@asynccontextmanager
async def talking(two: Cluster) -> AsyncIterator[tuple[Visitor, list[Pair]]]:
    """People with two tabs each: one whose first connection is at the process to be hurt, one that is not."""
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


@pytest.mark.timeout(40 * ROUNDS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP], ids=lambda number: number.name)
async def test_nothing_is_lost_or_twice(
    number: signal.Signals, on_each_database: dict[str, Cluster], tally: dict[str, Counter[str]]
) -> None:
    async def rounds(name: str, two: Cluster) -> None:
        counted = tally.setdefault(f"{number.name} on {name}", Counter())
        for round_ in range(ROUNDS):
            counted.update(await one_round(two, number, round_))
            counted["rounds"] += 1

    async with asyncio.TaskGroup() as group:
        for name, two in on_each_database.items():
            group.create_task(rounds(name, two))


async def one_round(two: Cluster, number: signal.Signals, round_: int) -> Counter[str]:
    """Hurt a process while it makes replies; return how they ended, at which attempt, and how often it was refused."""
    hurt, other = two.processes
    text = f"{number.name} {round_} " + " ".join(f"word{n}" for n in range(WORDS))
    async with talking(two) as (visitor, pairs):
        sent = [(pair, await pair[0].send(text)) for pair in pairs]
        await asyncio.sleep(random.uniform(0, 1.3))
        hurt.tell(number)
        for first, _ in pairs:
            first.urls = [other.url]
            if number == signal.SIGSTOP:
                first.drop()  # its connection would hang until the client's patience ends
        again = None
        if number != signal.SIGSTOP:
            again = asyncio.create_task(asyncio.to_thread(hurt.start_again))
        for (first, second), key in sent:
            await first.until(lambda first=first, key=key: key in first.acknowledged and first.ended(key))
            second.acknowledged = first.acknowledged
            await second.until(lambda second=second, key=key: second.ended(key))
        counted, ended = await asyncio.to_thread(check, visitor, other.url, sent, text)
        if again is not None:
            await again
        else:
            hurt.tell(signal.SIGCONT)
            taken = [f"Reply {mark(reply['id'])} is no longer" for reply in ended if reply["attempt"] > 1]
            await asyncio.to_thread(
                until, lambda: all(line in hurt.log.read_text() for line in taken), "A late owner was not refused"
            )
            _, afterwards = await asyncio.to_thread(check, visitor, other.url, sent, text)
            assert afterwards == ended
            counted["late owners refused"] += len(taken)
    return counted


def check(visitor: Visitor, url: str, sent: Sequence[tuple[Pair, str]], text: str) -> tuple[Counter[str], list[Frame]]:
    """Compare what the tabs hold with the database: each message once, each reply ended, the same text everywhere.

    Returns how many replies ended how, and at which attempt; and the replies.
    """
    counted: Counter[str] = Counter()
    replies = []
    for (first, second), key in sent:
        answer = visitor.http.get(f"{url}/api/sessions/{first.mirror.session['id']}/messages", timeout=20)
        items = answer.json()["items"]
        assert [item["client_id"] for item in items] == [key, None]
        said, reply = items
        assert said["id"] == first.acknowledged[key]
        assert reply["status"] == "complete" or reply["error"]["code"] == Code.INTERRUPTED
        if reply["status"] == "complete":
            assert reply["text"].strip() == text
        for tab in (first, second):
            assert tab.mirror.messages[reply["id"]] == reply
            assert len(tab.mirror.messages) == 2
        counted[f"{reply['status']} at attempt {reply['attempt']}"] += 1
        replies.append(reply)
    return counted, replies


def test_the_servers_are_well_afterwards(on_each_database: dict[str, Cluster]) -> None:
    for two in on_each_database.values():
        for url in two.urls:
            assert requests.get(f"{url}/readyz", timeout=5).json()["database"] == "ok"
