"""What is kept in Redis: it comes back as it was, for as long as it may, and its absence is no fault."""

from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection

from chat import history
from chat.history import hot
from chat.memory import Said
from chat.models import ChatSession
from chat.tests.servers import Valkey
from chat.tests.talking import Talk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_gathered() -> None:
    """Nothing is left of other tests."""
    hot.gathered.take()


SAID = [Said(id=uuid4(), role="user", text="🗼\n\t\u2028"), Said(id=uuid4(), role="assistant", text="Yes.")]


def test_turns_come_back_as_they_were(valkey: Valkey) -> None:
    session, leaf = Talk.begin().session, uuid4()
    hot.keep(session, SAID, head=7, leaf=leaf)
    assert hot.recall(session, head=7, leaf=leaf) == SAID  # by this process
    hot.write()
    assert not hot.gathered
    assert hot.recall(session, head=7, leaf=leaf) == SAID  # by any
    hot.forget([session])
    assert hot.recall(session, head=7, leaf=leaf) is None


def test_many_are_written_at_once_and_the_last_of_each_counts(valkey: Valkey) -> None:
    sessions = [Talk.begin().session for _ in range(3)]
    leaf = uuid4()
    with valkey.client() as client:
        client.config_resetstat()
        for head in (1, 2):
            for session in sessions:
                hot.keep(session, SAID, head=head, leaf=leaf)
                hot.keep_drafts({session: (head, "so far")})
        assert "cmdstat_mset" not in client.info("commandstats")  # nobody waits for it
        hot.write()
        assert client.info("commandstats")["cmdstat_mset"]["calls"] == 2  # turns, and drafts
    for session in sessions:
        assert hot.recall(session, head=2, leaf=leaf) == SAID
        assert hot.draft(session) == (2, "so far")


def test_nothing_is_held_of_a_session_that_was_deleted_before_it_was_written(valkey: Valkey) -> None:
    """At this process, which knows, or at another one."""
    here, elsewhere, leaf = Talk.begin(), Talk.begin(), uuid4()
    for talk in (here, elsewhere):
        hot.keep(talk.session, SAID, head=1, leaf=leaf)
    history.delete_any_session(here.session)
    assert hot.recall(here.session, head=1, leaf=leaf) is None
    ChatSession.objects.filter(id=elsewhere.session).delete()
    hot.write()
    with valkey.client() as client:
        assert client.keys("*") == []


def test_nothing_is_held_where_it_is_not_known_whether_a_session_is_deleted(valkey: Valkey) -> None:
    session = Talk.begin().session
    hot.keep(session, SAID, head=1, leaf=uuid4())

    def fail(*_args: object) -> None:
        raise OperationalError

    with connection.execute_wrapper(fail), pytest.raises(OperationalError):
        hot.write()
    with valkey.client() as client:
        assert client.keys("*") == []


@pytest.mark.parametrize(("ttl_s", "kept_s"), [(0, 86_400), (120, 120)])
def test_they_leave_with_the_session(valkey: Valkey, settings: LazySettings, ttl_s: int, kept_s: int) -> None:
    settings.SESSION_TTL_S = ttl_s
    hot.keep(Talk.begin().session, SAID, head=1, leaf=uuid4())
    hot.write()
    with valkey.client() as client:
        (key,) = client.keys("*")
        assert kept_s - 5 <= int(client.ttl(key)) <= kept_s


def test_a_draft_comes_back_and_expires(valkey: Valkey) -> None:
    reply = uuid4()
    assert hot.draft(reply) == (0, "")
    hot.keep_drafts({reply: (2, "so far")})
    hot.write()
    assert hot.draft(reply) == (2, "so far")
    with valkey.client() as client:
        (key,) = client.keys("*")
        assert 0 < int(client.ttl(key)) <= hot.DRAFT_S


def test_without_redis_nothing_is_held_and_nothing_is_raised(valkey: Valkey) -> None:
    session, leaf = Talk.begin().session, uuid4()
    hot.keep(session, SAID, head=7, leaf=leaf)
    hot.write()
    valkey.stop()
    assert hot.recall(session, head=7, leaf=leaf) is None
    hot.keep(session, SAID, head=8, leaf=leaf)
    hot.keep_drafts({uuid4(): (1, "x")})
    hot.write()
    assert hot.recall(session, head=8, leaf=leaf) is None
    hot.forget([session])
    valkey.start()
    assert hot.recall(session, head=7, leaf=leaf) is None  # flushed
