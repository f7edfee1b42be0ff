"""The wire: what a tab says, what it hears, and what ends it."""

import asyncio
import json
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from channels.routing import get_default_application
from channels.testing import WebsocketCommunicator
from django.conf import LazySettings

from chat import consumers
from chat.models import ChatSession, Message, Status
from chat.protocol import Close
from chat.tests.conftest import Person
from gptj.backends.scripted import Scripted
from gptj.exceptions import StreamIncomplete


async def test_a_message_is_acknowledged_stored_and_answered(serving: Scripted, ada: Person) -> None:
    serving.script("Par", "is.")
    session = await ada.begin()
    tab = await ada.open(session)
    ack = await tab.send("What is the capital of France?")
    assert not ack["duplicate"]
    said = (await tab.until("message"))["message"]
    assert (said["id"], said["role"], said["status"]) == (ack["message"], "user", "complete")
    reply = await tab.until_status("complete")
    assert (reply["text"], reply["finish"], reply["parent"]) == ("Paris.", "stop", ack["message"])
    assert reply["context"]["first"] == ack["message"]
    stored = await Message.objects.aget(id=UUID(reply["id"]))
    assert (stored.text, stored.status, stored.owner) == ("Paris.", Status.COMPLETE, "")


async def test_deltas_join_to_the_text(serving: Scripted, ada: Person) -> None:
    pieces = [f"word{number} 🗼 " for number in range(40)]
    serving.script(*[step for piece in pieces for step in (piece, 0.005)])
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    text = ""
    while True:
        frame = await tab.next()
        if frame["type"] == "delta":
            assert frame["offset"] == len(text.encode("utf-16-le")) // 2
            text += frame["text"]
        if frame["type"] == "message" and frame["message"]["finish"] is not None:
            break
    assert text == frame["message"]["text"] == "".join(pieces)


async def test_the_title_is_made_from_the_first_message(serving: Scripted, ada: Person) -> None:
    tab = await ada.open(await ada.begin())
    await tab.send("Tell me   all about\nthe tower " + "x" * 80)
    session = (await tab.until("session"))["session"]
    assert session["title"] == "Tell me all about the tower…"


async def test_a_second_tab_sees_the_same(serving: Scripted, ada: Person) -> None:
    gate = asyncio.Event()
    serving.script("one ", gate, "two")
    session = await ada.begin()
    first, second = await ada.open(session), await ada.open(session)
    await first.send("Count")
    assert (await second.until("delta"))["text"] == "one "
    gate.set()
    assert (await second.until_status("complete"))["text"] == "one two"
    assert (await first.until_status("complete"))["text"] == "one two"


async def test_a_tab_that_joins_in_mid_reply_has_the_text_so_far(serving: Scripted, ada: Person) -> None:
    gate = asyncio.Event()
    serving.script("so far", gate, ", so good")
    session = await ada.begin()
    first = await ada.open(session)
    await first.send("Go")
    await first.until("delta")
    await first.leave()
    ada.tabs.remove(first)
    late = await ada.connect(session)
    _, (sync,) = await late.hello()
    assert [message["text"] for message in sync["messages"]] == ["Go", "so far"]
    gate.set()
    delta = await late.until("delta")
    assert (delta["offset"], delta["text"]) == (6, ", so good")


async def test_stop_is_heard_while_a_reply_is_being_made(serving: Scripted, ada: Person) -> None:
    serving.script("kept", asyncio.Event(), "never")
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    delta = await tab.until("delta")
    await tab.say("stop", message=delta["message"], attempt=1)
    reply = await tab.until_status("stopped")
    assert (reply["text"], reply["error"]) == ("kept", None)


async def test_a_failed_reply_keeps_its_text_and_can_be_retried(serving: Scripted, ada: Person) -> None:
    serving.script("half", StreamIncomplete("It broke off."))
    serving.script("whole")
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    failed = await tab.until_status("failed")
    assert failed["text"] == "half"
    assert failed["error"] == {"code": "upstream_incomplete", "detail": "It broke off."}
    await tab.say("retry", message=failed["id"], attempt=1)
    again = await tab.until_status("complete")
    assert (again["id"], again["attempt"], again["text"]) == (failed["id"], 2, "whole")


