"""Clients that send rubbish, stop reading, or are many: no traceback, flat memory, and the others are served."""

import asyncio
import gc
import json
import os
import random
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from chat.tests.servers import Served
from tests_e2e.faults.bare import BINARY, CLOSE, PING, PONG, TEXT, BareSocket
from tests_e2e.faults.conftest import cluster
from tests_e2e.faults.measures import descriptors, memory_kb, p99
from tests_e2e.faults.person import Visitor

FRAMES = int(os.environ.get("FAULT_FRAMES", "1000"))  # `make faults` has 10,000
IDLE = int(os.environ.get("FAULT_SOCKETS", "5000"))
STOPPED = 10  # readers that stop at the same time
GROWTH_KB = 6_000  # that the second half of the rubbish may add
READER_KB = 2_000
READER_S = 45
ECHO_S = 0.1

Rubbish = Callable[[random.Random], tuple[int, bytes]]


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Served]:
    """One process, which lets messages be as long as its frames."""
    with cluster(tmp_path, 1, LIMIT_TEXT="16000", GPTJ_URL="echo://?delay_s=0.001&context_window=100000") as made:
        yield made.processes[0]


# --- Rubbish ---------------------------------------------------------------------------------------------------------


def anything(dice: random.Random, depth: int = 3) -> Any:
    """Return any JSON value."""
    kinds: list[Callable[[], Any]] = [
        lambda: dice.choice(
            [None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 0.5, "", "ping", "\0", "\ud800", "é" * 9]
        ),
        lambda: str(uuid4()),
        lambda: dice.randbytes(dice.randrange(40)).decode("latin-1"),
    ]
    if depth:
        kinds += [
            lambda: [anything(dice, depth - 1) for _ in range(dice.randrange(4))],
            lambda: {str(anything(dice, 0)): anything(dice, depth - 1) for _ in range(dice.randrange(4))},
        ]
    return dice.choice(kinds)()


FIELDS = {
    "hello": ["after"],
    "send": ["client_id", "text"],
    "edit": ["message", "client_id", "text"],
    "regenerate": ["message", "client_id"],
    "retry": ["message", "attempt"],
    "stop": ["message", "attempt"],
    "select": ["message"],
    "ping": ["after"],
    "pong": ["nonce"],
}
RIGHT: dict[str, Callable[[random.Random], Any]] = {
    "after": lambda dice: dice.choice([0, 1, 5, 2**40]),
    "client_id": lambda _: str(uuid4()),
    "message": lambda _: str(uuid4()),
    "attempt": lambda dice: dice.randrange(1, 9),
    "text": lambda dice: dice.choice(["a", "Zoë 👋🏽", "\0", "x" * 16_001, "e\u0301" * 50, "\u202e"]),
    "nonce": lambda _: "feed",
}


