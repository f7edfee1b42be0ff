"""What is kept in Redis: it comes back as it was, for as long as it may, and its absence is no fault."""

from uuid import uuid4

import pytest
from django.conf import LazySettings

from chat.history import hot
from chat.memory import Said
from chat.tests.servers import Valkey

SAID = [Said(id=uuid4(), role="user", text="🗼\n\t\u2028"), Said(id=uuid4(), role="assistant", text="Yes.")]


def test_turns_come_back_as_they_were(valkey: Valkey) -> None:
    session, leaf = uuid4(), uuid4()
    hot.keep(session, SAID, head=7, leaf=leaf)
    assert hot.recall(session, head=7, leaf=leaf) == SAID
    hot.forget([session])
    assert hot.recall(session, head=7, leaf=leaf) is None


@pytest.mark.parametrize(("ttl_s", "kept_s"), [(0, 86_400), (120, 120)])
def test_they_leave_with_the_session(valkey: Valkey, settings: LazySettings, ttl_s: int, kept_s: int) -> None:
    settings.SESSION_TTL_S = ttl_s
    hot.keep(uuid4(), SAID, head=1, leaf=uuid4())
    with valkey.client() as client:
        (key,) = client.keys("*")
        assert kept_s - 5 <= int(client.ttl(key)) <= kept_s


def test_a_draft_comes_back_and_expires(valkey: Valkey) -> None:
    reply = uuid4()
    assert hot.draft(reply) == (0, "")
    hot.keep_drafts({reply: (2, "so far")})
    assert hot.draft(reply) == (2, "so far")
    with valkey.client() as client:
        (key,) = client.keys("*")
        assert 0 < int(client.ttl(key)) <= hot.DRAFT_S


def test_without_redis_nothing_is_held_and_nothing_is_raised(valkey: Valkey) -> None:
    session, leaf = uuid4(), uuid4()
    hot.keep(session, SAID, head=7, leaf=leaf)
    valkey.stop()
    assert hot.recall(session, head=7, leaf=leaf) is None
    hot.keep(session, SAID, head=8, leaf=leaf)
    hot.keep_drafts({uuid4(): (1, "x")})
    hot.forget([session])
    valkey.start()
    assert hot.recall(session, head=7, leaf=leaf) is None  # flushed