async def test_a_retry_of_an_attempt_that_is_not_the_current_one_only_says_how_it_is(
    serving: Scripted, ada: Person
) -> None:
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    done = await tab.until_status("complete")
    await tab.say("retry", message=done["id"], attempt=7)
    assert (await tab.until("message"))["message"] == done


async def test_a_known_client_id_is_a_duplicate_even_while_busy(serving: Scripted, ada: Person) -> None:
    gate = asyncio.Event()
    serving.script(gate, "done")
    session = await ada.begin()
    tab = await ada.open(session)
    key = uuid4()
    first = await tab.send("Once", key)
    again = await tab.send("Once", key)
    assert again == {**first, "duplicate": True}
    await tab.say("send", client_id=str(key), text="Other")
    assert (await tab.until("error"))["code"] == "bad_frame"
    await tab.say("send", client_id=str(uuid4()), text="More")
    assert (await tab.until("error"))["code"] == "busy"
    gate.set()
    await tab.until_status("complete")
    assert await Message.objects.filter(session=UUID(session)).acount() == 2


async def test_what_is_stored_is_a_duplicate_though_no_more_may_be_sent(
    serving: Scripted, ada: Person, settings: LazySettings
) -> None:
    settings.LIMITS = {**settings.LIMITS, "sends_per_minute": 3}
    tab = await ada.open(await ada.begin())
    keys = [str(uuid4()) for _ in range(4)]
    said = await tab.send("Once", UUID(keys[0]))
    asked = await tab.until_status("complete")
    frames: list[dict[str, str]] = [
        {"type_": "send", "client_id": keys[0], "text": "Once"},
        {"type_": "edit", "client_id": keys[1], "text": "Twice", "message": said["message"]},
        {"type_": "regenerate", "client_id": keys[2], "message": asked["id"]},
    ]
    acks = [said]
    for frame in frames[1:]:
        await tab.say(**frame)
        acks.append(await tab.until("ack"))
        await tab.until_status("complete")
    for _ in range(2):
        for frame, ack in zip(frames, acks, strict=True):
            await tab.say(**frame)
            assert await tab.until("ack") == {**ack, "duplicate": True}
    await tab.say("send", client_id=keys[0], text="Other")
    assert (await tab.until("error"))["code"] == "bad_frame"
    await tab.say("send", client_id=keys[3], text="Once")
    assert (await tab.until("error"))["code"] == "rate_limited"
    await tab.say("retry", message=asked["id"], attempt=1)
    assert (await tab.until("error"))["code"] == "rate_limited"
    assert await Message.objects.acount() == 5


async def test_the_model_is_shown_the_conversation(serving: Scripted, ada: Person) -> None:
    for text in ("One.", "Two.", "Three."):
        serving.script(text)
    tab = await ada.open(await ada.begin(system_prompt="Count."))
    for text in ("a", "b", "c"):
        await tab.send(text)
        await tab.until_status("complete")
    turns = serving.calls[-1].turns
    assert [(turn.role, turn.text) for turn in turns] == [
        ("system", "Count."),
        ("user", "a"),
        ("assistant", "One."),
        ("user", "b"),
        ("assistant", "Two."),
        ("user", "c"),
    ]


@pytest.mark.parametrize(
    "frame",
    [
        "no JSON",
        "[]",
        "null",
        '"hello"',
        '{"type": "nonsense"}',
        '{"type": "send", "text": "no client_id"}',
        '{"type": "send", "client_id": "no uuid", "text": "x"}',
        '{"type": "ping", "after": "1"}',
        '{"type": "ping", "after": 1, "more": 1}',
        '{"type": "ping", "after": 99999999999999999999}',
        '{"type": "send", "client_id": "e1d2c3b4-a596-4877-8695-a4b3c2d1e0f9", "text": "\\ud800"}',
        "[" * 30_000,
        '{"type": "ping", "after": ' + "[" * 30_000,
        "x" * 40_000,
    ],
)
async def test_a_bad_frame_gets_an_error_and_the_third_ends_the_connection(ada: Person, frame: str) -> None:
    tab = await ada.open(await ada.begin())
    for _ in range(3):
        await tab.wire.send_to(text_data=frame)
        error = await tab.until("error")
        assert error["code"] in {"bad_frame", "too_large"}
        assert error["detail"]
    assert await tab.closed() == Close.BAD_FRAMES


