"""Database work stays off the event loop, and a lock that others hold delays nobody who only reads."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection
from django.utils import timezone

from chat import steps, threads
from chat.history.sql import stored_key, stored_time
from chat.models import Visitor
from chat.protocol import Code, Refused
from chat.tests.conftest import Person, Tab
from chat.tests.locks import impatient, locked
from gptj.backends.scripted import Scripted

pytestmark = pytest.mark.django_db(transaction=True)

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


async def test_readers_run_beside_each_other_and_apart_from_the_event_loop() -> None:
    everyone = threading.Barrier(threads.READERS, timeout=5)
    met = await asyncio.gather(*[threads.read(everyone.wait) for _ in range(threads.READERS)])
    assert sorted(met) == list(range(threads.READERS))
    assert await threads.read(threading.get_ident) != threading.get_ident()
    threads.close()


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
async def test_a_database_that_fails_is_unavailable(error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(Refused) as refused:
        await threads.write(fail)
    assert refused.value.code == Code.UNAVAILABLE
    assert refused.value.retry_after_s
    threads.close()


@pytest.mark.parametrize("error", [IntegrityError("twice"), DataError("too long"), ZeroDivisionError()])
async def test_a_fault_of_ours_is_no_outage(error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        await threads.write(fail)
    threads.close()


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


# --- Writes that share a transaction ---------------------------------------------------------------------------------

one_writer = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has others for what runs alone")


class Ledger:
    """Writes of turns that each store a visitor by a name; how often each ran, and beside which others."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.beside: dict[str, list[str]] = {}  # what of the same transaction was stored when it ran last
        self.committed: list[str] = []
        self.write = steps.write(patience_s=0.0)(self._write)

    def _write(self, name: str, spoil: Callable[[], Sequence[steps.Statement]] = list) -> steps.Steps[str]:
        self.ran.append(name)
        (found,) = yield steps.Ask([("SELECT name FROM chat_visitor ORDER BY created_at", [])])
        self.beside[name] = [each for (each,) in found]
        yield steps.Ask([visitor_named(name), *spoil()], last=True)
        self.committed.append(name)
        return name

    @asynccontextmanager
    async def together(
        self, *calls: tuple[str, Callable[[], Sequence[steps.Statement]]] | str
    ) -> AsyncIterator[list[asyncio.Task[str]]]:
        """Ask for all of these while the writer is busy, so that they wait together; then let it go on."""
        begun, gate = threading.Event(), threading.Event()
        busy = asyncio.ensure_future(threads.write.together(waiting(begun, gate)))
        await asyncio.to_thread(begun.wait, 5)
        asked = [
            asyncio.create_task(threads.write.together(self.write, *((call,) if isinstance(call, str) else call)))
            for call in calls
        ]
        await asyncio.sleep(0)
        try:
            yield asked
        finally:
            gate.set()
            await busy
            await asyncio.gather(*asked, return_exceptions=True)
            threads.close()


def waiting(begun: threading.Event, gate: threading.Event) -> steps.Write[[], None]:
    """Return a write that says that it has begun, and keeps the writer busy until the gate opens."""

    def wait() -> steps.Steps[None]:
        begun.set()
        gate.wait(5)
        yield from ()

    return steps.write(patience_s=0.0)(wait)


def visitor_named(name: str, key: UUID | None = None) -> steps.Statement:
    """Return what stores a visitor."""
    visitor = "INSERT INTO chat_visitor (id, name, created_at) VALUES (%s, %s, %s)"
    return visitor, [stored_key(key or uuid4()), name, stored_time(timezone.now())]


async def stored() -> list[str]:
    """Return what another connection sees, in the order in which it was written."""
    return await threads.read(lambda: list(Visitor.objects.order_by("created_at").values_list("name", flat=True)))


TWICE = uuid4()


def refuse() -> Sequence[steps.Statement]:
    raise Refused(Code.BUSY, "Not now.")


def break_a_constraint() -> Sequence[steps.Statement]:
    return [visitor_named("b again", TWICE), visitor_named("b once more", TWICE)]


def break_the_commit() -> Sequence[steps.Statement]:
    """Refer to a message that there is none of, which is looked at when the transaction is committed."""
    entry = "INSERT INTO chat_searchentry (message_id, visitor, words) VALUES (%s, %s, 'word')"
    return [(entry, [stored_key(uuid4()), stored_key(uuid4())])]


async def test_writes_that_wait_share_a_transaction_in_their_order() -> None:
    ledger = Ledger()
    async with ledger.together("a", "b", "c") as asked:
        pass
    assert [write.result() for write in asked] == await stored() == ledger.ran == ledger.committed == ["a", "b", "c"]


@one_writer
async def test_each_of_a_transaction_sees_what_those_before_it_stored() -> None:
    ledger = Ledger()
    async with ledger.together("a", "b", "c"):
        pass
    assert ledger.beside == {"a": [], "b": ["a"], "c": ["a", "b"]}


async def test_nobody_is_answered_before_the_commit() -> None:
    ledger = Ledger()

    async def stored_when_answered(write: asyncio.Future[Any]) -> list[str]:
        await write
        return await stored()

    async with ledger.together("a", "b", "c") as asked:
        seen = [asyncio.create_task(stored_when_answered(write)) for write in asked]
    assert await asyncio.gather(*seen) == [["a", "b", "c"]] * 3


