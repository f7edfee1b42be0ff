"""How many sockets are open elsewhere: told by each process while it lives, by way of a real Valkey."""

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Any

import pytest
from django.conf import LazySettings

from chat import census as module
from chat import door
from chat.census import Census
from chat.protocol import Close
from chat.tests.conftest import Person
from chat.tests.servers import Valkey, free_port
from gptj.backends.scripted import Scripted

WAIT_S = 5.0


@pytest.fixture
async def processes(valkey: Valkey) -> AsyncIterator[Callable[[], Census]]:
    """Makes what counts in a process."""
    made: list[Census] = []

    def process() -> Census:
        made.append(Census())
        made[-1].start()
        return made[-1]

    yield process
    for each in made:
        await each.close()


async def until(true: Callable[[], Any]) -> None:
    """Wait until `true()` comes true."""
    end = monotonic() + WAIT_S
    while not await true():
        assert monotonic() < end
        await asyncio.sleep(0.02)


def sees(process: Census, *counts: int) -> Callable[[], Any]:
    """Return what asks whether a process sees so many sockets elsewhere, under "a", "b" and so on."""
    keys = "abc"[: len(counts)]

    async def ask() -> bool:
        return await process.elsewhere(*keys) == list(counts)

    return ask


async def test_each_process_sees_the_sockets_of_the_others_alone(processes: Callable[[], Census]) -> None:
    one, two, three = processes(), processes(), processes()
    one.come("a", "b")
    one.come("a")
    two.come("b")
    await until(sees(three, 2, 2, 0))
    await until(sees(one, 0, 1, 0))
    one.go("a", "b")
    await until(sees(three, 1, 1, 0))


async def test_a_process_that_was_killed_is_soon_forgotten(
    processes: Callable[[], Census], valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOST_S", 1)
    lost, other = processes(), processes()
    lost.come("a")
    await until(sees(other, 1))
    await until(sees(other, 0))  # without another word of it
    with valkey.client() as client:
        assert client.keys(f"{module.PREFIX}:a") == []
    await lost.beat()  # it was frozen, not killed
    await until(sees(other, 1))


async def test_one_that_says_goodbye_is_forgotten_at_once(processes: Callable[[], Census]) -> None:
    gone, other = processes(), processes()
    gone.come("a")
    await until(sees(other, 1))
    await gone.close()
    assert await other.elsewhere("a") == [0]
    gone.go("a")  # its sockets end after it


async def test_what_was_flushed_is_told_again(processes: Callable[[], Census], valkey: Valkey) -> None:
    one, other = processes(), processes()
    one.come("a")
    await until(sees(other, 1))
    with valkey.client() as client:
        client.flushall()
    assert await other.elsewhere("a") == [0]
    await one.beat()
    await until(sees(other, 1))


async def test_while_redis_is_gone_nobody_is_elsewhere_and_afterwards_the_counts_are_right(
    processes: Callable[[], Census], valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.faults.REST_S", 0)
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    one, other = processes(), processes()
    one.come("a", "b")
    one.come("a")
    await until(sees(other, 2, 1))
    valkey.stop()
    assert await other.elsewhere("a", "b") == [0, 0]
    one.go("a", "b")
    one.come("c")
    await one.beat()
    valkey.start()
    await one.beat()
    await until(sees(other, 1, 0, 1))


async def test_counts_that_could_not_be_written_do_not_stay(
    processes: Callable[[], Census], valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when Redis is away for a while and keeps what it holds: a socket that ended meanwhile would count for ever."""
    monkeypatch.setattr("chat.faults.REST_S", 0)
    one, other = processes(), processes()
    one.come("a")
    await until(sees(other, 1))
    with valkey.client() as client:
        client.config_set("maxmemory", 1)
        one.go("a")
        one.come("b")
        assert one._writing is not None
        await asyncio.wait([one._writing])
        client.config_set("maxmemory", 0)
        await one.beat()
        await until(sees(other, 0, 1))


async def test_a_redis_that_never_was_is_done_without(valkey: Valkey, settings: LazySettings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    alone = Census()
    alone.start()
    alone.come("a")
    await alone.beat()
    assert await alone.elsewhere("a") == [0]
    await alone.close()


async def test_without_redis_nothing_is_asked() -> None:
    alone = Census()
    alone.start()
    alone.come("a")
    await alone.beat()
    assert await alone.elsewhere("a", "b") == [0, 0]
    await alone.close()


# --- At the door -----------------------------------------------------------------------------------------------------


async def test_tabs_at_another_process_count(
    valkey: Valkey,
    processes: Callable[[], Census],
    serving: Scripted,
    ada: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(door, "LOST_S", 0)
    session, other = await ada.begin(), processes()
    for _ in range(4):
        other.come(f"session:{session}")
    await ada.open(session)
    tab = await ada.connect(session)
    assert (await tab.next())["code"] == "rate_limited"
    assert await tab.closed() == Close.TOO_MANY_SOCKETS


async def test_tabs_of_a_process_that_was_killed_keep_nobody_out(
    valkey: Valkey,
    processes: Callable[[], Census],
    serving: Scripted,
    ada: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LOST_S", 1)
    session, killed = await ada.begin(), processes()
    for _ in range(5):
        killed.come(f"session:{session}")
    await ada.open(session)