async def test_a_binary_frame_is_a_bad_frame(ada: Person) -> None:
    tab = await ada.open(await ada.begin())
    await tab.wire.send_to(bytes_data=b"\x00\xff")
    assert (await tab.until("error"))["code"] == "bad_frame"


async def test_another_visitors_session_answers_as_an_unknown_one(people: Callable[[], Person]) -> None:
    ada, bob = people(), people()
    theirs = await ada.begin()
    await bob.begin("Bob")
    heard = []
    for session in (theirs, str(uuid4()), "no-uuid", "%00"):
        tab = await bob.connect(session)
        heard.append((await tab.next(), await tab.closed()))
    assert all(each == heard[0] for each in heard)
    assert heard[0][0]["code"] == "not_found"
    assert heard[0][1] == Close.NO_RIGHT


@pytest.mark.parametrize("origin", [b"https://evil.example", b"null", b"http://localhost:9999", b"\xff"])
async def test_a_foreign_origin_is_refused_before_the_handshake(origin: bytes) -> None:
    wire = WebsocketCommunicator(get_default_application(), f"/ws/chat/{uuid4()}/", headers=[(b"origin", origin)])
    connected, _ = await wire.connect()
    assert not connected


async def test_a_client_without_an_origin_goes_on_to_the_cookie(serving: Scripted) -> None:
    wire = WebsocketCommunicator(get_default_application(), f"/ws/chat/{uuid4()}/")
    connected, _ = await wire.connect()
    assert connected
    assert json.loads(await wire.receive_from())["code"] == "unauthorized"
    await wire.disconnect()


async def test_the_first_frame_must_be_hello(ada: Person) -> None:
    tab = await ada.connect(await ada.begin())
    await tab.say("ping", after=0)
    assert (await tab.until("error"))["code"] == "bad_frame"


async def test_a_sixth_tab_on_a_session_is_one_too_many(ada: Person) -> None:
    session = await ada.begin()
    for _ in range(5):
        await ada.open(session)
    tab = await ada.connect(session)
    assert (await tab.next())["type"] == "error"
    assert await tab.closed() == Close.TOO_MANY_SOCKETS


async def test_sockets_of_a_lost_line_do_not_count(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "ALIVE_S", 0)
    session = await ada.begin()
    for _ in range(6):
        await ada.open(session)


async def test_too_many_sends_are_refused_with_the_time_to_wait(
    serving: Scripted, ada: Person, settings: LazySettings
) -> None:
    settings.LIMITS = {**settings.LIMITS, "sends_per_minute": 1}
    tab = await ada.open(await ada.begin())
    await tab.send("One")
    await tab.until_status("complete")
    key = str(uuid4())
    await tab.say("send", client_id=key, text="Two")
    error = await tab.until("error")
    assert (error["code"], error["client_id"]) == ("rate_limited", key)
    assert 0 < error["retry_after_s"] <= 60


async def test_too_many_frames_are_refused_without_ending_the_connection(ada: Person) -> None:
    tab = await ada.open(await ada.begin())
    for _ in range(31):
        await tab.say("pong", nonce="none")
    error = await tab.until("error")
    assert error["code"] == "rate_limited"


async def test_a_text_over_the_limit_is_refused(ada: Person) -> None:
    tab = await ada.open(await ada.begin())
    await tab.say("send", client_id=str(uuid4()), text="🗼" * 2001)
    assert (await tab.until("error"))["code"] == "too_long"
    await tab.say("send", client_id=str(uuid4()), text="  \n ")
    assert (await tab.until("error"))["code"] == "bad_frame"


