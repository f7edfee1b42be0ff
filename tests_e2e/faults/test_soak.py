"""Mixed load, and every few minutes a kill and a Redis restart: nothing that a process takes may grow."""

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from chat.tests.servers import Valkey
from tests_e2e.faults.conftest import Cluster, cluster
from tests_e2e.faults.measures import descriptors, memory_kb, slope, threads
from tests_e2e.faults.person import Tab, Visitor

SOAK_S = int(os.environ.get("SOAK_S", "60"))  # `make soak` has 1800
FAULT_EVERY_S = max(20, SOAK_S / 6)
PEOPLE = 8
RESULT = Path("test-results/soak.json")
# What the second half of the run may add, by its slope.
GROWTH = {"memory_kb": 4_000, "descriptors": 8, "threads": 3, "database_connections": 3}

Point = tuple[float, dict[str, float]]


@pytest.fixture
def soaked(tmp_path: Path, postgresql_url: str, redis_server: Valkey) -> Iterator[Cluster]:
    """Two processes on PostgreSQL."""
    with cluster(tmp_path, REDIS_URL=redis_server.url, DATABASE_URL=postgresql_url) as made:
        yield made


class Person:
    """Talks, stops, asks again, edits, turns to other branches, loses the line; in one session for a while."""

    def __init__(self, urls: Sequence[str], counted: Counter[str]) -> None:
        self._urls = urls
        self._counted = counted

    async def talk(self, until: float) -> None:
        """Begin one session after the other until the time has come."""
        visitor = await asyncio.to_thread(Visitor, self._urls[0])
        while time.monotonic() < until:
            session = await asyncio.to_thread(visitor.begin, self._urls[0])
            async with (
                Tab(visitor, session, self._urls) as first,
                Tab(visitor, session, self._urls) as second,
            ):
                for number in range(random.randrange(2, 8)):
                    await self._turn(first, second, number)

    async def _turn(self, first: Tab, second: Tab, number: int) -> None:
        text = f"{number} " + " ".join(f"word{n}" for n in range(random.randrange(5, 60)))
        key = await first.send(text)
        await first.until(lambda: first.reply_to(key) is not None, within_s=60)
        if random.random() < 0.2:
            reply = first.reply_to(key) or {}
            await second.say(type="stop", message=reply["id"], attempt=reply["attempt"])
        if random.random() < 0.2:
            random.choice([first, second]).drop()
        await first.until(lambda: first.ended(key), within_s=60)
        reply = first.reply_to(key) or {}
        self._counted[reply["status"]] += 1
        assert reply["status"] in {"complete", "stopped"} or reply["error"]["code"] == "interrupted", reply
        second.acknowledged = first.acknowledged
        await second.until(lambda: second.ended(key), within_s=60)
        await second.until(lambda: second.reply_to(key) == first.reply_to(key), within_s=60)


@pytest.mark.soak
@pytest.mark.timeout(SOAK_S + 300)
async def test_nothing_grows(soaked: Cluster, redis_server: Valkey, postgresql_url: str) -> None:
    kept, killed = soaked.processes  # the first lives through all of it
    began, counted = time.monotonic(), Counter[str]()
    points: list[Point] = []

    def look() -> None:
        assert kept.process is not None
        with psycopg.connect(postgresql_url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            ).fetchone()
        taken = {
            "memory_kb": memory_kb(kept.process.pid),
            "descriptors": descriptors(kept.process.pid),
            "threads": threads(kept.process.pid),
            "database_connections": row[0] if row else 0,
        }
        points.append((time.monotonic() - began, taken))

    async def watch() -> None:
        while True:
            await asyncio.to_thread(look)
            await asyncio.sleep(SOAK_S / 120)

    async def hurt() -> None:
        while True:
            await asyncio.sleep(FAULT_EVERY_S)
            killed.kill()
            await asyncio.to_thread(killed.start)
            await asyncio.to_thread(redis_server.stop)
            await asyncio.to_thread(redis_server.start)
            counted["kills and Redis restarts"] += 1

    beside = [asyncio.create_task(work()) for work in (watch, hurt)]
    people = [Person(soaked.urls, counted) for _ in range(PEOPLE)]
    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(person.talk(began + SOAK_S))
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    report(points, counted)


def report(points: Sequence[Point], counted: Counter[str]) -> None:
    """Write the figures and how the memory went, and fail where one grows in the second half."""
    late = [point for point in points if point[0] > SOAK_S / 2]
    figures = {}
    for name in GROWTH:
        per_s = slope([(moment, taken[name]) for moment, taken in late])
        figures[name] = {
            "at the half": late[0][1][name],
            "at the end": late[-1][1][name],
            "a minute": round(per_s * 60, 3),
        }
    RESULT.parent.mkdir(exist_ok=True)
    curve = " ".join(f"{taken['memory_kb'] / 1024:.1f}" for _, taken in points[:: max(1, len(points) // 30)])
    told = {"seconds": SOAK_S, "replies": counted, "figures": figures, "memory, MB, each thirtieth": curve}
    RESULT.write_text(json.dumps(told, indent=2) + "\n")
    for name, most in GROWTH.items():
        per_s = figures[name]["a minute"] / 60
        assert per_s * SOAK_S / 2 < most, figures
