"""PostgreSQL's rows locked by others: one that a turn waits for holds up no other session, and none waits for ever."""

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from uuid import UUID, uuid4

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from chat import history, steps, threads
from chat.models import Message
from chat.tests.talking import HERE, Talk

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks no rows"),
]

PROMPT_S = 1.0  # for what waits for nobody; mostly it is 0.12, since the first try waits 0.1


@contextmanager
def held(session: UUID) -> Iterator[None]:
    """Hold a session locked, as an admin's page or another process does."""
    settings = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    with psycopg.connect(**{name: settings[name] for name in names if name in settings}) as other:
        other.execute("SELECT FROM chat_chatsession WHERE id = %s FOR UPDATE", [session])
        yield
        other.rollback()


async def test_a_session_that_another_holds_locked_delays_no_other() -> None:
    talks = [await sync_to_async(Talk.begin)() for _ in range(4)]
    waits: list[float] = []

    async def say(talk: Talk) -> None:
        asked = monotonic()
        await threads.write.together(history.add_turn, talk.session, uuid4(), "Hello", HERE)
        waits.append(monotonic() - asked)

    with held(talks[0].session):
        waiting = asyncio.create_task(say(talks[0]))
        await asyncio.gather(*[say(talk) for talk in talks[1:]])
        assert max(waits) < PROMPT_S
        assert not waiting.done()
    await waiting
    assert await sync_to_async(Message.objects.count)() == 8
    threads.close()


async def test_a_lock_that_goes_at_once_is_waited_for_together() -> None:
    talk = await sync_to_async(Talk.begin)()
    with held(talk.session):
        waiting = asyncio.create_task(threads.write.together(history.add_turn, talk.session, uuid4(), "Hello", HERE))
        await asyncio.sleep(0)
    change = await waiting
    assert len(change.messages) == 2
    threads.close()


def test_groups_with_the_same_sessions_in_them_never_wait_for_each_other_for_ever() -> None:
    """Each of three processes stores what is said in the same sessions, in whatever order it comes."""
    talks = [Talk.begin() for _ in range(6)]
    exchanges = 10

    def one_process(seed: int) -> int:
        order, stored = random.Random(seed), 0  # noqa: S311 (an order of ours)
        try:
            for _ in range(exchanges):
                shuffled = order.sample(talks, len(talks))
                for talk in shuffled:
                    Message.objects.filter(session=talk.session).update(status="complete", lease_until=None)
                writes = [history.add_turn.steps(talk.session, uuid4(), "Hello", HERE) for talk in shuffled]
                stored += sum(isinstance(answer, history.Change) for answer in steps.run(writes))
        finally:
            connections.close_all()
        return stored

    with ThreadPoolExecutor(3) as processes:
        stored = sum(processes.map(one_process, range(3)))
    assert stored >= len(talks)
    assert Message.objects.count() == 2 * stored
    for talk in talks:
        numbers = Message.objects.filter(session=talk.session).order_by("n").values_list("n", flat=True)
        assert list(numbers) == list(range(1, talk.row.length + 1))