async def test_healing_gives_what_was_missed(serving: Scripted, ada: Person) -> None:
    session = await ada.begin()
    tab = await ada.open(session)
    await tab.send("Go")
    done = await tab.until_status("complete")
    await tab.say("ping", after=1)
    assert (await tab.until("session"))["session"]["id"] == session
    assert [(await tab.until("message"))["message"]["text"] for _ in range(2)] == ["Go", "Hello there."]
    pong = await tab.until("pong")
    assert pong["head"] == done["seq"]
    await tab.say("ping", after=pong["head"])
    assert await tab.next() == pong


async def test_a_tab_that_could_not_join_is_closed_and_not_left_deaf(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await ada.begin()
    with monkeypatch.context() as broken:
        broken.setattr("chat.feed.tell_all", None)
        tab = await ada.connect(session)
        await tab.say("hello", after=0)
        assert (await tab.until("error"))["code"] == "internal"
        assert await tab.closed() == Close.DRAINING
    await ada.open(session)


async def test_a_client_that_is_ahead_starts_anew(serving: Scripted, ada: Person) -> None:
    tab = await ada.connect(await ada.begin())
    _, (sync,) = await tab.hello(after=1000)
    assert sync["reset"]


async def test_a_long_absence_is_told_in_pages(serving: Scripted, ada: Person, settings: LazySettings) -> None:
    settings.LIMITS = {**settings.LIMITS, "sends_per_minute": 1000, "frames_per_10s": 1000}
    session = await ada.begin()
    tab = await ada.open(session)
    for number in range(30):
        await tab.send(f"{number}")
        await tab.until_status("complete")
    late = await ada.connect(session)
    _, syncs = await late.hello(after=1)
    assert [len(sync["messages"]) for sync in syncs] == [50, 10]
    assert not syncs[0]["reset"]
    sequence = [message["seq"] for sync in syncs for message in sync["messages"]]
    assert sequence == sorted(sequence)


async def test_deleting_a_session_closes_its_tabs_and_ends_its_reply(serving: Scripted, ada: Person) -> None:
    serving.script("begun", asyncio.Event())
    session, other = await ada.begin(), await ada.begin()
    tab, elsewhere = await ada.open(session), await ada.open(other)
    await tab.send("Go")
    await tab.until("delta")
    assert (await ada.browser.delete(f"/api/sessions/{session}")).status_code == 204
    assert (await elsewhere.until("gone"))["session"] == session
    assert await tab.closed() == Close.DELETED
    assert not await ChatSession.objects.filter(id=session).aexists()


async def test_a_reply_goes_on_when_every_tab_is_gone(serving: Scripted, ada: Person) -> None:
    gate = asyncio.Event()
    serving.script("begun ", gate, "ended")
    session = await ada.begin()
    tab = await ada.open(session)
    await tab.send("Go")
    await tab.until("delta")
    await tab.leave()
    ada.tabs.remove(tab)
    gate.set()
    again = await ada.open(session)
    await again.say("ping", after=1)
    while True:
        reply = (await again.until("message"))["message"]
        if reply["role"] == "assistant" and reply["status"] == "complete":
            break
    assert reply["text"] == "begun ended"


async def test_edit_regenerate_and_select_make_and_show_branches(serving: Scripted, ada: Person) -> None:
    for text in ("A1", "A2", "B1"):
        serving.script(text)
    tab = await ada.open(await ada.begin())
    first = await tab.send("A")
    one = await tab.until_status("complete")
    await tab.say("regenerate", message=one["id"], client_id=str(uuid4()))
    await tab.until("ack")
    two = await tab.until_status("complete")
    assert two["siblings"] == [one["id"], two["id"]]
    await tab.say("edit", message=first["message"], client_id=str(uuid4()), text="B")
    edited = await tab.until("ack")
    other = await tab.until_status("complete")
    assert (other["text"], other["parent"]) == ("B1", edited["message"])
    await tab.say("select", message=first["message"])
    assert (await tab.until("session"))["session"]["leaf"] == two["id"]
    await tab.say("select", message=one["id"])
    assert (await tab.until("session"))["session"]["leaf"] == one["id"]
