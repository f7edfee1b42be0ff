"""Who hears what, how often, and at what cost."""

import asyncio
import json
from time import monotonic
from uuid import UUID, uuid4

import pytest

from chat import protocol
from chat.delivery import GATHER_S, Delivery
from chat.history import Deleted
from chat.protocol import Close, utf16_length


class Ear:
    """A socket that notes what it hears, and when."""

    alive = True

    def __init__(self, session: UUID, visitor: UUID, group: str | None = None) -> None:
        self.session = session
        self.visitor = visitor
        self.group = group
        self.heard: list[str] = []
        self.at: list[float] = []
        self.ended: list[Close] = []

    def deliver(self, frame: str) -> None:
        self.heard.append(frame)
        self.at.append(monotonic())

    def end(self, code: Close) -> None:
        self.ended.append(code)

    @property
    def deltas(self) -> list[protocol.Delta]:
        """What it heard, as deltas."""
        return [protocol.Delta.model_validate_json(frame) for frame in self.heard]


@pytest.fixture
def delivery() -> Delivery:
    """Nobody listens yet."""
    return Delivery()


def listen(delivery: Delivery, session: UUID | None = None, visitor: UUID | None = None) -> Ear:
    """Let somebody listen."""
    ear = Ear(session or uuid4(), visitor or uuid4())
    delivery.join(ear)
    return ear


BYE = protocol.Bye(retry_in_s=1)


async def test_the_first_text_is_told_at_once_and_then_at_most_25_times_a_second(delivery: Delivery) -> None:
    ear = listen(delivery)
    draft = delivery.open_draft(ear.session, uuid4(), 1)
    began = monotonic()
    for number in range(250):
        draft.add(f"{number} ")
        delivery.wrote(draft)
        await asyncio.sleep(0.004)
    delivery.close_draft(draft)
    took = monotonic() - began
    assert ear.at[0] - began < GATHER_S / 2
    assert len(ear.heard) <= took * 25 + 2  # the first, and the rest at the end
    assert len(ear.heard) > took * 10
    assert "".join(delta.text for delta in ear.deltas) == "".join(f"{number} " for number in range(250))


async def test_deltas_join_seamlessly_in_utf16(delivery: Delivery) -> None:
    ear = listen(delivery)
    draft = delivery.open_draft(ear.session, uuid4(), 3)
    for piece in ("🗼", "é", "plain", "", "日本"):
        draft.add(piece)
        delivery.wrote(draft)
        await asyncio.sleep(GATHER_S * 1.5)
    told = ""
    for delta in ear.deltas:
        assert (delta.offset, delta.attempt, delta.message) == (utf16_length(told), 3, draft.message)
        told += delta.text
    assert told == draft.text


async def test_one_timer_serves_all_replies_and_rests_when_nothing_is_written(delivery: Delivery) -> None:
    ears = [listen(delivery) for _ in range(5)]
    drafts = [delivery.open_draft(ear.session, uuid4(), 1) for ear in ears]
    for draft in drafts * 2:  # the first is told at once
        draft.add("x")
        delivery.wrote(draft)
    timer = delivery._timer
    assert timer is not None
    await asyncio.sleep(GATHER_S * 2)
    assert [len(ear.heard) for ear in ears] == [2] * 5
    assert delivery._timer is None


async def test_a_frame_is_encoded_once_for_all_tabs_and_not_at_all_for_none(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[protocol.Bye] = []
    original = protocol.Bye.encode

    def encode(frame: protocol.Bye) -> str:
        encoded.append(frame)
        return original(frame)

    monkeypatch.setattr(protocol.Bye, "encode", encode)
    first = listen(delivery)
    others = [listen(delivery, first.session) for _ in range(4)]
    delivery.tell_session(first.session, BYE)
    assert len(encoded) == 1
    assert all(ear.heard == [original(BYE)] for ear in (first, *others))
    delivery.tell_session(uuid4(), BYE)
    delivery.tell_visitor(uuid4(), BYE)
    assert len(encoded) == 1


def test_a_session_a_visitor_and_everyone_are_told_apart(delivery: Delivery) -> None:
    ada = listen(delivery)
    also_ada = listen(delivery, visitor=ada.visitor)
    bob = listen(delivery)
    delivery.tell_session(ada.session, BYE)
    delivery.tell_visitor(ada.visitor, BYE)
    delivery.tell_all(BYE)
    assert [len(ear.heard) for ear in (ada, also_ada, bob)] == [3, 2, 1]


def test_who_has_left_hears_nothing_and_is_not_counted(delivery: Delivery) -> None:
    ear = Ear(uuid4(), uuid4(), "203.0.113.7")
    delivery.join(ear)
    assert (delivery.sockets, delivery.listening(ear.session), delivery.connected("203.0.113.7")) == (1, 1, 1)
    delivery.leave(ear)
    delivery.leave(ear)
    delivery.tell_all(BYE)
    assert (ear.heard, delivery.listening(ear.session), delivery.connected("203.0.113.7")) == ([], 0, 0)
    assert delivery.sockets == 0
    assert not delivery._by_session
    assert not delivery._by_visitor


def test_a_deleted_session_is_told_to_all_tabs_and_closes_its_own(delivery: Delivery) -> None:
    shown = listen(delivery)
    other = listen(delivery, visitor=shown.visitor)
    delivery.tell_deleted(Deleted(visitor=shown.visitor, sessions=[shown.session]))
    assert shown.heard == other.heard == [protocol.Gone(session=shown.session).encode()]
    assert (shown.ended, other.ended) == ([Close.DELETED], [])


def test_who_is_blocked_is_told_so_in_every_tab_and_all_are_closed(delivery: Delivery) -> None:
    ada = listen(delivery)
    also_ada = listen(delivery, visitor=ada.visitor)
    bob = listen(delivery, session=ada.session)
    delivery.block(ada.visitor)
    for ear in (ada, also_ada):
        assert [json.loads(frame)["code"] for frame in ear.heard] == ["forbidden"]
        assert ear.ended == [Close.NO_RIGHT]
    assert (bob.heard, bob.ended) == ([], [])


def test_at_the_end_everyone_hears_one_last_thing(delivery: Delivery) -> None:
    ears = [listen(delivery) for _ in range(3)]
    delivery.end_all(Close.DRAINING, BYE)
    assert all((ear.heard, ear.ended) == ([BYE.encode()], [Close.DRAINING]) for ear in ears)


async def test_a_draft_of_an_older_attempt_does_not_close_the_new_one(delivery: Delivery) -> None:
    ear = listen(delivery)
    message = uuid4()
    old = delivery.open_draft(ear.session, message, 1)
    old.add("old")
    new = delivery.open_draft(ear.session, message, 2)
    new.add("new")
    delivery.close_draft(old)
    assert delivery._drafts == {message: new}
    delivery.close()
    assert delivery._drafts == {}
