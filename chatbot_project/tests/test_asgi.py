"""The door: who may open a WebSocket, and a server that tells when it starts and stops."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import LazySettings

from chat.process import process
from chatbot_project.asgi import OriginCheck, application


async def accepts(origin: bytes | None, *origins: str) -> bool:
    """Tell whether a handshake from `origin` is let through where `origins` are listed."""

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})

    headers = [] if origin is None else [(b"origin", origin)]
    connected, _ = await WebsocketCommunicator(OriginCheck(inside, origins), "/", headers=headers).connect()
    return bool(connected)


@pytest.mark.parametrize(
    ("origin", "listed"),
    [
        (b"https://chat.example", True),
        (b"https://chat.example:443", True),
        (b"http://chat.example", False),
        (b"https://chat.example:444", False),
        (b"https://chat.example.evil.example", False),
        (b"https://evil.example", False),
        (b"https://sub.chat.example", False),
        (b"http://localhost:8000", True),
        (b"http://localhost", False),
        (b"null", False),
        (b"", False),
        (b"*", False),
        (b"\xff", False),
        (b"http://[::1", False),
        (b"http://localhost:port", False),
        (b"http://localhost:99999", False),
    ],
)
async def test_a_handshake_comes_from_a_listed_origin(origin: bytes, listed: bool) -> None:
    assert await accepts(origin, "https://chat.example", "http://localhost:8000") == listed


async def test_a_client_without_an_origin_is_no_browser_and_goes_on() -> None:
    assert await accepts(None, "https://chat.example")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/chat/", "/ws/other/x/", f"/ws/chat/{uuid4()}/more/", "/%ff%00"])
async def test_no_path_is_without_an_answer(path: str) -> None:
    wire = WebsocketCommunicator(application, path)
    connected, _ = await wire.connect()
    assert connected
    assert json.loads(await wire.receive_from())["code"] == "unauthorized"
    assert (await wire.receive_output())["code"] == 4500
    await wire.disconnect()


@pytest.mark.django_db(transaction=True)
async def test_lifespan_starts_and_drains_the_process(settings: LazySettings) -> None:
    settings.GPTJ_MODELS = {"default": {"URL": "scripted://", "API_KEY": ""}}
    asked: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    answered: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    serving = asyncio.create_task(application({"type": "lifespan"}, asked.get, answered.put))
    await asked.put({"type": "lifespan.startup"})
    assert await answered.get() == {"type": "lifespan.startup.complete"}
    assert process._tasks
    await asked.put({"type": "lifespan.shutdown"})
    assert await answered.get() == {"type": "lifespan.shutdown.complete"}
    assert process.draining
    assert all(task.done() for task in process._tasks)
    await serving