async def test_what_comes_after_the_last_statement_comes_after_the_commit() -> None:
    seen = []

    def look() -> steps.Steps[None]:
        yield steps.Ask([visitor_named("a")], last=True)
        with ThreadPoolExecutor(1) as other:
            seen.append(other.submit(_count_of_visitors).result())

    await threads.write.together(steps.write(patience_s=0.0)(look))
    assert seen == [1]
    threads.close()


def _count_of_visitors() -> int:
    try:
        return Visitor.objects.count()
    finally:
        connection.close()


async def test_what_is_refused_is_not_stored_and_the_others_are() -> None:
    ledger = Ledger()
    async with ledger.together("a", ("b", refuse), "c") as (first, second, third):
        pass
    assert (first.result(), third.result()) == ("a", "c")
    assert isinstance(second.exception(), Refused)
    assert await stored() == ["a", "c"]
    assert ledger.ran == ["a", "b", "c"]  # once
    assert ledger.committed == ["a", "c"]


@pytest.mark.parametrize("spoil", [break_a_constraint, break_the_commit])
async def test_what_cannot_be_stored_harms_no_neighbour(spoil: Callable[[], Sequence[steps.Statement]]) -> None:
    ledger = Ledger()
    async with ledger.together("a", ("b", spoil), "c") as (first, second, third):
        pass
    assert (first.result(), third.result()) == ("a", "c")
    assert isinstance(second.exception(), IntegrityError)
    assert sorted(await stored()) == sorted(ledger.committed) == ["a", "c"]
    assert sorted(ledger.ran[-3:]) == ["a", "b", "c"]  # each once more by itself
    assert len(ledger.ran) == 6


async def test_what_fails_after_the_commit_is_not_run_again_and_harms_no_neighbour() -> None:
    ledger = Ledger()

    def fail() -> steps.Steps[None]:
        yield from ledger.write.steps("b")
        raise ZeroDivisionError

    failing = steps.write(patience_s=0.0)(fail)
    async with ledger.together("a") as asked:
        failed = asyncio.create_task(threads.write.together(failing))
        await asyncio.sleep(0)
    assert asked[0].result() == "a"
    with pytest.raises(ZeroDivisionError):
        await failed
    assert await stored() == ledger.ran == ["a", "b"]
    threads.close()


@one_writer
async def test_where_the_database_is_locked_all_are_refused_at_once_and_nothing_is_stored() -> None:
    await impatient()
    ledger = Ledger()
    with locked():
        async with ledger.together("a", "b", "c") as asked:
            pass
    assert [getattr(write.exception(), "code", None) for write in asked] == [Code.UNAVAILABLE] * 3
    assert ledger.beside == {}
    assert await stored() == []


async def test_who_waits_no_longer_is_not_written_for_and_the_others_are() -> None:
    ledger = Ledger()
    async with ledger.together("a", "b", "c") as asked:
        asked[1].cancel()
    assert asked[1].cancelled()
    assert await stored() == ledger.ran == ["a", "c"]


@one_writer
async def test_what_shares_nothing_is_done_in_its_turn() -> None:
    ledger = Ledger()
    async with ledger.together("a", "b") as asked:
        asked.append(asyncio.create_task(threads.write(ledger.write, "alone")))
        asked += [asyncio.create_task(threads.write.together(ledger.write, name)) for name in "cd"]
        await asyncio.sleep(0)
    assert await stored() == ledger.ran == ["a", "b", "alone", "c", "d"]


async def test_writes_wait_for_company_only_where_so_many_come_that_there_will_be_some() -> None:
    threads.close()
    ledger = Ledger()
    patient = steps.write(patience_s=0.1)(ledger.write.steps)
    writer = threads.Writer("write", threads.Pool("write", lambda: 1))
    single = asyncio.create_task(writer.together(patient, "single"))
    await asyncio.sleep(0)
    assert not writer._gathered
    await single
    many = [asyncio.create_task(writer.together(patient, str(number))) for number in range(30)]
    await asyncio.sleep(0)
    assert len(writer._gathered) > 10
    assert await asyncio.gather(*many) == [str(number) for number in range(30)]
    await asyncio.to_thread(writer.close)
    threads.close()


async def test_closing_leaves_nothing_undone_that_waited_for_company() -> None:
    ledger = Ledger()
    patient = steps.write(patience_s=0.1)(ledger.write.steps)
    writer = threads.Writer("write", threads.Pool("write", lambda: 1))
    many = [asyncio.create_task(writer.together(patient, str(number))) for number in range(30)]
    await asyncio.sleep(0)
    assert writer._gathered
    await asyncio.to_thread(writer.close)
    assert len(ledger.committed) == 30
    await asyncio.gather(*many)


def test_who_waited_for_company_in_a_loop_that_has_closed_leaves_nobody_waiting() -> None:
    patient = steps.write(patience_s=0.1)(Ledger().write.steps)
    writer = threads.Writer("write", threads.Pool("write", lambda: 1))

    async def leave() -> None:
        many = [asyncio.create_task(writer.together(patient, str(number))) for number in range(30)]
        await asyncio.sleep(0)
        assert writer._gathered
        for each in many:
            each.cancel()

    async def write() -> str:
        return await asyncio.wait_for(writer.together(patient, "new"), 5)

    asyncio.run(leave())
    assert asyncio.run(write()) == "new"
    writer.close()
