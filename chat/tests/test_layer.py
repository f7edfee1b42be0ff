"""The channel layer on a real Valkey: it wakes for what is said, and for nothing else."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from chat import layer as module
from chat.layer import Layer, Patient
from chat.tests.servers import Valkey

WAIT_S = 5.0


@pytest.fixture
async def layer(valkey: Valkey) -> AsyncIterator[Layer]:
    """A layer of its own."""
    made = Layer(hosts=[valkey.url])
    yield made
    await made.flush()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When it is looked for messages, by the event loop's clock."""
    times: list[float] = []
    look = Patient.get_message

    async def noted(self: Patient, *args: object, **kwargs: object) -> object:
        times.append(asyncio.get_running_loop().time())
        return await look(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Patient, "get_message", noted)
    return times


async def heard(layer: Layer, channel: str, text: str) -> None:
    """Say something to the group; fail if it is not heard."""
    await layer.group_send("all", {"text": text})
    async with asyncio.timeout(WAIT_S):
        assert (await layer.receive(channel))["text"] == text


async def test_nothing_is_done_while_nothing_is_said(layer: Layer, looks: list[float]) -> None:
    channel = await layer.new_channel()
    await layer.group_add("all", channel)
    await heard(layer, channel, "first")
    before = len(looks)
    await asyncio.sleep(1)  # in which the library's own looks ten times
    assert len(looks) == before
    await heard(layer, channel, "second")


async def test_a_look_that_found_nothing_is_followed_by_another(
    layer: Layer, looks: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.05)
    channel = await layer.new_channel()
    await layer.group_add("all", channel)
    async with asyncio.timeout(WAIT_S):
        while len(looks) < 5:  # noqa: ASYNC110 (no event tells)
            await asyncio.sleep(0.01)
    await heard(layer, channel, "said late")
