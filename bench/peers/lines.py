"""How the pages of two peers talk with their servers: Chainlit's over socket.io, Gradio's over its queue."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp

from bench.load import Connect, Heard, Line

EVENT, PING, PONG = "42", "2", "3"  # of socket.io and engine.io: an event, and what is asked and answered every 25 s


@dataclass(frozen=True, slots=True)
class ChainlitLine:
    """A tab of Chainlit's page that is through with its greetings."""

    wire: aiohttp.ClientWebSocketResponse

    async def talk(self, heard: Heard) -> None:
        """Send one message and hear the reply out."""
        said = {"id": str(uuid4()), "name": "user", "type": "user_message", "output": "Hello"}
        said["createdAt"] = "2026-01-01T00:00:00.000Z"
        heard.asked = time.monotonic()
        await self.wire.send_str(EVENT + json.dumps(["client_message", {"message": said, "fileReferences": []}]))
        async for name, body in events(self.wire):
            if name == "stream_token":
                heard.take(body["token"])
            elif name == "stream_start":
                heard.take(body["output"])
            elif name == "task_end":
                heard.finished = bool(heard.late_s)
                return


async def events(wire: aiohttp.ClientWebSocketResponse) -> AsyncIterator[tuple[str, Any]]:
    """Yield what the server tells, by name, and answer its pings."""
    async for message in wire:
        if message.data == PING:
            await wire.send_str(PONG)
        elif str(message.data).startswith(EVENT):
            name, *body = json.loads(message.data[len(EVENT) :])
            yield name, body[0] if body else None


def to_chainlit(url: str) -> Connect:
    """Return how a tab connects."""

    @asynccontextmanager
    async def connect(http: aiohttp.ClientSession) -> AsyncIterator[Line]:
        address = f"{url.replace('http', 'ws', 1)}/ws/socket.io/?EIO=4&transport=websocket"
        async with http.ws_connect(address, max_msg_size=0) as wire:
            await wire.receive_str()
            await wire.send_str("40" + json.dumps({"sessionId": str(uuid4()), "clientType": "webapp", "userEnv": "{}"}))
            await wire.receive_str()
            await wire.send_str(f'{EVENT}["connection_successful"]')
            async for name, _ in events(wire):
                if name == "clear_call_fn":
                    break
            yield ChainlitLine(wire)

    return connect


@dataclass(frozen=True, slots=True)
class GradioLine:
    """A tab of Gradio's page, which knows the number of the chat's function."""

    http: aiohttp.ClientSession
    url: str
    function: int

    async def talk(self, heard: Heard) -> None:
        """Send one message and hear the reply out."""
        tab = uuid4().hex[:11]
        asked = {"data": ["Hello", None], "fn_index": self.function, "session_hash": tab, "event_data": None}
        heard.asked = time.monotonic()
        async with self.http.post(f"{self.url}/gradio_api/queue/join", json=asked) as answer:
            answer.raise_for_status()
        async with self.http.get(f"{self.url}/gradio_api/queue/data", params={"session_hash": tab}) as stream:
            async for line in stream.content:
                if not line.startswith(b"data: "):
                    continue
                told = json.loads(line[6:])
                if told["msg"] == "process_generating":
                    for text in written(told["output"]["data"][0]):
                        heard.take(text)
                elif told["msg"] == "process_completed":
                    heard.finished = bool(told["success"] and heard.late_s)
                    return


def written(change: Any) -> Iterator[str]:
    """Yield what a change of the text adds: the first one is a text, the others are lists of edits."""
    if isinstance(change, str):
        yield change
        return
    for action, _path, value in change:
        if action == "append":
            yield value


def to_gradio(url: str) -> Connect:
    """Return how a tab comes, once it knows the page's description."""

    @asynccontextmanager
    async def connect(http: aiohttp.ClientSession) -> AsyncIterator[Line]:
        async with http.get(f"{url}/config") as answer:
            functions = (await answer.json())["dependencies"]
        (number,) = (each["id"] for each in functions if each["api_name"] == "answer")
        yield GradioLine(http, url, number)

    return connect