def almost(dice: random.Random) -> tuple[int, bytes]:
    """A frame with at most one thing wrong."""
    type_ = dice.choice(list(FIELDS))
    frame = {"type": type_, **{name: RIGHT[name](dice) for name in FIELDS[type_]}}
    wrong = dice.choice(["nothing", "nothing", "nothing", "value", "missing", "more"])
    name = dice.choice(list(frame))
    if wrong == "value":
        frame[name] = anything(dice)
    elif wrong == "missing":
        del frame[name]
    elif wrong == "more":
        frame["more"] = anything(dice)
    return TEXT, json.dumps(frame, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")


def value(dice: random.Random) -> tuple[int, bytes]:
    """JSON, but no frame."""
    return TEXT, json.dumps(anything(dice)).encode("utf-8", "surrogatepass")


def noise(dice: random.Random) -> tuple[int, bytes]:
    """Bytes; as text they are mostly not UTF-8."""
    return dice.choice([TEXT, BINARY]), dice.randbytes(dice.randrange(200))


def broken(dice: random.Random) -> tuple[int, bytes]:
    """JSON that was cut, nested too deep, or holds what JSON has not."""
    _, frame = almost(dice)
    cut = frame[: dice.randrange(len(frame))]
    deep = b"[" * dice.choice([50, 1000, 30_000])
    return TEXT, dice.choice([cut, deep, deep + b"]" * len(deep), b'{"type":NaN}', b'{"type":"ping","after":1e999}'])


def large(dice: random.Random) -> tuple[int, bytes]:
    """A frame that is too long, in characters or only in bytes."""
    text = dice.choice(["x", "é"]) * dice.choice([20_000, 32_700, 40_000, 100_000, 140_000])
    return TEXT, json.dumps({"type": "send", "client_id": str(uuid4()), "text": text}, ensure_ascii=False).encode()


def control(dice: random.Random) -> tuple[int, bytes]:
    """WebSocket's own frames, right and wrong, and opcodes that mean nothing."""
    return dice.choice([0, PING, PONG, CLOSE, 3, 11]), dice.randbytes(dice.choice([0, 1, 2, 5, 125, 126]))


RUBBISH: list[Rubbish] = [*[almost] * 12, value, broken]
LAST: list[Rubbish] = [noise, broken, large, control]  # most of these end the connection


async def test_rubbish(one: Served, tally: dict[str, Counter[str]]) -> None:
    assert one.process is not None
    seed = random.randrange(2**32)
    dice, counted = random.Random(seed), tally.setdefault("rubbish", Counter())
    visitor = await asyncio.to_thread(Visitor, one.url)
    sessions = [await asyncio.to_thread(visitor.begin, one.url) for _ in range(4)]
    sizes = []
    for batch in range(1, 9):
        while counted["frames"] < FRAMES * batch / 8:
            await asyncio.gather(*[talk_rubbish(one.url, visitor, session, dice, counted) for session in sessions])
        sizes.append(memory_kb(one.process.pid))
    counted["memory after each eighth, MB: " + " ".join(str(size // 1024) for size in sizes)] = 1
    assert one.process.poll() is None
    polite = await BareSocket.open(one.url, visitor, sessions[0])
    polite.say(type="ping", after=0)
    await polite.until("pong")
    polite.drop()
    said = one.log.read_text()
    assert " ERROR " not in said, f"seed {seed}: {said}"
    assert sizes[-1] - sizes[3] < GROWTH_KB, f"seed {seed}: {sizes}"


async def talk_rubbish(url: str, visitor: Visitor, session: str, dice: random.Random, counted: Counter[str]) -> None:
    """Say up to 15 frames on a connection; three bad ones are enough for the server."""
    wire = await BareSocket.open(url, visitor, session)
    for _ in range(dice.randrange(1, 15)):
        wire.send(*dice.choice(RUBBISH)(dice))
        counted["frames"] += 1
    if dice.random() < 0.5:
        wire.send(*dice.choice(LAST)(dice), final=dice.random() < 0.9)
        counted["frames"] += 1
    wire.say(type="ping", after=1)
    try:
        await wire.until("pong", within_s=5)
        counted["went on"] += 1
    except ConnectionError:
        counted[f"closed with {wire.close_code}"] += 1
    except TimeoutError:
        counted["no answer"] += 1  # a frame that was begun and never ended
    wire.drop()


# --- A reader that stops ---------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_a_reader_that_stops_is_dropped(one: Served, tally: dict[str, Counter[str]]) -> None:
    assert one.process is not None
    visitor = await asyncio.to_thread(Visitor, one.url)
    session = await asyncio.to_thread(visitor.begin, one.url)
    async with echoing(one.url, visitor, session) as (polite, echoes):
        for _ in range(8):  # 16 messages: 250 KB a sync
            polite.say(type="send", client_id=str(uuid4()), text="x" * 15_900)
            await until_ended(polite)
        wires = [await BareSocket.open(one.url, visitor, session) for _ in range(STOPPED)]
        await asyncio.sleep(1)
        before, began, peak = memory_kb(one.process.pid), time.monotonic(), 0
        for wire in wires:
            wire.stop_reading()
            for _ in range(40):  # what the kernel takes, and then more than the budget
                wire.say(type="ping", after=0)
        while one.log.read_text().count("READS_TOO_SLOWLY (4001)") < STOPPED:
            peak = max(peak, memory_kb(one.process.pid))
            assert time.monotonic() - began < READER_S
            await asyncio.sleep(0.1)
        took_s = time.monotonic() - began
        fds = descriptors(one.process.pid)
        for wire in wires:
            wire.drop()
    counted = tally.setdefault("readers that stop", Counter())
    counted["readers"], counted["dropped within, s"] = STOPPED, round(took_s)
    counted["KB each"] = (peak - before) // STOPPED
    counted["echo p99 meanwhile, ms"] = round(p99(echoes) * 1000)
    counted["descriptors when dropped"] = fds
    assert counted["KB each"] < READER_KB


@asynccontextmanager
async def echoing(url: str, visitor: Visitor, session: str) -> AsyncIterator[tuple[BareSocket, list[float]]]:
    """A polite tab on another session of the same process, which measures how soon its pings are answered."""
    tab = await BareSocket.open(url, visitor, session)
    other = await BareSocket.open(url, visitor, await asyncio.to_thread(visitor.begin, url))
    echoes: list[float] = []

    async def echo() -> None:
        while True:
            began = time.monotonic()
            other.say(type="ping", after=1)
            await other.until("pong")
            echoes.append(time.monotonic() - began)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(echo())
    try:
        yield tab, echoes
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        tab.drop()
        other.drop()


async def until_ended(tab: BareSocket) -> None:
    """Wait until the reply that is made has ended."""
    while (await tab.until("message"))["message"]["status"] != "complete" or tab.frames:
        pass


# --- Many ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process may open as many sockets as it needs, and its own garbage collector does not count as the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.disable()
    yield
    gc.enable()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_many_idle_sockets(many_files: None, tmp_path: Path, tally: dict[str, Counter[str]]) -> None:
    with cluster(tmp_path, 1) as made:
        (served,) = made.processes
        assert served.process is not None
        visitor = await asyncio.to_thread(Visitor, served.url)
        session = await asyncio.to_thread(visitor.begin, served.url)
        wires: list[BareSocket] = []
        async with echoing(served.url, visitor, session) as (_, echoes):
            await asyncio.sleep(1)
            before = memory_kb(served.process.pid)
            while len(wires) < IDLE:
                wires += await asyncio.gather(*[BareSocket.open(served.url, visitor, session) for _ in range(20)])
            connecting = len(echoes)
            await asyncio.sleep(60)  # three rounds of pings
            after = memory_kb(served.process.pid)
        assert not any(wire.lost.is_set() for wire in wires)
        for wire in wires:
            wire.drop()
    counted = tally.setdefault("idle sockets", Counter())
    counted["sockets"], counted["KB each"] = len(wires), round((after - before) / len(wires))
    counted["echo p99, ms"] = round(p99(echoes[connecting:]) * 1000)
    counted["echo p99 while they connect, ms"] = round(p99(echoes[:connecting]) * 1000)
    assert counted["echo p99, ms"] < ECHO_S * 1000
