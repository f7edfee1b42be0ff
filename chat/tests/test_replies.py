"""A reply from its turn to its end, whatever happens meanwhile."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings
from django.db import connection

from chat import history, steps, threads
from chat import replies as module
from chat.delivery import Draft
from chat.generation import _add
from chat.models import ChatSession, Message, Status
from chat.process import GLANCE_S
from chat.protocol import utf16_length
from chat.replies import replies
from chat.tests.conftest import Frame, Person, Tab
from chat.tests.locks import impatient, locked
from gptj import Condition, Finished
from gptj.backends.scripted import Scripted
from gptj.exceptions import BackendUnreachable, GenerationError, UnknownModel

sqlite_only = pytest.mark.skipif(connection.vendor != "sqlite", reason="locks SQLite's file")


async def until_ended(tab: Tab) -> Frame:
    """Return the next reply that has ended."""
    while True:
        message: Frame = (await tab.until("message"))["message"]
        if message["role"] == "assistant" and message["status"] not in {"queued", "streaming"}:
            return message


async def until_quiet() -> None:
    """Wait until nothing is being made."""
    while replies._tasks:
        await asyncio.wait(replies._tasks)


@pytest.fixture
def one_at_a_time(settings: LazySettings) -> None:
    """A model that makes one reply at once."""
    settings.GPTJ_MODELS = {"default": {"URL": "scripted://?concurrency=1", "API_KEY": ""}}


# --- Its end ---------------------------------------------------------------------------------------------------------


async def test_a_reply_ends_at_the_limit_and_the_model_is_let_go(
    serving: Scripted, ada: Person, settings: LazySettings
) -> None:
    settings.LIMITS = {**settings.LIMITS, "reply": 9}
    serving.script("12345", "67🗼🗼", "never")
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    reply = await until_ended(tab)
    assert (reply["text"], reply["finish"], reply["status"]) == ("1234567🗼", "cap", "complete")
    assert utf16_length(reply["text"]) == 9
    assert serving.calls[0].stopped


def test_a_cut_never_splits_a_character() -> None:
    for cap in range(8):
        draft = Draft(uuid4(), uuid4(), 1)
        fits = _add(draft, "a🗼b🗼", cap)
        assert fits == (cap >= 6)
        assert "a🗼b🗼".startswith(draft.text)
        assert draft.units == utf16_length(draft.text) <= cap


async def test_what_no_page_should_show_is_left_out(serving: Scripted, ada: Person) -> None:
    serving.script("a\x00b\x07\r", "\x1b[31mc\x7f", "\ud83d", "\td\n🗼")
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    assert (await until_ended(tab))["text"] == "ab[31mc\td\n🗼"


@pytest.mark.parametrize("steps", [[], ["", "  \n"], ["\x00\x07"]])
async def test_an_empty_reply_is_a_failed_one(serving: Scripted, ada: Person, steps: list[str]) -> None:
    serving.script(*steps)
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    reply = await until_ended(tab)
    assert (reply["status"], reply["error"]["code"]) == ("failed", "upstream_garbage")


@pytest.mark.parametrize(
    ("error", "code", "detail"),
    [
        (BackendUnreachable("Nobody \0there\ud800."), "upstream_unavailable", "Nobody there."),
        (UnknownModel("Gone."), "unknown_model", "Gone."),
        (GenerationError("Broken."), "internal", "Broken."),
        (ZeroDivisionError("secret"), "internal", "Something went wrong here; the log says what."),
    ],
)
async def test_an_error_has_a_code_and_a_sentence(
    serving: Scripted, ada: Person, error: Exception, code: str, detail: str
) -> None:
    serving.script("half", error)
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    reply = await until_ended(tab)
    assert (reply["status"], reply["text"], reply["error"]) == ("failed", "half", {"code": code, "detail": detail})


@pytest.mark.parametrize("tokens", [-1, 2**31, 2**70])
async def test_what_a_server_says_of_itself_is_kept_as_far_as_it_can_be(
    serving: Scripted, ada: Person, tokens: int
) -> None:
    serving.script("Fine.", Finished(reason="length", prompt_tokens=tokens, completion_tokens=3, model="m\0" * 300))
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    reply = await until_ended(tab)
    assert (reply["status"], reply["finish"]) == ("complete", "length")
    assert (reply["usage"]["prompt_tokens"], reply["usage"]["completion_tokens"]) == (None, 3)
    assert (await Message.objects.aget(id=UUID(reply["id"]))).model_name == "m" * 200


async def test_a_message_that_the_model_cannot_read_is_refused_before_it_is_sent(
    serving: Scripted, ada: Person
) -> None:
    serving.context_window = 20
    tab = await ada.open(await ada.begin())
    await tab.send("word " * 30)
    reply = await until_ended(tab)
    assert reply["error"]["code"] == "context_too_long"
    assert "31 tokens" in reply["error"]["detail"]
    assert serving.calls == []


async def test_a_system_prompt_that_leaves_no_room_is_told_as_such(serving: Scripted, ada: Person) -> None:
    serving.context_window = 20
    tab = await ada.open(await ada.begin(system_prompt="word " * 30))
    await tab.send("Hi")
    reply = await until_ended(tab)
    assert reply["error"]["code"] == "context_too_long"
    assert "system prompt is 31 tokens" in reply["error"]["detail"]


async def test_the_oldest_turns_are_dropped_when_the_window_is_full(serving: Scripted, ada: Person) -> None:
    serving.context_window = 100
    tab = await ada.open(await ada.begin())
    firsts = []
    for number in range(8):
        serving.script("yes " * 9)
        ack = await tab.send(f"{number} " + "word " * 8)
        firsts.append((ack["message"], (await until_ended(tab))["context"]["first"]))
    began = [first for _, first in firsts]
    assert began[:3] == [firsts[0][0]] * 3
    assert began[-1] != firsts[0][0]
    for call in serving.calls:
        assert call.turns[0].role == "user"
        assert sum(await serving.count(call.turns)) <= 50


async def test_what_was_stored_is_what_the_model_was_shown(serving: Scripted, ada: Person) -> None:
    tab = await ada.open(await ada.begin(system_prompt="Be brief.", sampling={"temperature": 0.1, "seed": 5}))
    for text in ("A", "B"):
        await tab.send(text)
        reply = await until_ended(tab)
    call = serving.calls[-1]
    assert (call.sampling.temperature, call.sampling.seed, call.sampling.top_p) == (0.1, 5, None)
    stored = await Message.objects.select_related("system_prompt").aget(id=UUID(reply["id"]))
    assert stored.system_prompt is not None
    assert (stored.system_prompt.text, stored.template) == ("Be brief.", "scripted/1")
    assert (stored.context_tokens, stored.context_window) == (sum(await serving.count(call.turns)), 2048)


# --- Waiting ---------------------------------------------------------------------------------------------------------


async def test_a_reply_waits_while_its_model_loads(serving: Scripted, ada: Person) -> None:
    tab = await ada.open(await ada.begin())
    serving.load(Condition.LOADING, progress=0.1)
    assert (await tab.until("model"))["model"]["state"] == "loading"
    await tab.send("Go")
    serving.load(Condition.LOADING, progress=0.9)
    assert (await tab.until("model"))["model"]["progress"] == 0.9
    assert serving.calls == []
    serving.load(Condition.OK)
    assert (await until_ended(tab))["text"] == "Hello there."


async def test_a_model_that_never_loads_is_given_up(
    serving: Scripted, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.generation.LOADING_S", 0.05)
    serving.load(Condition.LOADING)
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    assert (await until_ended(tab))["error"]["code"] == "upstream_timeout"


@pytest.mark.usefixtures("one_at_a_time")
async def test_those_in_line_know_their_place(serving: Scripted, ada: Person) -> None:
    gates = [asyncio.Event() for _ in range(3)]
    tabs = []
    for number, gate in enumerate(gates):
        serving.script(gate, f"{number}")
        tabs.append(await ada.open(await ada.begin()))
        await tabs[-1].send("Go")
        if number:
            assert (await tabs[-1].until("queue"))["position"] == number
    gates[0].set()
    assert (await until_ended(tabs[0]))["text"] == "0"
    assert (await tabs[2].until("queue", position=1))["eta_s"] is None
    await tabs[2].say("ping", after=0)
    await tabs[2].until("pong")
    assert (await tabs[2].until("queue"))["position"] == 1
    for gate, tab in zip(gates[1:], tabs[1:], strict=True):
        gate.set()
        await until_ended(tab)
    assert [call.turns[-1].text for call in serving.calls] == ["Go"] * 3


# --- Stop, at every moment -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("one_at_a_time")
async def test_stop_in_line_leaves_it_and_forgets_nothing(serving: Scripted, ada: Person) -> None:
    gate = asyncio.Event()
    session = await ada.begin()
    tab, other = await ada.open(session), await ada.open(await ada.begin())
    await tab.send("My name is Ada.")
    await until_ended(tab)
    serving.script("busy", gate)
    await other.send("Go")
    await other.until("delta")
    await tab.send("Wait")
    queued = await tab.until("queue")
    await tab.say("stop", message=queued["message"], attempt=1)
    reply = await until_ended(tab)
    assert (reply["status"], reply["text"]) == ("stopped", "")
    gate.set()
    await until_ended(other)
    await tab.send("Who am I?")
    await until_ended(tab)
    assert [turn.text for turn in serving.calls[-1].turns] == ["My name is Ada.", "Hello there.", "Wait", "Who am I?"]


async def test_stop_while_the_model_loads(serving: Scripted, ada: Person) -> None:
    serving.load(Condition.LOADING)
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    reply = await tab.until_status("queued")
    await tab.say("stop", message=reply["id"], attempt=1)
    assert (await until_ended(tab))["status"] == "stopped"


async def test_stop_before_the_first_piece_closes_the_stream(serving: Scripted, ada: Person) -> None:
    serving.script(asyncio.Event(), "never")
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    reply = await tab.until_status("streaming")
    await serving.called()
    await tab.say("stop", message=reply["id"], attempt=1)
    assert (await until_ended(tab))["text"] == ""
    assert serving.calls[0].stopped


async def test_stop_right_after_send(serving: Scripted, ada: Person) -> None:
    gate = asyncio.Event()
    serving.script(gate, "late")  # not taken if the stop comes first
    tab = await ada.open(await ada.begin())
    key = str(uuid4())
    await tab.say("send", client_id=key, text="Go")
    reply = await tab.until_status("queued")
    for _ in range(3):
        await tab.say("stop", message=reply["id"], attempt=1)
    assert (await until_ended(tab))["status"] == "stopped"
    gate.set()
    await tab.send("And again")
    assert (await until_ended(tab))["status"] == "complete"


@sqlite_only
async def test_stop_while_the_database_is_locked_is_stored_when_it_is_free(serving: Scripted, ada: Person) -> None:
    """The reply is cancelled when its model has been asked, and that is not stored yet."""
    serving.load(Condition.LOADING)
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    reply = await tab.until_status("queued")
    with locked():
        serving.load(Condition.OK)  # now `begin` waits for the lock
        await asyncio.sleep(0.2)
        await tab.say("stop", message=reply["id"], attempt=1)
        await asyncio.sleep(0.2)
    assert (await until_ended(tab))["status"] == "stopped"
    assert [call.stopped for call in serving.calls] == [True]
    assert (await Message.objects.aget(id=UUID(reply["id"]))).status == Status.STOPPED


@sqlite_only
async def test_what_a_model_says_is_told_once_it_is_stored_that_it_was_asked(serving: Scripted, ada: Person) -> None:
    serving.load(Condition.LOADING)
    serving.script("Hello")
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    await tab.until_status("queued")
    with locked():
        serving.load(Condition.OK)
        await asyncio.sleep(0.3)
        assert len(serving.calls) == 1
        told = []
        while not tab.wire.output_queue.empty():
            told.append((await tab.next())["type"])
        assert {"message", "delta"}.isdisjoint(told)
    while told.count("message") < 2:
        told.append((await tab.next())["type"])
    assert [each for each in told if each in {"message", "delta"}] == ["message", "delta", "message"]


@sqlite_only
async def test_a_reply_fails_where_it_cannot_be_stored_that_its_model_was_asked(serving: Scripted, ada: Person) -> None:
    await impatient()
    serving.load(Condition.LOADING)
    serving.script("Hello")
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    await tab.until_status("queued")
    with locked():
        serving.load(Condition.OK)
        await asyncio.sleep(0.5)
    reply = await until_ended(tab)
    assert (reply["status"], reply["error"]["code"], reply["text"]) == ("failed", "unavailable", "")


async def test_stop_of_what_has_ended_or_of_another_attempt_only_says_how_it_is(serving: Scripted, ada: Person) -> None:
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    done = await until_ended(tab)
    for attempt in (1, 2):
        await tab.say("stop", message=done["id"], attempt=attempt)
        assert (await tab.next()) == {"type": "message", "message": done}
    await tab.say("stop", message=str(uuid4()), attempt=1)
    assert (await tab.until("error"))["code"] == "not_found"


async def test_a_stopped_reply_can_be_made_again(serving: Scripted, ada: Person) -> None:
    serving.script("half", asyncio.Event())
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    delta = await tab.until("delta")
    await tab.say("stop", message=delta["message"], attempt=1)
    await until_ended(tab)
    await tab.say("retry", message=delta["message"], attempt=1)
    reply = await until_ended(tab)
    assert (reply["text"], reply["attempt"], reply["status"]) == ("Hello there.", 2, "complete")


# --- The database ----------------------------------------------------------------------------------------------------


@sqlite_only
async def test_a_reply_that_ends_while_the_database_is_locked_is_stored_after(
    serving: Scripted, ada: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.05)
    gate = asyncio.Event()
    serving.script("kept", gate)
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    await tab.until("delta")
    await impatient()
    with locked():
        gate.set()
        await asyncio.sleep(0.5)
    assert "cannot be stored yet" in caplog.text
    reply = await until_ended(tab)
    assert (reply["status"], reply["text"]) == ("complete", "kept")


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is stored by itself but the end. Before `serving`."""
    monkeypatch.setattr("chat.process.GLANCE_S", 1000)


