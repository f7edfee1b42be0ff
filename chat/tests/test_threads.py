"""Database work stays off the event loop, and a lock that others hold delays nobody who only reads."""

import asyncio
import itertools
import threading
from time import monotonic

import pytest
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection

from chat import threads
from chat.models import Visitor
from chat.protocol import Code, Refused
from chat.tests.conftest import Person, Tab
from chat.tests.locks import locked
from gptj.backends.scripted import Scripted

LOCK_S = 3.0  # shorter than the five seconds after which a write gives up
PROMPT_S = 0.5  # for an answer that waits for nobody; mostly it is 0.01


async def beat(tab: Tab, until: float) -> list[float]:
    """Ping a tab until then; return how long each pong took."""
    waits = []
    while monotonic() < until:
        asked = monotonic()
        await tab.say("ping", after=1)
        await tab.until("pong")
        waits.append(monotonic() - asked)
        await asyncio.sleep(0.2)
    return waits


async def gaps(tab: Tab, until: float) -> list[float]:
    """Return the time between each two deltas until then."""
    seen = [monotonic()]
    while monotonic() < until:
        await tab.until("delta")
        seen.append(monotonic())
    return [later - earlier for earlier, later in itertools.pairwise(seen)]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="locks SQLite's file")
async def test_a_database_lock_delays_no_other_tab(serving: Scripted, ada: Person) -> None:
    serving.script(*[step for number in range(200) for step in (f"{number} ", 0.05)])
    writing, reading, sending = [await ada.open(await ada.begin()) for _ in range(3)]
    await writing.send("Count")
    await writing.until("delta")
    with locked():
        end = monotonic() + LOCK_S
        ack = asyncio.create_task(sending.send("Wait for it"))
        pongs, deltas = await asyncio.gather(beat(reading, end), gaps(writing, end))
        assert not ack.done()  # none without a row
    assert not (await ack)["duplicate"]
    assert len(pongs) >= 5
    assert max(pongs) < PROMPT_S
    assert len(deltas) >= 20
    assert max(deltas) < PROMPT_S


@pytest.mark.django_db(transaction=True)
async def test_readers_run_beside_each_other_and_apart_from_the_event_loop() -> None:
    everyone = threading.Barrier(threads.READERS, timeout=5)
    met = await asyncio.gather(*[threads.read(everyone.wait) for _ in range(threads.READERS)])
    assert sorted(met) == list(range(threads.READERS))
    assert await threads.read(threading.get_ident) != threading.get_ident()
    threads.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
async def test_a_database_that_fails_is_unavailable(error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(Refused) as refused:
        await threads.write(fail)
    assert refused.value.code == Code.UNAVAILABLE
    assert refused.value.retry_after_s
    threads.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [IntegrityError("twice"), DataError("too long"), ZeroDivisionError()])
async def test_a_fault_of_ours_is_no_outage(error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        await threads.write(fail)
    threads.close()


@pytest.mark.django_db(transaction=True)
async def test_closing_lets_go_of_every_connection_and_the_next_call_opens_anew() -> None:
    opened = []

    def count() -> int:
        opened.append(connection.connection)
        found: int = Visitor.objects.count()
        opened.append(connection.connection)
        return found

    for _ in range(2):
        assert await threads.read(count) == 0
        assert opened.pop() is not None
        assert opened.pop() is None  # a new thread with no connection yet
        threads.close()
    threads.close()
