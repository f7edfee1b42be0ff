"""How much one may ask: by session and address, for all processes with Redis, and without it when it is gone."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Any

import pytest
from django.conf import LazySettings
from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from chat.limits import Allowance, Windows, address_group
from chat.protocol import Code, Refused
from chat.tests.servers import Valkey, free_port

HOME = "203.0.113.7"


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", None),
        ("127.9.9.9", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("", None),
        ("unix:", None),
        ("testclient", None),
    ],
)
def test_an_address_counts_as_its_group(address: str, group: str | None) -> None:
    assert address_group(address) == group


async def refused_after(allowance: Allowance, *calls: tuple[str, str]) -> int | None:
    """Return which of these sends (session, address) is the first that is refused."""
    for number, call in enumerate(calls):
        try:
            await allowance.send(*call)
        except Refused as refused:
            if refused.code == Code.RATE_LIMITED and 0 < (refused.retry_after_s or 0) <= 60:
                return number
            raise
    return None


@pytest.fixture
def tight(settings: LazySettings) -> None:
    """Three sends a session, five an address, two new sessions."""
    limits: dict[str, Any] = {"sends_per_minute": 3, "sends_per_minute_per_address": 5, "sessions_per_hour": 2}
    settings.LIMITS = {**settings.LIMITS, **limits}


pytestmark = pytest.mark.usefixtures("tight")


@pytest.fixture
async def allowances() -> AsyncIterator[Callable[[], Allowance]]:
    """Makes what counts in a process; its connections are closed at the end."""
    made: list[Allowance] = []

    def allowance() -> Allowance:
        made.append(Allowance())
        return made[-1]

    yield allowance
    for each in made:
        storage = each._everywhere.storage
        if isinstance(storage, RedisStorage):
            await storage.bridge.get_connection().aclose()  # type: ignore[attr-defined]  # each kind of bridge has its own


async def test_a_session_has_its_own_limit() -> None:
    allowance = Allowance()
    assert await refused_after(allowance, *[("one", "127.0.0.1")] * 4) == 3
    assert await refused_after(allowance, ("two", "127.0.0.1")) is None


async def test_an_address_has_one_over_all_its_sessions() -> None:
    allowance = Allowance()
    assert await refused_after(allowance, *[(f"{number}", HOME) for number in range(6)]) == 5
    assert await refused_after(allowance, ("six", "203.0.113.8")) is None
    assert await refused_after(allowance, *[(f"{number}", "127.0.0.1") for number in range(20)]) is None


async def test_neighbours_in_a_64_count_as_one() -> None:
    calls = [(f"{number}", f"2001:db8::{number:x}") for number in range(6)]
    assert await refused_after(Allowance(), *calls) == 5


async def test_new_sessions_are_counted_by_the_hour() -> None:
    allowance = Allowance()
    for _ in range(2):
        await allowance.open_session(HOME)
    with pytest.raises(Refused) as refused:
        await allowance.open_session(HOME)
    assert refused.value.retry_after_s is not None
    assert 3000 < refused.value.retry_after_s <= 3600
    await allowance.open_session("127.0.0.1")


async def test_windows_move_and_those_that_are_empty_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.limits.SWEEP_S", 1)
    windows, twice = Windows(), RateLimitItemPerSecond(2)
    limiter = MovingWindowRateLimiter(windows)
    for number in range(1000):
        assert await limiter.hit(twice, f"{number}")
    assert [await limiter.hit(twice, "0") for _ in range(2)] == [True, False]
    await asyncio.sleep(1.01)  # the window is a second long
    assert [await limiter.hit(twice, "0") for _ in range(3)] == [True, True, False]
    assert [len(entries) for entries in windows.events.values()] == [2]


async def test_counting_leaves_no_work_behind() -> None:
    allowance = Allowance()
    for number in range(100):
        await allowance.send(f"{number}", "127.0.0.1")
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_with_redis_all_processes_count_together(valkey: Valkey, allowances: Callable[[], Allowance]) -> None:
    one, other = allowances(), allowances()
    assert await refused_after(one, *[("x", HOME)] * 2) is None
    assert await refused_after(other, *[("x", HOME)] * 2) == 1


async def test_when_redis_goes_away_this_process_counts(
    valkey: Valkey, allowances: Callable[[], Allowance], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.faults.REST_S", 0)
    allowance = allowances()
    assert await refused_after(allowance, *[("x", HOME)] * 2) is None
    valkey.stop()
    assert await refused_after(allowance, *[("x", HOME)] * 4) == 3
    valkey.start()
    assert await refused_after(allowance, *[("x", HOME)] * 4) == 3


async def test_a_redis_that_never_was_is_done_without(
    valkey: Valkey, allowances: Callable[[], Allowance], settings: LazySettings
) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert await refused_after(allowances(), *[("x", HOME)] * 4) == 3


async def test_a_redis_that_hangs_costs_one_wait_and_not_one_a_send(
    valkey: Valkey, allowances: Callable[[], Allowance], settings: LazySettings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        began = monotonic()
        assert await refused_after(allowances(), *[("x", HOME)] * 4) == 3
        assert monotonic() - began < 3  # each of the four would wait for a second, three of them twice