async def test_the_text_so_far_is_stored_while_it_is_written(by_hand: None, serving: Scripted, ada: Person) -> None:
    more = asyncio.Event()
    serving.script("x" * 255, more, "y", asyncio.Event())
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    reply = UUID((await tab.until("delta"))["message"])
    await replies.checkpoint(256)
    assert (await Message.objects.aget(id=reply)).text == ""
    more.set()
    await tab.until("delta", text="y")
    await replies.checkpoint(256)
    assert (await Message.objects.aget(id=reply)).text == "x" * 255 + "y"


async def test_much_text_is_stored_soon_and_with_one_write_for_all_replies(
    serving: Scripted, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three replies of 7,000 characters in 3 s: every 256 characters of each would be 80 writes."""
    stored: list[dict[UUID, int]] = []
    store = history.checkpoint

    @steps.write(patience_s=store.patience_s)
    def checkpoint(texts: Mapping[UUID, tuple[int, str]]) -> steps.Steps[set[UUID]]:
        stored.append({key: len(text) for key, (_, text) in texts.items()})
        return (yield from store.steps(texts))

    monkeypatch.setattr(history, "checkpoint", checkpoint)
    tabs = [await ada.open(await ada.begin()) for _ in range(3)]
    began = monotonic()
    for tab in tabs:
        serving.script(*[step for _ in range(700) for step in ("ten chars ", 0.0035)])
        await tab.send("Go")
    for tab in tabs:
        await until_ended(tab)
    glances = (monotonic() - began) / GLANCE_S
    assert glances / 2 - 1 < len(stored) <= glances + 1
    assert any(len(texts) > 1 for texts in stored)


async def test_a_reply_that_was_lost_before_its_task_was_made_is_found(serving: Scripted, ada: Person) -> None:
    """As when the consumer is ended between the commit and the start."""
    session = UUID(await ada.begin())
    tab = await ada.open(str(session))
    change = await threads.write(history.add_turn, session, uuid4(), "Go", replies.maker)
    assert change.reply is not None
    await threads.write(history.hand_on, replies.owner)
    await replies.pulse()
    await replies.take_over()
    reply = await until_ended(tab)
    assert (reply["id"], reply["attempt"], reply["text"]) == (str(change.reply.id), 2, "Hello there.")


async def test_a_process_that_slept_past_its_lease_takes_its_own_reply_up(serving: Scripted, ada: Person) -> None:
    serving.script("first", asyncio.Event())
    serving.script("second")
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    await tab.until("delta")
    await threads.write(history.hand_on, replies.owner)
    await replies.take_over()
    reply = await until_ended(tab)
    assert (reply["attempt"], reply["text"], reply["status"]) == (2, "second", "complete")
    assert serving.calls[0].stopped
    await until_quiet()


async def test_a_late_owner_lets_go(serving: Scripted, ada: Person) -> None:
    serving.script("first", asyncio.Event())
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    delta = await tab.until("delta")
    await threads.write(history.hand_on, replies.owner)
    (taken,) = await threads.write(history.take_over, "another process")
    await replies.checkpoint()
    await until_quiet()
    assert serving.calls[0].stopped
    stored = await Message.objects.aget(id=UUID(delta["message"]))
    assert (stored.attempt, stored.owner, stored.text, stored.seq) == (2, "another process", "", taken.reply.seq)


async def test_a_wish_to_stop_from_elsewhere_is_heard(serving: Scripted, ada: Person) -> None:
    serving.script("so", asyncio.Event())
    session = await ada.begin()
    tab = await ada.open(session)
    await tab.send("Go")
    delta = await tab.until("delta")
    assert await threads.write(history.want_stop, UUID(session), UUID(delta["message"]), 1)
    await replies.pulse()
    assert (await until_ended(tab))["status"] == "stopped"


async def test_a_session_deleted_elsewhere_ends_its_reply(serving: Scripted, ada: Person) -> None:
    serving.script("so", asyncio.Event())
    session = await ada.begin()
    tab = await ada.open(session)
    await tab.send("Go")
    await tab.until("delta")

    def delete() -> None:
        history.delete_session(session, ChatSession.objects.get(id=UUID(session)).visitor_id)

    await threads.write(delete)
    await replies.checkpoint()
    await until_quiet()
    assert serving.calls[0].stopped
    assert not await Message.objects.aexists()
