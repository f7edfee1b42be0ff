"""What processes tell each other by a real Valkey, and what is left of it when that is not there."""

import asyncio

import pytest
from channels.layers import get_channel_layer
from django.conf import LazySettings

from chat import relay as module
from chat.relay import Relay
from chat.tests.servers import Valkey

WAIT_S = 10.0


@pytest.fixture(autouse=True)
def layer(valkey: Valkey, settings: LazySettings) -> None:
    """The layer that a set REDIS_URL gives."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "chat.layer.Layer", "CONFIG": {"hosts": [valkey.url]}}}


async def test_while_redis_is_gone_nothing_gathers_and_afterwards_all_is_heard_once(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.02)
    valkey.stop()
    here, there = Relay(), Relay()
    heard: list[int] = []
    there.on("number", heard.append)
    tries = 0
    failed = there._outage.failed

    def count(error: Exception) -> None:
        nonlocal tries
        tries += 1
        failed(error)

    monkeypatch.setattr(there._outage, "failed", count)
    listening = asyncio.create_task(there.listen())
    async with asyncio.timeout(WAIT_S):
        while tries < 5:  # noqa: ASYNC110 (no event tells)
            await asyncio.sleep(0.01)
        assert len(get_channel_layer().channels) <= 1
        valkey.start()
        said = 0
        while not heard:
            said += 1
            here.say("number", said)
            await asyncio.sleep(0.05)
        here.say("number", 0)
        while heard[-1] != 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert len(heard) == len(set(heard))
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await here.close()
