"""What processes show, told by a real Valkey: each hears what somebody there may see, and else nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from channels.layers import get_channel_layer
from django.conf import LazySettings

from chat import audience
from chat import relay as module
from chat.delivery import Delivery
from chat.faults import redis_faults
from chat.relay import GROUP, Relay
from chat.tests.servers import Valkey

WAIT_S = 10.0


class Process:
    """A relay of its own, as each process has one, and what it heard."""

    def __init__(self) -> None:
        self.relay = Relay()
        self.heard: list[str] = []
        self.relay.on("session", lambda _key, text: self.heard.append(text))
        self.relay.on("mark", self.heard.append)
        self.listening = asyncio.create_task(self.relay.listen())

    async def hears(self, text: str) -> None:
        """Wait until it has heard that."""
        async with asyncio.timeout(WAIT_S):
            while text not in self.heard:  # noqa: ASYNC110 (no event tells)
                await asyncio.sleep(0.005)

    async def end(self) -> None:
        """Say nothing more, as when it is killed."""
        self.listening.cancel()
        await asyncio.gather(self.listening, return_exceptions=True)


@pytest.fixture
async def start(
    valkey: Valkey, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[], Awaitable[Process]]]:
    """Starts processes, on the layer that a set REDIS_URL gives."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "chat.layer.Layer", "CONFIG": {"hosts": [valkey.url]}}}
    monkeypatch.setattr(module, "AGAIN_S", 0.02)
    monkeypatch.setattr(audience, "ASK_S", 0.05)
    made: list[Process] = []

    async def process() -> Process:
        made.append(Process())
        await listens(made[-1])
        return made[-1]

    yield process
    for each in made:
        await each.end()
        await each.relay.close()


async def say(sender: str, news: Mapping[str, Any], text: str) -> None:
    """Say to all what any process may say."""
    await get_channel_layer().group_send(GROUP, {"sender": sender, "items": [["mark", text]], **news})


async def listens(*processes: Process) -> None:
    """Wait until they hear what is said."""
    for process in processes:
        process.heard.clear()
        async with asyncio.timeout(WAIT_S):
            while "you listen" not in process.heard:
                with suppress(*redis_faults()):
                    await say("a voice", {"number": 0, "whole": []}, "you listen")
                await asyncio.sleep(0.01)


async def told(teller: Process, hearer: Process, *keys: str) -> list[str]:
    """Tell of each key, and return which of them the other process heard."""
    hearer.heard.clear()
    for key in keys:
        teller.relay.tell("session", key, key)
    teller.relay.say("mark", "after that")
    await hearer.hears("after that")
    return hearer.heard[:-1]


async def knows(teller: Process, hearer: Process, *keys: str) -> None:
    """Wait until the teller tells just what the other shows: of these keys and no other."""
    async with asyncio.timeout(WAIT_S):
        while await told(teller, hearer, *keys, "nobody's") != [*keys]:
            await hearer.relay.beat()
            await asyncio.sleep(0.02)


async def test_what_no_other_process_shows_is_not_said(start: Callable[[], Awaitable[Process]]) -> None:
    here, there = await start(), await start()
    there.relay.show("a", "b")
    await knows(here, there, "a", "b")
    there.relay.hide("a")
    await knows(here, there, "b")


async def test_a_reply_s_text_is_said_only_where_its_session_is_shown(
    start: Callable[[], Awaitable[Process]], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await start(), await start()
    monkeypatch.setattr("chat.delivery.relay", here.relay)
    delivery, shown, unseen = Delivery(), uuid4(), uuid4()
    there.relay.show(shown)
    await knows(here, there, str(shown))
    there.heard.clear()
    for session in (unseen, shown):
        draft = delivery.open_draft(session, uuid4(), 1)
        draft.add(f"for {session}")
        delivery.close_draft(draft)
    here.relay.say("mark", "after that")
    await there.hears("after that")
    assert [json.loads(frame)["text"] for frame in there.heard[:-1]] == [f"for {shown}"]


async def test_who_comes_hears_what_was_told_a_moment_before(start: Callable[[], Awaitable[Process]]) -> None:
    here, there = await start(), await start()
    await knows(here, there)
    for number in range(20):
        here.relay.tell("session", "abc"[number % 3], f"{number}")
    there.relay.show("b", "c")
    await there.hears("19")
    here.relay.tell("session", "b", "20")
    await there.hears("20")
    assert [text for text in there.heard if text.isdigit()] == [f"{number}" for number in range(21) if number % 3]


async def test_who_comes_later_hears_nothing_old(start: Callable[[], Awaitable[Process]]) -> None:
    here, there = await start(), await start()
    await knows(here, there)
    here.relay.tell("session", "a", "old")
    await here.relay.beat()
    await here.relay.beat()
    there.relay.show("a")
    await knows(here, there, "a")
    assert "old" not in there.heard


async def test_one_that_starts_learns_what_the_others_show(start: Callable[[], Awaitable[Process]]) -> None:
    there = await start()
    there.relay.show("a")
    await knows(await start(), there, "a")


async def test_a_change_that_was_missed_is_found_out(start: Callable[[], Awaitable[Process]], valkey: Valkey) -> None:
    here, there = await start(), await start()
    there.relay.show("a")
    await knows(here, there, "a")
    valkey.stop()
    there.relay.hide("a")
    there.relay.show("b")
    assert there.relay._sending is not None
    await there.relay._sending
    valkey.start()
    await listens(here, there)
    await knows(here, there, "b")


async def test_until_it_is_known_what_one_shows_it_is_told_all(start: Callable[[], Awaitable[Process]]) -> None:
    here, there = await start(), await start()
    await knows(here, there)
    news: dict[str, Any]
    for news in ({}, {"number": 7}, {"number": 9, "more": ["b"], "less": []}):
        await say("another", news, f"{news}")
        await here.hears(f"{news}")
        assert await told(here, there, "a") == ["a"]
    await say("another", {"number": 10, "whole": ["b"]}, "all of it")
    await here.hears("all of it")
    assert await told(here, there, "a", "b") == ["b"]


async def test_a_lost_process_is_told_nothing_and_all_again_when_it_is_back(
    start: Callable[[], Awaitable[Process]], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there, third = await start(), await start(), await start()
    there.relay.show("a")
    await knows(here, third, "a")  # what one hears, all hear
    monkeypatch.setattr(audience, "LOST_S", 0)
    await here.relay.beat()
    assert await told(here, third, "a") == []
    monkeypatch.undo()
    await knows(here, there, "a")


async def test_one_that_does_not_listen_tells_all(start: Callable[[], Awaitable[Process]]) -> None:
    there, command = await start(), Relay()
    command.tell("session", "a", "gone")
    await there.hears("gone")
    await command.close()


async def test_what_comes_and_goes_between_two_messages_is_not_said() -> None:
    shown = audience.Shown()
    shown.add("a")
    shown.add("a", "b")
    shown.discard("b", "c")
    assert shown.news() == {"number": 1, "more": ["a"], "less": []}
    assert shown.news() == {"number": 1}
    shown.discard("a")
    shown.add("a")
    assert not shown.changed
