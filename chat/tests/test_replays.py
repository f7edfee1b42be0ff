"""A reply made once more for staff: from the same messages, told to nobody, in nobody's way."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest

from chat import history, protocol, threads
from chat.history import Provenance
from chat.models import ChatSession, Message, Replay, Status
from chat.replies import replies
from chat.tests.conftest import Person, Tab
from gptj import Turn
from gptj.backends.scripted import Scripted
from gptj.exceptions import BackendUnreachable

SAME = protocol.Sampling()


def turns(made: Provenance | None) -> tuple[Turn, ...]:
    """Return what was rebuilt as a backend receives it."""
    assert made is not None
    system = (Turn(role="system", text=made.system_prompt),) if made.system_prompt else ()
    return (*system, *(Turn(role=each.role, text=each.text) for each in made.said))


async def said(tab: Tab, text: str, status: str = "complete") -> UUID:
    """Say something; return the reply's id when it has come to `status`."""
    await tab.send(text)
    return UUID((await tab.until_status(status))["id"])


def rebuilt(key: UUID) -> Provenance | None:
    """Return what a reply was made from, out of the database."""
    found = Message.objects.select_related("parent", "context_first", "system_prompt").get(id=key)
    return history.provenance(found)


async def replayed(
    reply: UUID, *, model: str = "default", system_prompt: str | None = None, sampling: protocol.Sampling = SAME
) -> Replay:
    """Ask for a replay and wait until it has ended."""
    key = await threads.write(
        history.ask_replay, reply, None, model=model, system_prompt=system_prompt, sampling=sampling
    )
    await replies.replays.pulse()
    return await ended(key)


async def ended(key: UUID) -> Replay:
    """Wait until a replay has ended."""
    while replies.replays._tasks:
        await asyncio.wait(replies.replays._tasks)
    related = Replay.objects.select_related("reply__parent", "context_first", "system_prompt")
    return await related.aget(id=key)


async def test_what_a_reply_was_made_from_is_rebuilt_to_the_byte(serving: Scripted, ada: Person) -> None:
    serving.context_window = 100
    tab = await ada.open(await ada.begin(system_prompt="Be brief.\n\u00e9\U0001f5fc"))
    kept: list[UUID] = []
    for number in range(8):
        serving.script("yes \n" * 9, " end \t")
        kept.append(await said(tab, f"  {number} e\u0301 " + "word " * 8))
    serving.script("half", BackendUnreachable("Gone."))
    failed = await said(tab, "Does it fail?", "failed")
    serving.script("It did.")
    kept += [failed, await said(tab, "And now?")]
    assert len(kept) == len(serving.calls)
    for key, call in zip(kept, serving.calls, strict=True):
        assert turns(await threads.read(rebuilt, key)) == call.turns
    last = await threads.read(rebuilt, kept[-1])
    assert last is not None
    assert last.above > 0
    assert [row.status for row in last.left_out if row.id == failed] == ["failed"]


async def test_every_branch_has_its_own_prompt(serving: Scripted, ada: Person) -> None:
    tab = await ada.open(await ada.begin())
    await tab.send("One")
    first = await tab.until_status("complete")
    await said(tab, "Two")
    await tab.say("edit", message=first["parent"], client_id="6c1d4a52-6c53-4be8-a4f1-000000000001", text="Eins")
    other = UUID((await tab.until_status("complete"))["id"])
    assert turns(await threads.read(rebuilt, other)) == serving.calls[-1].turns == (Turn(role="user", text="Eins"),)


async def test_a_replay_with_the_same_settings_is_shown_the_same(serving: Scripted, ada: Person) -> None:
    serving.context_window = 100
    tab = await ada.open(await ada.begin(system_prompt="Be brief.", sampling={"temperature": 0.1, "seed": 5}))
    for number in range(6):
        serving.script("yes " * 9)
        key = await said(tab, f"{number} " + "word " * 8)
    serving.script("Another", " answer.")
    replay = await replayed(key, sampling=protocol.Sampling(temperature=0.1, seed=5))
    assert (replay.text, replay.status, replay.finish) == ("Another answer.", "complete", "stop")
    assert serving.calls[-1].turns == serving.calls[-2].turns
    assert serving.calls[-1].sampling == serving.calls[-2].sampling
    assert (replay.completion_tokens, replay.template, replay.model_name) == (2, "scripted/1", "scripted")
    assert replay.total_ms is not None
    assert turns(await threads.read(history.provenance, replay)) == serving.calls[-1].turns


