"""What is stored and read again: turns, branches, the feed, leases, deletion, and what the database itself refuses."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat import history, protocol
from chat.history import Change, Maker, Settings, hot, reading
from chat.models import ChatSession, Message, Role, SearchEntry, Status, SystemPrompt, Visitor
from chat.protocol import Code, Refused
from chat.tests.talking import HERE, Talk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_hot() -> None:
    """No session is held in the cache from another test."""
    cache.clear()


@pytest.fixture
def talk() -> Talk:
    """A new session."""
    return Talk.begin()


def refused(call: Callable[..., Any], *args: Any) -> Code:
    """Return the code with which a call is refused."""
    with pytest.raises(Refused) as caught:
        call(*args)
    assert caught.value.detail
    return caught.value.code


# --- Turns -----------------------------------------------------------------------------------------------------------


def test_a_turn_is_a_message_and_a_queued_reply_each_with_its_own_change(talk: Talk) -> None:
    before = talk.row.head
    change = talk.say("Hello")
    said, reply = change.messages
    assert (said.role, said.text, said.status, said.n, said.parent, said.attempt) == (
        "user",
        "Hello",
        "complete",
        1,
        None,
        0,
    )
    assert (reply.role, reply.text, reply.status, reply.n, reply.parent) == ("assistant", "", "queued", 2, said.id)
    assert change.session is not None
    assert [said.seq, reply.seq, change.session.seq] == [before + 1, before + 2, before + 3]
    assert (change.session.head, change.session.leaf, change.session.title) == (before + 3, reply.id, "Hello")
    assert change.reply == reply
    stored = talk.message(reply.id)
    assert (stored.owner, stored.attempt, stored.model) == ("here", 1, "default")
    assert stored.lease_until is not None
    assert stored.lease_until > timezone.now()


def test_every_number_is_given_once_and_none_is_left_out(talk: Talk) -> None:
    first, reply = talk.exchange("One")
    talk.exchange("Two")
    history.select(talk.session, first)
    history.give_feedback(str(reply), talk.visitor, 1)
    history.change_session(str(talk.session), talk.visitor, Settings(title="New"))
    edited = history.edit_turn(talk.session, first, uuid4(), "Uno", HERE)
    assert edited.reply is not None
    talk.end(edited.reply.id, "", status=Status.FAILED)
    history.retry(talk.session, edited.reply.id, 1, HERE)
    numbers = list(Message.objects.filter(session=talk.session).values_list("n", flat=True).order_by("n"))
    assert numbers == list(range(1, len(numbers) + 1)) == list(range(1, talk.row.length + 1))
    sequence = [talk.row.seq, *Message.objects.filter(session=talk.session).values_list("seq", flat=True)]
    assert len(set(sequence)) == len(sequence)
    assert max(sequence) == talk.row.head


def test_a_known_client_id_changes_nothing(talk: Talk) -> None:
    key = uuid4()
    first = talk.say("Once", key)
    head = talk.row.head
    assert talk.say("Once", key) == Change(duplicate=first.messages[0].id)
    assert refused(talk.say, "Otherwise", key) == Code.BAD_FRAME
    assert (talk.row.head, Message.objects.count()) == (head, 2)


def test_a_known_client_id_is_known_to_edit_and_regenerate_too(talk: Talk) -> None:
    said, _ = talk.exchange()
    key = uuid4()
    edited = history.edit_turn(talk.session, said, key, "Otherwise", HERE)
    assert history.edit_turn(talk.session, said, key, "Otherwise", HERE).duplicate == edited.messages[0].id
    assert edited.reply is not None
    talk.end(edited.reply.id)
    key = uuid4()
    again = history.regenerate(talk.session, said, key, HERE)
    assert history.regenerate(talk.session, said, key, HERE).duplicate == again.messages[0].id
    assert again.messages[0].client_id == key


def test_the_same_client_id_in_another_session_is_another(talk: Talk) -> None:
    key = uuid4()
    talk.say("Here", key)
    other = Talk.begin(visitor=talk.visitor)
    assert other.say("There", key).duplicate is None


def test_while_a_reply_is_made_everything_else_is_busy(talk: Talk) -> None:
    said, first = talk.exchange()
    reply = talk.say().messages[1]
    head = talk.row.head
    for status in ("queued", "streaming"):
        assert talk.message(reply.id).status == status
        assert refused(talk.say) == Code.BUSY
        assert refused(history.edit_turn, talk.session, said, uuid4(), "No", HERE) == Code.BUSY
        assert refused(history.regenerate, talk.session, said, uuid4(), HERE) == Code.BUSY
        head += talk.start(reply.id) is not None
    Message.objects.filter(id=first).update(status=Status.FAILED, error_code="internal")
    Message.objects.filter(parent=first).update(parent=said)
    assert refused(history.retry, talk.session, first, 1, HERE) == Code.BUSY
    assert talk.row.head == head  # what was refused counts for nothing


def test_an_expired_session_is_read_only(talk: Talk, settings: LazySettings) -> None:
    said, reply = talk.exchange()
    settings.SESSION_TTL_S = 60
    assert talk.row.expires_at is not None
    ChatSession.objects.filter(id=talk.session).update(updated_at=timezone.now() - timedelta(seconds=61))
    assert refused(talk.say) == Code.EXPIRED
    assert refused(history.regenerate, talk.session, said, uuid4(), HERE) == Code.EXPIRED
    assert history.feed(talk.session, talk.visitor, 0).messages[-1].id == reply


def test_a_model_that_is_gone_and_a_line_that_is_full_are_told(talk: Talk) -> None:
    with pytest.raises(Refused) as caught:
        history.add_turn(talk.session, uuid4(), "Hi", Maker(owner="here", aliases=["other", "third"]))
    assert caught.value.code == Code.UNKNOWN_MODEL
    assert "other, third" in caught.value.detail
    full = Maker(owner="here", aliases=["default"], full=["default"])
    assert refused(history.add_turn, talk.session, uuid4(), "Hi", full) == Code.QUEUE_FULL
    history.change_session(str(talk.session), talk.visitor, Settings(model="other"))
    assert history.add_turn(talk.session, uuid4(), "Hi", Maker(owner="here", aliases=["other"])).reply


def test_a_retry_makes_the_reply_again_in_place(talk: Talk) -> None:
    reply = talk.say().messages[1].id
    talk.start(reply)
    talk.end(reply, "half", status=Status.FAILED, error_code="upstream_timeout", usage={"total_ms": 5})
    created = talk.message(reply).created_at
    change = history.retry(talk.session, reply, 1, HERE)
    assert change.reply is not None
    assert (change.reply.attempt, change.reply.text, change.reply.status, change.reply.error) == (2, "", "queued", None)
    stored = talk.message(reply)
    assert (stored.created_at, stored.n, stored.total_ms, stored.context_first) == (created, 2, None, None)
    assert stored.seq == talk.row.head


@pytest.mark.parametrize("attempt", [0, 2])
def test_a_retry_of_another_attempt_changes_nothing(talk: Talk, attempt: int) -> None:
    reply = talk.say().messages[1].id
    talk.end(reply, "", status=Status.FAILED)
    before = talk.row.head
    change = history.retry(talk.session, reply, attempt, HERE)
    assert (change.reply, change.messages[0].status, talk.row.head) == (None, "failed", before)


def test_a_retry_of_what_did_not_fail_or_has_more_below_changes_nothing(talk: Talk) -> None:
    _, complete = talk.exchange()
    assert history.retry(talk.session, complete, 1, HERE).reply is None
    stopped = talk.say().messages[1].id
    talk.end(stopped, "so", status=Status.STOPPED)
    talk.exchange()
    assert history.retry(talk.session, stopped, 1, HERE).reply is None
    assert refused(history.retry, talk.session, uuid4(), 1, HERE) == Code.NOT_FOUND


def test_an_edit_is_a_sibling_with_a_reply_of_its_own(talk: Talk) -> None:
    talk.exchange("A")
    said, _ = talk.exchange("B")
    change = history.edit_turn(talk.session, said, uuid4(), "B2", HERE)
    edited, reply = change.messages
    assert (edited.siblings, edited.parent) == ([said, edited.id], talk.message(said).parent_id)
    assert talk.row.leaf_id == reply.id
    assert refused(history.edit_turn, talk.session, uuid4(), uuid4(), "x", HERE) == Code.BUSY
    talk.end(reply.id)
    assert refused(history.edit_turn, talk.session, reply.id, uuid4(), "x", HERE) == Code.BAD_FRAME
    assert refused(history.edit_turn, talk.session, uuid4(), uuid4(), "x", HERE) == Code.NOT_FOUND


@pytest.mark.parametrize("which", [0, 1])
def test_regenerate_takes_what_was_asked_or_a_reply_to_it(talk: Talk, which: int) -> None:
    both = talk.exchange()
    change = history.regenerate(talk.session, both[which], uuid4(), HERE)
    assert change.reply is not None
    assert (change.reply.parent, change.reply.siblings) == (both[0], [both[1], change.reply.id])
    assert talk.row.leaf_id == change.reply.id


def test_select_shows_the_newest_branch_below(talk: Talk) -> None:
    first, _ = talk.exchange("A")
    _, end = talk.exchange("B")
    edited = history.edit_turn(talk.session, first, uuid4(), "A2", HERE)
    assert edited.reply is not None
    talk.end(edited.reply.id)
    change = history.select(talk.session, first)
    assert change.session is not None
    assert (change.session.leaf, change.session.seq) == (end, change.session.head)
    head = talk.row.head
    assert history.select(talk.session, end) == Change()
    assert talk.row.head == head
    assert refused(history.select, talk.session, uuid4()) == Code.NOT_FOUND


def test_a_message_of_another_session_is_unknown(talk: Talk) -> None:
    said, reply = Talk.begin().exchange()
    for call in (history.select, history.message):
        args = (talk.session, said) if call is history.select else (said, talk.session)
        assert refused(call, *args) == Code.NOT_FOUND
    assert refused(history.regenerate, talk.session, reply, uuid4(), HERE) == Code.NOT_FOUND
    assert not history.want_stop(talk.session, reply, 1)


# --- The feed --------------------------------------------------------------------------------------------------------


def test_the_feed_holds_what_changed_since(talk: Talk) -> None:
    talk.exchange("A")
    after = talk.row.head
    said, reply = talk.exchange("B")
    feed = history.feed(talk.session, talk.visitor, after)
    assert not feed.reset
    assert [message.id for message in feed.messages] == [said, reply]
    assert [message.seq for message in feed.messages] == sorted(message.seq for message in feed.messages)
    assert feed.session.head == talk.row.head
    assert history.feed(talk.session, talk.visitor, talk.row.head).messages == []


def test_the_feed_begins_anew_for_who_holds_nothing_is_ahead_or_far_behind(talk: Talk) -> None:
    talk.exchange()
    head = talk.row.head
    for after, reset in ((0, True), (1, False), (head, False), (head + 1, True), (2**63 - 1, True)):
        assert history.feed(talk.session, talk.visitor, after).reset == reset
    ChatSession.objects.filter(id=talk.session).update(head=600)
    assert not history.feed(talk.session, talk.visitor, 100).reset
    assert history.feed(talk.session, talk.visitor, 99).reset


def test_the_feed_begins_anew_for_who_missed_much_text(talk: Talk) -> None:
    for _ in range(2):
        talk.exchange("A", "x" * 100_000)
    head = talk.row.head
    talk.exchange("B", "x" * 100_000)
    assert history.feed(talk.session, talk.visitor, 1).reset
    feed = history.feed(talk.session, talk.visitor, head)
    assert not feed.reset
    assert [len(message.text) for message in feed.messages] == [1, 100_000]


def test_a_new_start_gives_the_last_fifty_of_the_branch_that_is_shown(talk: Talk) -> None:
    first, _ = talk.exchange("elsewhere")
    edited = history.edit_turn(talk.session, first, uuid4(), "here", HERE)
    assert edited.reply is not None
    talk.end(edited.reply.id)
    ids = [edited.messages[0].id, edited.reply.id]
    ids += talk.grow(60)
    feed = history.feed(talk.session, talk.visitor, 0)
    assert [message.id for message in feed.messages] == ids[-50:]


def test_a_reply_in_the_making_is_always_in_the_feed(talk: Talk) -> None:
    reply = talk.say().messages[1]
    feed = history.feed(talk.session, talk.visitor, talk.row.head)
    assert feed.messages == []
    assert [message.id for message in feed.making] == [reply.id]


def test_another_visitors_session_is_as_unknown_as_none(talk: Talk) -> None:
    other = Talk.begin()
    for visitor in (other.visitor, None, uuid4()):
        assert refused(history.feed, talk.session, visitor, 0) == Code.NOT_FOUND
    for key in (uuid4(), "no uuid", ""):
        assert refused(history.session, key, talk.visitor) == Code.NOT_FOUND


# --- Branches --------------------------------------------------------------------------------------------------------


@pytest.fixture
def long(talk: Talk) -> tuple[Talk, list[UUID]]:
    """A conversation of 120 messages, and their ids."""
    return talk, talk.grow(120)


def test_pages_go_up_the_branch(long: tuple[Talk, list[UUID]]) -> None:
    talk, ids = long
    page = history.page(talk.row, before=None, leaf=None, limit=50)
    found = [message.id for message in page.items]
    while page.more:
        page = history.page(talk.row, before=found[0], leaf=None, limit=50)
        found = [*(message.id for message in page.items), *found]
    assert found == ids
    assert [m.id for m in history.page(talk.row, before=None, leaf=ids[9], limit=5).items] == ids[5:10]
    assert history.page(talk.row, before=ids[0], leaf=None, limit=5) == history.Page(items=[], more=False)
    assert refused(lambda: history.page(talk.row, before=uuid4(), leaf=None, limit=5)) == Code.NOT_FOUND


def test_around_gives_25_either_side(long: tuple[Talk, list[UUID]]) -> None:
    talk, ids = long
    page = history.around(talk.row, ids[60])
    assert [message.id for message in page.items] == ids[35:86]
    assert page.more
    page = history.around(talk.row, ids[3])
    assert ([message.id for message in page.items], page.more) == (ids[:29], False)


def test_around_a_message_on_another_branch_gives_that_branch(long: tuple[Talk, list[UUID]]) -> None:
    talk, ids = long
    change = history.edit_turn(talk.session, ids[10], uuid4(), "otherwise", HERE)
    assert change.reply is not None
    talk.end(change.reply.id)
    assert [message.id for message in history.around(talk.row, ids[50]).items] == ids[25:76]
    new = [change.messages[0].id, change.reply.id]
    assert [message.id for message in history.around(talk.row, new[0]).items] == [*ids[:10], *new]


def test_a_branch_is_read_by_one_query_to_its_limit_and_no_deeper(long: tuple[Talk, list[UUID]]) -> None:
    _, ids = long
    with CaptureQueriesContext(connection) as queries:
        rows = reading.branch(ids[-1], 10)
    assert [row.id for row in rows] == ids[-10:]
    assert len(queries) == 1
    assert [row.id for row in reading.branch(ids[-1], 100, above=115)] == ids[115:]


def test_whole_and_current_are_everything_and_the_branch(long: tuple[Talk, list[UUID]]) -> None:
    talk, ids = long
    change = history.regenerate(talk.session, ids[1], uuid4(), HERE)
    assert change.reply is not None
    assert [message.id for message in history.whole(talk.row)] == [*ids, change.reply.id]
    assert [message.id for message in history.current(talk.row)] == [ids[0], change.reply.id]


# --- What the model is shown -----------------------------------------------------------------------------------------


def said_to(talk: Talk, text: str = "And now?") -> list[tuple[str, str]]:
    """Store a turn; return what its reply is to be made from."""
    reply = talk.say(text).messages[1]
    task = history.task(reply.id, 1)
    assert task is not None
    return [(said.role, said.text) for said in task.said]


def test_a_reply_is_made_from_its_branch_alone(talk: Talk) -> None:
    first, _ = talk.exchange("A", "a")
    talk.exchange("B", "b")
    history.select(talk.session, first)
    change = history.regenerate(talk.session, first, uuid4(), HERE)
    assert change.reply is not None
    talk.end(change.reply.id, "a2")
    assert said_to(talk, "C") == [("user", "A"), ("assistant", "a2"), ("user", "C")]


def test_a_failed_reply_is_not_shown_and_a_stopped_one_is_if_it_has_text(talk: Talk) -> None:
    for text, answer, status in (
        ("A", "half", Status.FAILED),
        ("B", "so", Status.STOPPED),
        ("C", "", Status.STOPPED),
        ("D", "d", Status.COMPLETE),
    ):
        reply = talk.say(text).messages[1].id
        talk.start(reply)
        talk.end(reply, answer, status=status)
    expected = [
        ("user", "A"),
        ("user", "B"),
        ("assistant", "so"),
        ("user", "C"),
        ("user", "D"),
        ("assistant", "d"),
        ("user", "E"),
    ]
    assert said_to(talk, "E") == expected


def test_it_begins_where_the_reply_above_began(talk: Talk) -> None:
    talk.exchange("A")
    said, reply = talk.say("B").messages
    talk.start(reply.id, first=said.id)
    Message.objects.filter(id=reply.id).update(status=Status.COMPLETE, text="b", lease_until=None)
    assert said_to(talk, "C") == [("user", "B"), ("assistant", "b"), ("user", "C")]


def test_the_cache_knows_what_the_database_would_say(talk: Talk) -> None:
    for text, answer in (("A", "a"), ("B", "b")):
        talk.exchange(text, answer)
    reply = talk.say("C").messages[1]
    with CaptureQueriesContext(connection) as hot_queries:
        from_cache = history.task(reply.id, 1)
    cache.clear()
    with CaptureQueriesContext(connection) as cold_queries:
        assert history.task(reply.id, 1) == from_cache
    assert len(hot_queries) == 1 < len(cold_queries)


def test_the_cache_is_not_believed_when_something_changed(talk: Talk) -> None:
    _, reply = talk.exchange("A", "a")
    head, leaf = talk.row.head, reply
    assert hot.recall(talk.session, head=head, leaf=leaf) is not None
    assert hot.recall(talk.session, head=head + 1, leaf=leaf) is None
    assert hot.recall(talk.session, head=head, leaf=uuid4()) is None
    assert hot.recall(uuid4(), head=head, leaf=leaf) is None


@pytest.mark.parametrize("status", [Status.STOPPED, Status.FAILED])
def test_a_reply_that_ended_before_the_conversation_was_read_leaves_nothing_in_the_cache(
    talk: Talk, status: Status
) -> None:
    talk.exchange("A", "a")
    reply = talk.say("B").messages[1]
    code = "unknown_model" if status == Status.FAILED else ""
    history.end(talk.session, reply, history.Outcome(text="", status=status, error_code=code), ())
    assert said_to(talk, "C") == [("user", "A"), ("assistant", "a"), ("user", "B"), ("user", "C")]


def test_a_prompt_without_a_beginning_starts_with_what_a_person_said(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reading.DEEP % 2
    monkeypatch.setattr(reading, "DEEP", 5)
    for number in range(6):
        reply = talk.say(f"{number}").messages[1]
        talk.end(reply.id)
        cache.clear()
    assert [text for _, text in said_to(talk, "last")] == ["4", "Yes.", "5", "Yes.", "last"]


# --- A reply's life --------------------------------------------------------------------------------------------------


def test_writes_of_an_attempt_that_is_over_change_nothing(talk: Talk) -> None:
    queued = talk.say().messages[1]
    reply = queued.id
    talk.start(reply)
    talk.lose(reply)
    history.take_over("there")
    head, stored = talk.row.head, talk.message(reply)
    shown = history.Shown(model="default", first=reply, tokens=1, window=1, template="")
    assert history.begin(talk.session, queued, shown, queued_ms=1) is None
    assert history.checkpoint({reply: (1, "late")}) == {reply}
    assert history.end(talk.session, queued, history.Outcome(text="late", status=Status.COMPLETE), ()) is None
    assert not history.want_stop(talk.session, reply, 1)
    assert history.task(reply, 1) is None
    assert (talk.row.head, talk.message(reply).text, talk.message(reply).seq) == (head, "", stored.seq)


def test_a_checkpoint_keeps_text_and_is_no_change(talk: Talk) -> None:
    reply = talk.say().messages[1].id
    talk.start(reply)
    head = talk.row.head
    assert history.checkpoint({reply: (1, "so far"), uuid4(): (1, "gone")}) != set()
    assert (talk.message(reply).text, talk.row.head) == ("so far", head)


def test_leases_are_renewed_of_what_is_made_and_of_nothing_else(talk: Talk) -> None:
    reply, lost = talk.say().messages[1].id, Talk.begin().say().messages[1].id
    for key in (reply, lost):
        talk.lose(key)
    assert history.renew("here", [reply]) == []
    assert history.renew("there", [lost]) == []
    renewed, left = talk.message(reply), talk.message(lost)
    assert renewed.lease_until is not None
    assert left.lease_until is not None
    assert left.lease_until < timezone.now() < renewed.lease_until


def test_a_wish_to_stop_is_heard_at_the_next_renewal(talk: Talk) -> None:
    reply = talk.say().messages[1].id
    assert history.want_stop(talk.session, reply, 1)
    assert not history.want_stop(talk.session, reply, 2)
    assert history.renew("here", [reply]) == [reply]
    talk.end(reply, "", status=Status.STOPPED)
    assert not talk.message(reply).stop_wanted
    assert not history.want_stop(talk.session, reply, 1)


def test_what_is_handed_on_is_taken_up_at_once(talk: Talk) -> None:
    reply = talk.say().messages[1].id
    assert history.take_over("there") == []
    assert history.hand_on("there") == 0
    assert history.hand_on("here") == 1
    (taken,) = history.take_over("there")
    assert (taken.session, taken.reply.id, taken.reply.attempt, taken.reply.status) == (
        talk.session,
        reply,
        2,
        "queued",
    )
    assert taken.reply.seq == talk.row.head
    stored = talk.message(reply)
    assert (stored.owner, stored.takeovers) == ("there", 0)  # one that only waited has not used up its chance
    assert history.take_over("elsewhere") == []


def test_a_reply_that_was_being_written_is_taken_up_once_and_then_fails_with_its_text(talk: Talk) -> None:
    reply = talk.say().messages[1].id
    talk.start(reply)
    history.checkpoint({reply: (1, "first")})
    talk.lose(reply)
    (taken,) = history.take_over("there")
    assert (taken.reply.attempt, taken.reply.status, taken.reply.text) == (2, "queued", "")
    talk.start(reply, 2)
    history.checkpoint({reply: (2, "second")})
    talk.lose(reply)
    (taken,) = history.take_over("elsewhere")
    assert (taken.reply.status, taken.reply.text, taken.reply.attempt) == ("failed", "second", 2)
    assert taken.reply.error is not None
    assert taken.reply.error.code == "interrupted"
    assert history.retry(talk.session, reply, 2, HERE).reply is not None


def test_a_reply_that_somebody_wants_stopped_is_stopped_when_it_is_taken_up(talk: Talk) -> None:
    reply = talk.say().messages[1].id
    talk.start(reply)
    history.checkpoint({reply: (1, "so far")})
    history.want_stop(talk.session, reply, 1)
    talk.lose(reply)
    (taken,) = history.take_over("there")
    assert (taken.reply.status, taken.reply.text, taken.reply.attempt) == ("stopped", "so far", 1)
    stored = talk.message(reply)
    assert (stored.owner, stored.lease_until, stored.stop_wanted) == ("", None, False)


def test_feedback_is_a_change_of_the_reply(talk: Talk) -> None:
    said, reply = talk.exchange()
    session, message = history.give_feedback(str(reply), talk.visitor, -1)
    assert (session, message.feedback, message.seq) == (talk.session, -1, talk.row.head)
    assert refused(history.give_feedback, str(said), talk.visitor, 1) == Code.BAD_REQUEST
    for key, visitor in ((str(reply), uuid4()), (str(reply), None), (str(uuid4()), talk.visitor), ("x", talk.visitor)):
        assert refused(history.give_feedback, key, visitor, 1) == Code.NOT_FOUND


# --- Sessions --------------------------------------------------------------------------------------------------------


def test_a_visitor_needs_a_name_once_and_can_be_renamed() -> None:
    assert refused(history.open_session, None, None, "default", Settings()) == Code.NAME_REQUIRED
    talk = Talk.begin("Ada")
    _, same = history.open_session(talk.visitor, None, "default", Settings())
    session, renamed = history.open_session(talk.visitor, "Ida", "default", Settings())
    assert talk.visitor == same == renamed
    assert session.visitor_name == "Ida" == Visitor.objects.get().name


def test_a_system_prompt_is_kept_once(talk: Talk) -> None:
    for key in (talk.session, Talk.begin().session):
        who = ChatSession.objects.get(id=key).visitor_id
        changed = history.change_session(str(key), who, Settings(system_prompt="Be brief."))
        assert changed.system_prompt == "Be brief."
    assert SystemPrompt.objects.count() == 1
    assert history.change_session(str(talk.session), talk.visitor, Settings(system_prompt="")).system_prompt == ""


def test_what_is_not_given_stays(talk: Talk) -> None:
    wanted = Settings(title="T", model="other", system_prompt="S", sampling=protocol.Sampling(temperature=0.5))
    full = history.change_session(str(talk.session), talk.visitor, wanted)
    again = history.change_session(str(talk.session), talk.visitor, Settings())
    fields = {"title", "model", "system_prompt", "sampling"}
    assert full.model_dump(include=fields) == again.model_dump(include=fields)
    assert again.seq == again.head == full.head + 1


def test_sessions_come_in_pages_by_latest_activity() -> None:
    talks = [Talk.begin()]
    talks += [Talk.begin(visitor=talks[0].visitor) for _ in range(4)]
    Talk.begin("Bob")
    talks[1].exchange()
    order = [talks[index].session for index in (1, 4, 3, 2, 0)]
    found = history.sessions(talks[0].visitor, before=None, limit=3)
    rest = history.sessions(talks[0].visitor, before=(found[-1].updated_at, found[-1].id), limit=9)
    assert [session.id for session in (*found, *rest)] == order


def found(talk: Talk, query: str) -> list[str]:
    """Return the texts that a search finds."""
    return [each.message.text for each in history.search(talk.visitor, query, before=None, limit=9)]


def test_search_finds_a_visitors_messages_with_all_the_words(talk: Talk) -> None:
    talk.exchange("The Eiffel tower", "It is 330 m high")
    talk.exchange("A tower in Pisa", "100 % leaning_")
    Talk.begin("Bob").exchange("Another tower")
    assert found(talk, "tower") == ["A tower in Pisa", "The Eiffel tower"]
    assert found(talk, "TOWER eiffel") == found(talk, "eif tow") == ["The Eiffel tower"]
    assert found(talk, "%") == found(talk, "leaning_") == ["100 % leaning_"]
    assert found(talk, "Rome") == found(talk, "ower") == []


@pytest.mark.parametrize(
    ("text", "queries"),
    [
        ("Herr Müller wohnt in der Straße", ["muller", "MÜLLER", "strasse", "STRAßE"]),
        ("私は東京に住んでいます", ["東京", "京に", "東", "す", "東京に住"]),
        ("ภาษาไทย ง่าย", ["ภาษา", "ไทย"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("ЁЛКА и снег", ["ёлка", "СНЕГ"]),
        ("It's C++, isn't it? 👍🏽", ["c++", "it's", "isn't", "👍", "?"]),
        ('x = a["b"] AND NOT (c OR d*) NEAR/2 words:e', ["AND", "NOT (c", "d*", "NEAR/2", "words:e", '"', 'a["b"]']),
        ("see \\ and '':* & | ! <->", ["\\", "':*", "& |", "!", "<->"]),
    ],
)
def test_search_finds_in_every_script_and_takes_nothing_for_its_own_language(
    talk: Talk, text: str, queries: list[str]
) -> None:
    talk.exchange(text, "Other words.")
    for query in queries:
        assert found(talk, query) == [text], query


def test_a_reply_is_found_when_it_has_ended_and_not_before(talk: Talk) -> None:
    reply = talk.say("Where?").messages[1].id
    talk.start(reply)
    history.checkpoint({reply: (1, "In Paris")})
    assert found(talk, "paris") == []
    talk.end(reply, "In Paris, at", status=Status.STOPPED)
    assert found(talk, "paris") == ["In Paris, at"]
    history.retry(talk.session, reply, 1, talk.maker)
    assert found(talk, "paris") == []
    talk.start(reply, 2)
    talk.end(reply, "In Rome", 2)
    assert (found(talk, "paris"), found(talk, "rome")) == ([], ["In Rome"])


def test_a_reply_that_was_lost_is_found_by_what_there_is_of_it(talk: Talk) -> None:
    reply = talk.say().messages[1].id
    talk.start(reply)
    history.checkpoint({reply: (1, "In Paris")})
    history.want_stop(talk.session, reply, 1)
    talk.lose(reply)
    history.take_over("there")
    assert found(talk, "paris") == ["In Paris"]


def test_nothing_that_was_deleted_is_found(talk: Talk) -> None:
    other = Talk.begin(visitor=talk.visitor)
    talk.exchange("The tower", "A tower")
    other.exchange("Another tower")
    history.delete_session(str(talk.session), talk.visitor)
    assert found(talk, "tower") == ["Another tower"]
    history.delete_visitor(talk.visitor)
    assert found(talk, "tower") == []
    assert not SearchEntry.objects.exists()


def test_a_visitor_whose_id_begins_alike_finds_nothing_of_anothers(talk: Talk) -> None:
    talk.exchange("The tower")
    twin = UUID(talk.visitor.hex[:8] + uuid4().hex[8:])
    assert history.search(twin, "tower", before=None, limit=9) == []


def test_deleting_a_session_leaves_nothing_of_it(talk: Talk) -> None:
    talk.exchange()
    kept = Talk.begin(visitor=talk.visitor)
    assert refused(history.delete_session, str(talk.session), uuid4()) == Code.NOT_FOUND
    reply = talk.say().messages[1]
    assert history.delete_session(str(talk.session), talk.visitor) == talk.session
    assert not Message.objects.exists()
    assert list(ChatSession.objects.values_list("id", flat=True)) == [kept.session]
    assert hot.recall(talk.session, head=1, leaf=None) is None
    assert history.end(talk.session, reply, history.Outcome(text="", status=Status.STOPPED), ()) is None
    assert history.take_over("there") == []


def test_deleting_a_visitor_leaves_nothing_of_theirs(talk: Talk) -> None:
    other, bob = Talk.begin(visitor=talk.visitor), Talk.begin("Bob")
    for each in (talk, other, bob):
        each.exchange()
    deleted = history.delete_visitor(talk.visitor)
    assert (deleted.visitor, set(deleted.sessions)) == (talk.visitor, {talk.session, other.session})
    assert list(Visitor.objects.values_list("name", flat=True)) == ["Bob"]
    assert Message.objects.count() == 2
    assert history.delete_visitor(talk.visitor).sessions == []


def test_purge_deletes_what_nobody_used_for_long(talk: Talk) -> None:
    old, ghost = Talk.begin(visitor=talk.visitor), Talk.begin("Ghost")
    old.exchange()
    long_ago = timezone.now() - timedelta(days=31)
    ChatSession.objects.filter(id__in=[old.session, ghost.session]).update(updated_at=long_ago)
    Visitor.objects.update(created_at=long_ago)
    deleted = history.purge(timezone.now() - timedelta(days=30))
    assert {session for each in deleted for session in each.sessions} == {old.session, ghost.session}
    assert list(ChatSession.objects.values_list("id", flat=True)) == [talk.session]
    assert list(Visitor.objects.values_list("id", flat=True)) == [talk.visitor]


def test_past_retention_a_session_is_as_good_as_deleted(talk: Talk, settings: LazySettings) -> None:
    settings.RETENTION_DAYS = 30
    assert history.session(talk.session, talk.visitor)
    ChatSession.objects.update(updated_at=timezone.now() - timedelta(days=30))
    assert refused(history.session, talk.session, talk.visitor) == Code.NOT_FOUND


# --- What the database refuses ---------------------------------------------------------------------------------------


def row(talk: Talk, **fields: Any) -> Message:
    """Return a reply that could be stored, but for `fields`."""
    usual: dict[str, Any] = {
        "session_id": talk.session,
        "depth": 0,
        "n": 100,
        "seq": 1,
        "role": Role.ASSISTANT,
        "status": Status.COMPLETE,
        "attempt": 1,
    }
    return Message(**{**usual, **fields})


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("one_message_a_number", {"n": 1}),
        ("one_reply_at_a_time", {"status": Status.STREAMING, "lease_until": timezone.now()}),
        ("status_is_known", {"status": "lost"}),
        ("feedback_is_a_thumb", {"feedback": 2}),
        ("only_replies_are_made", {"role": Role.USER, "attempt": 0, "status": Status.STOPPED}),
        ("only_replies_are_made", {"attempt": 0}),
        ("failed_says_why", {"status": Status.FAILED}),
        ("failed_says_why", {"error_code": "internal"}),
        ("depth_from_parent", {"depth": 1}),
    ],
)
def test_the_database_refuses_a_row_that_breaks_a_rule(talk: Talk, constraint: str, fields: dict[str, Any]) -> None:
    talk.say()
    row(talk).save()
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        row(talk, **{"n": 101, **fields}).save()
    if connection.vendor == "postgresql" or "CHECK" in str(caught.value):
        assert constraint in str(caught.value)


def test_the_database_refuses_a_role_that_is_none(talk: Talk) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        row(talk, role="system").save()


def test_the_database_refuses_a_reply_in_the_making_without_a_lease(talk: Talk) -> None:
    with pytest.raises(IntegrityError, match="what_is_made_has_a_lease"), transaction.atomic():
        row(talk, status=Status.QUEUED).save()


def test_the_database_refuses_a_client_id_twice_and_a_session_ahead_of_its_head(talk: Talk) -> None:
    key = uuid4()
    row(talk, client_id=key).save()
    with pytest.raises(IntegrityError), transaction.atomic():
        row(talk, n=101, client_id=key).save()
    with pytest.raises(IntegrityError, match="session_seq_within_head"), transaction.atomic():
        ChatSession.objects.filter(id=talk.session).update(seq=99)
