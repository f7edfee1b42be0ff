"""The database is locked, read-only or out of room: no `ack` without a row, and chat goes on afterwards."""

import asyncio
import contextlib
import resource
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests_e2e.faults.conftest import Cluster, cluster
from tests_e2e.faults.measures import p99
from tests_e2e.faults.person import Tab, Visitor

TALKERS = 3  # conversations that want to write meanwhile
ECHO_S = 0.1  # for 99 of 100 pings of other tabs to be answered
PATIENCE_S = 20  # as the page waits
MOUNT, UMOUNT = "/bin/mount", "/bin/umount"
ROOM = 4  # MB of the small disk


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Cluster]:
    """One process on SQLite, whose lease is longer than any lock here."""
    with cluster(
        tmp_path, 1, LEASE_S="20", GPTJ_URL="echo://?delay_s=0.02&context_window=10000&max_new_tokens=2000"
    ) as made:
        yield made


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the write lock, as a backup does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def rows(path: Path) -> dict[str, tuple[str, str]]:
    """Return what is stored: the id, without dashes, and the text of each message, by its client id."""
    with closing(sqlite3.connect(path)) as reader:
        found = reader.execute("SELECT client_id, id, text FROM chat_message WHERE client_id IS NOT NULL")
        return {client_id: (key, text) for client_id, key, text in found}


async def echo_s(tab: Tab) -> float:
    """Return how long a ping takes to be answered."""
    began = time.monotonic()
    heard = tab.pongs
    await tab.say(type="ping", after=tab.mirror.after)
    await tab.until(lambda: tab.pongs > heard)
    return time.monotonic() - began


@asynccontextmanager
async def talkers(url: str, count: int) -> AsyncIterator[list[Tab]]:
    """Tabs of one visitor, each on a session of its own."""
    visitor = await asyncio.to_thread(Visitor, url)
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                Tab(visitor, await asyncio.to_thread(visitor.begin, url), [url], PATIENCE_S)
            )
            for _ in range(count)
        ]


@pytest.mark.parametrize("seconds", [2, pytest.param(10, marks=pytest.mark.long)])
async def test_locked(one: Cluster, seconds: int, tally: dict[str, Counter[str]]) -> None:
    database = one.processes[0].data_dir / "chat.sqlite3"
    async with talkers(one.urls[0], TALKERS + 2) as (writing, watching, *others):
        text = " ".join(f"{number:03}" for number in range((seconds + 3) * 50))  # 3 s longer than the lock
        long = await writing.send(text)
        await writing.until(lambda: (writing.reply_to(long) or {"text": ""})["text"])
        await watching.until(lambda: watching.mirror.after > 0)
        with locked(database):
            end = time.monotonic() + seconds
            sent = [(tab, await tab.send(f"Hello from {number}")) for number, tab in enumerate(others)]
            echoes, heard = [], len(writing.deltas_at)
            while time.monotonic() < end:
                echoes.append(await echo_s(watching))
                await asyncio.sleep(0.05)
            assert not any(tab.acknowledged for tab in others)
            gaps = [after - before for before, after in pairwise(writing.deltas_at[heard:])]
        for tab, key in sent:
            await tab.until(lambda tab=tab, key=key: key in tab.acknowledged and tab.ended(key))
        await writing.until(lambda: writing.ended(long), within_s=60)
        assert (writing.reply_to(long) or {})["text"].strip() == text
        stored = rows(database)
        for tab in (writing, *others):
            for key, message in tab.acknowledged.items():
                assert stored[UUID(key).hex][0] == UUID(message).hex
        assert all(tab.closes == [] for tab in (writing, watching, *others))
        counted = tally.setdefault(f"locked {seconds} s", Counter())
        counted["echo p99, ms"] = round(p99(echoes) * 1000)
        counted["gap of deltas p99, ms"] = round(p99(gaps) * 1000)
        counted["pings"], counted["deltas"] = len(echoes), len(gaps)
        assert p99(echoes) < ECHO_S
        assert p99(gaps) < ECHO_S + 0.04  # a delta comes every 40 ms


async def refused_and_then_stored(
    url: str, database: Path, fault: Callable[[], Any], mend: Callable[[], Any], tally: Counter[str]
) -> None:
    """Talk; while the fault lasts a message is refused with `unavailable` and kept; after it, all of it is stored."""
    async with talkers(url, 2) as (tab, watching):
        before = await tab.send("Before")
        await tab.until(lambda: tab.ended(before))
        await asyncio.to_thread(fault)
        key = await tab.send("During " + "x" * 3000)
        await tab.until(lambda: "unavailable" in tab.refusals)
        echoes = [await echo_s(watching) for _ in range(50)]
        assert key not in tab.acknowledged
        assert UUID(key).hex not in rows(database)
        await asyncio.to_thread(mend)
        await tab.until(lambda: key in tab.acknowledged and tab.ended(key))
        after = await tab.send("After")
        await tab.until(lambda: tab.ended(after))
        stored = rows(database)
        assert {UUID(each).hex for each in (before, key, after)} == set(stored)
        for each, message in tab.acknowledged.items():
            assert stored[UUID(each).hex][0] == UUID(message).hex
        tally["refused"] += tab.refusals.count("unavailable")
        tally["echo p99, ms"] = round(p99(echoes) * 1000)
        assert p99(echoes) < ECHO_S


async def test_read_only(one: Cluster, tally: dict[str, Counter[str]]) -> None:
    """The process ends without a word, and the next one may not write the files it left; the one after that may."""
    (process,) = one.processes
    database = process.data_dir / "chat.sqlite3"

    def restart_with(mode: int) -> None:
        process.kill()
        for path in process.data_dir.glob("chat.sqlite3*"):
            path.chmod(mode)
        process.start()

    counted = tally.setdefault("read-only", Counter())
    await refused_and_then_stored(
        one.urls[0], database, lambda: restart_with(0o444), lambda: restart_with(0o644), counted
    )


async def test_disk_full(tmp_path: Path, tally: dict[str, Counter[str]]) -> None:
    counted = tally.setdefault("disk full", Counter())
    with small_disk(tmp_path / "disk") as small, cluster(tmp_path, 1, DATA_DIR=str(tmp_path / "disk")) as full:
        database = tmp_path / "disk" / "chat.sqlite3"
        fill, empty = filler(database.parent) if small else limits(full, database)
        await refused_and_then_stored(full.urls[0], database, fill, empty, counted)


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A file system of a few MB in `folder`, its files in memory; or say that this user may not mount one."""
    folder.mkdir()
    mounted = not subprocess.run([MOUNT, "-t", "tmpfs", "-o", f"size={ROOM}m", "tmpfs", folder], check=False).returncode
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run([UMOUNT, folder], check=True)


def filler(disk: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return what fills a disk, and what gives the room back."""
    path = disk / "filler"

    def fill() -> None:
        with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    return fill, path.unlink


def limits(cluster: Cluster, database: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return what has the kernel refuse that the database's files grow, and what lets them."""
    process = cluster.processes[0].process
    assert process is not None

    def limit(size: int) -> None:
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, hard))

    return lambda: limit(database.with_name(f"{database.name}-wal").stat().st_size), lambda: limit(-1)