async def test_a_replay_may_have_other_settings(serving: Scripted, ada: Person) -> None:
    tab = await ada.open(await ada.begin(system_prompt="Be brief."))
    key = await said(tab, "Why?")
    replay = await replayed(key, system_prompt="Be long.", sampling=protocol.Sampling(top_p=0.5))
    assert serving.calls[-1].turns == (Turn(role="system", text="Be long."), Turn(role="user", text="Why?"))
    assert serving.calls[-1].sampling.top_p == 0.5
    assert (await threads.read(rebuilt, key)) is not None
    assert replay.system_prompt is not None
    assert replay.system_prompt.text == "Be long."


async def test_no_visitor_and_no_model_ever_sees_a_replay(serving: Scripted, ada: Person) -> None:
    session = await ada.begin()
    tab = await ada.open(session)
    key = await said(tab, "Why?")
    before = await ChatSession.objects.values().aget(id=session)
    serving.script("Secret")
    assert (await replayed(key)).text == "Secret"
    assert await ChatSession.objects.values().aget(id=session) == before
    await tab.say("ping", after=before["head"])
    assert (await tab.next()) == {"type": "pong", "head": before["head"]}
    await said(tab, "And?")
    assert [turn.text for turn in serving.calls[-1].turns] == ["Why?", "Hello there.", "And?"]
    for path in ("messages", "export?format=json"):
        assert b"Secret" not in (await ada.browser.get(f"/api/sessions/{session}/{path}")).content
    assert b"Secret" not in (await ada.browser.get("/api/search?q=Secret")).content


async def test_a_visitor_goes_on_while_a_replay_is_made(serving: Scripted, ada: Person) -> None:
    tab = await ada.open(await ada.begin())
    key = await said(tab, "Why?")
    released = asyncio.Event()
    serving.script("Slow", released)
    asked = await threads.write(history.ask_replay, key, None, model="default", system_prompt=None, sampling=SAME)
    await replies.replays.pulse()
    await serving.called(2)
    await said(tab, "And?")
    assert (await Replay.objects.aget(id=asked)).status == "streaming"
    released.set()
    assert (await ended(asked)).status == "complete"


async def test_a_replay_that_fails_says_why(serving: Scripted, ada: Person) -> None:
    tab = await ada.open(await ada.begin())
    key = await said(tab, "Why?")
    serving.script("half", BackendUnreachable("Gone."))
    replay = await replayed(key)
    assert (replay.status, replay.error_code, replay.text) == ("failed", "upstream_unavailable", "half")
    replay = await replayed(key, model="never configured")
    assert (replay.status, replay.error_code) == ("failed", "unknown_model")


async def test_a_replay_of_a_process_that_goes_down_is_made_by_the_next(
    serving: Scripted, ada: Person, people: Callable[[], Person]
) -> None:
    tab = await ada.open(await ada.begin())
    key = await said(tab, "Why?")
    serving.script("never", asyncio.Event())
    asked = await threads.write(history.ask_replay, key, None, model="default", system_prompt=None, sampling=SAME)
    await replies.replays.pulse()
    await serving.called(2)
    await replies.replays.drain()
    replay = await Replay.objects.aget(id=asked)
    assert (replay.status, replay.owner) == ("queued", "")
    await replies.replays.pulse()
    assert (await ended(asked)).text == "Hello there."


async def test_a_replay_whose_process_is_lost_has_failed(serving: Scripted, ada: Person) -> None:
    tab = await ada.open(await ada.begin())
    key = await said(tab, "Why?")
    asked = await threads.write(history.ask_replay, key, None, model="default", system_prompt=None, sampling=SAME)
    (claimed,) = await threads.write(history.claim_replays, "lost", 1)
    assert claimed == (asked, "default")
    assert await threads.write(history.claim_replays, "other", 1) == []
    await Replay.objects.filter(id=asked).aupdate(lease_until="2001-01-01T00:00:00Z")
    await replies.replays.pulse()
    replay = await ended(asked)
    assert (replay.status, replay.error_code) == (Status.FAILED, "interrupted")


@pytest.mark.parametrize("begun", [True, False])
async def test_only_a_reply_that_was_begun_can_be_replayed(serving: Scripted, ada: Person, begun: bool) -> None:
    serving.context_window = 2048 if begun else 20
    tab = await ada.open(await ada.begin())
    key = await said(tab, "word " * 30, "complete" if begun else "failed")
    if begun:
        assert (await replayed(key)).status == "complete"
    else:
        with pytest.raises(protocol.Refused, match="never begun"):
            await replayed(key)
