"""Many threads at one session, as many processes would be: every number once, one reply at a time, nothing lost."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from functools import partial
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connections

from chat import history
from chat.history import Settings, making
from chat.models import ChatSession, Message, Status, SystemPrompt
from chat.protocol import Code, Refused
from chat.tests.talking import HERE, Talk

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls at the same time, each in a thread; return what they return, or the code of the refusal."""
    everyone = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            everyone.wait(10)
            return call()
        except Refused as refused:
            return refused.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def test_of_many_turns_at_once_one_is_stored_and_the_others_are_busy() -> None:
    talk = Talk.begin()
    results = at_once(*[lambda: talk.say("Me!")] * 8)
    assert results.count(Code.BUSY) == 7
    assert Message.objects.count() == 2
    assert talk.row.head == 4


def test_the_same_turn_sent_many_times_at_once_is_stored_once() -> None:
    talk = Talk.begin()
    key = uuid4()
    results = at_once(*[lambda: talk.say("Once", key)] * 8)
    stored = {change.duplicate or change.messages[0].id for change in results if isinstance(change, history.Change)}
    assert len(stored) == 1
    assert sum(isinstance(change, history.Change) and change.duplicate is None for change in results) == 1
    assert len(results) == 8
    assert Code.BUSY not in results


def test_changes_of_all_kinds_at_once_get_a_number_each() -> None:
    talk = Talk.begin()
    said, reply = talk.exchange()
    before = talk.row.head

    def rename(title: str) -> Callable[[], object]:
        return lambda: history.change_session(str(talk.session), talk.visitor, Settings(title=title))

    results = at_once(
        rename("a"),
        rename("b"),
        lambda: history.give_feedback(str(reply), talk.visitor, 1),
        lambda: history.regenerate(talk.session, said, uuid4(), HERE),
        rename("c"),
    )
    assert not [result for result in results if isinstance(result, Code)]
    assert talk.row.head == before + 6  # a regenerated reply is two
    sequence = [talk.row.seq, *Message.objects.values_list("seq", flat=True)]
    assert len(set(sequence)) == len(sequence)


def test_a_lost_reply_is_taken_up_by_one_of_many() -> None:
    talk = Talk.begin()
    reply = talk.say().messages[1].id
    talk.lose(reply)
    taken = at_once(*[partial(history.take_over, name) for name in ("a", "b", "c", "d")])
    assert sum(len(each) for each in taken if isinstance(each, list)) == 1
    assert talk.message(reply).attempt == 2


def test_a_wish_to_stop_that_comes_during_a_takeover_is_heard_or_refused_but_never_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    talk = Talk.begin()
    reply = talk.say().messages[1].id
    talk.start(reply)
    talk.lose(reply)
    wishes: list[Future[bool]] = []

    def wish() -> bool:
        try:
            return history.want_stop(talk.session, reply, 1)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as somebody:
        lease = making._lease

        def lease_while_somebody_stops_it() -> datetime:
            wishes.append(somebody.submit(wish))
            wait(wishes, timeout=0.5)  # it is held up until the take-over is stored, or done
            return lease()

        monkeypatch.setattr(making, "_lease", lease_while_somebody_stops_it)
        (taken,) = history.take_over("there")
        heard = wishes[0].result()
    stored = talk.message(reply)
    assert (taken.reply.attempt, stored.attempt, stored.status) == (2, 2, Status.QUEUED)
    assert stored.stop_wanted == heard


def test_checkpoints_and_renewals_at_once_do_not_wait_for_each_other() -> None:
    talks = [Talk.begin() for _ in range(30)]
    replies = [talk.say().messages[1].id for talk in talks]
    for talk, reply in zip(talks, replies, strict=True):
        talk.start(reply)

    def store(order: list[UUID]) -> None:
        for number in range(20):
            assert not history.checkpoint({reply: (1, str(number)) for reply in order})

    def renew() -> None:
        for _ in range(20):
            assert history.renew("here", replies) == []

    at_once(partial(store, replies), partial(store, replies[::-1]), renew, renew)  # raises what they raise
    assert {talk.message(reply).text for talk, reply in zip(talks, replies, strict=True)} == {"19"}


def test_an_end_and_a_takeover_at_once_leave_one_of_both() -> None:
    for _ in range(5):
        talk = Talk.begin()
        reply = talk.say().messages[1].id
        talk.start(reply)
        talk.lose(reply)
        ended, taken = at_once(partial(talk.end, reply), partial(history.take_over, "there"))
        stored = talk.message(reply)
        if ended is not None:
            assert (taken, stored.status, stored.attempt) == ([], Status.COMPLETE, 1)
        else:
            assert (stored.status, stored.attempt, stored.owner) == (Status.QUEUED, 2, "there")


def test_deleting_a_visitor_while_they_talk_leaves_nothing() -> None:
    for _ in range(5):
        talk = Talk.begin()
        talk.exchange()
        results = at_once(talk.say, partial(history.delete_visitor, talk.visitor))
        assert isinstance(results[1], history.Deleted)
        assert results[0] == Code.NOT_FOUND or isinstance(results[0], history.Change)
        assert not ChatSession.objects.exists()
        assert not Message.objects.exists()


def test_the_same_system_prompt_from_many_at_once_is_kept_once() -> None:
    def begin() -> UUID:
        return Talk.begin(system_prompt="Be brief.").session

    assert len(set(at_once(*[begin] * 6))) == 6
    assert SystemPrompt.objects.count() == 1
