"""People who each send one message within two seconds and collect the reply, token by token."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

import aiohttp

SPREAD_S = 2.0  # within which everybody sends
PATIENCE_S = 120.0  # for one reply
SETTLE_S = 0.5  # before and after, for what a server does beside
COMING_AT_ONCE = 20  # people who connect, or make a session


@dataclass(slots=True)
class Heard:
    """One reply: when it was asked for, and when each token came after it was made, in seconds."""

    asked: float = 0.0
    acknowledged_s: float | None = None
    first_made: float | None = None
    late_s: list[float] = field(default_factory=list)
    finished: bool = False

    def take(self, text: str) -> None:
        """Read the time stamps in a piece of text."""
        now = time.monotonic_ns()
        for stamp in text.split():
            made = int(stamp)
            if self.first_made is None:
                self.first_made = made / 1e9
            self.late_s.append((now - made) / 1e9)


class Line(Protocol):
    """One person's connection."""

    async def talk(self, heard: Heard) -> None:
        """Send one message and hear the reply out."""


Connect = Callable[[aiohttp.ClientSession], AbstractAsyncContextManager[Line]]


@dataclass(frozen=True, slots=True)
class FloorLine:
    """A connection to the floor."""

    wire: aiohttp.ClientWebSocketResponse

    async def talk(self, heard: Heard) -> None:
        """Send one message and hear the reply out."""
        heard.asked = time.monotonic()
        await self.wire.send_str("Hello")
        async for message in self.wire:
            frame = json.loads(message.data)
            if frame["type"] == "end":
                heard.finished = True
                return
            heard.take(frame["text"])


@dataclass(frozen=True, slots=True)
class ChatLine:
    """A connection to the chat, which shows a session."""

    wire: aiohttp.ClientWebSocketResponse

    async def talk(self, heard: Heard) -> None:
        """Send one message and hear the reply out."""
        heard.asked = time.monotonic()
        await self.wire.send_json({"type": "send", "client_id": str(uuid4()), "text": "Hello"})
        async for message in self.wire:
            if _ends(json.loads(message.data), heard):
                return


def to_floor(url: str) -> Connect:
    """Return how one connects to the floor."""

    @asynccontextmanager
    async def connect(http: aiohttp.ClientSession) -> AsyncIterator[Line]:
        async with http.ws_connect(url.replace("http", "ws", 1)) as wire:
            yield FloorLine(wire)

    return connect


def to_chat(url: str, sessions: Sequence[tuple[str, str]]) -> Connect:
    """Return how one connects to the chat; `sessions` are ids with their cookies, one for each person."""
    free = list(sessions)

    @asynccontextmanager
    async def connect(http: aiohttp.ClientSession) -> AsyncIterator[Line]:
        session, cookie = free.pop()
        address = f"{url.replace('http', 'ws', 1)}/ws/chat/{session}/"
        async with http.ws_connect(address, origin=url, headers={"Cookie": cookie}, max_msg_size=0) as wire:
            await wire.send_json({"type": "hello", "after": 0})
            while (await wire.receive_json())["type"] != "sync":
                pass
            yield ChatLine(wire)

    return connect


async def everybody(people: int, connect: Connect, used: Callable[[], float]) -> tuple[list[Heard], float]:
    """Let that many people talk; return what each heard, and how much `used` grew meanwhile.

    What it counts begins once all are connected and a while has passed, and ends a while after the last has heard the
    reply out, before anybody leaves: the same for every server.
    """
    heard = [Heard() for _ in range(people)]
    gate = asyncio.Semaphore(COMING_AT_ONCE)
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http,
        AsyncExitStack() as lines,
    ):

        async def come() -> Line:
            async with gate:
                return await lines.enter_async_context(connect(http))

        here = await asyncio.gather(*(come() for _ in heard))
        await asyncio.sleep(SETTLE_S)
        before = used()
        await asyncio.gather(*(_one(line, each) for line, each in zip(here, heard, strict=True)))
        await asyncio.sleep(SETTLE_S)
        return heard, used() - before


async def _one(line: Line, heard: Heard) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.sleep(random.uniform(0, SPREAD_S))
            await line.talk(heard)
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        print(f"a reply was lost: {type(error).__name__}: {error}")


def _ends(frame: dict[str, object], heard: Heard) -> bool:
    """Take in a frame; return whether it was the last."""
    match frame:
        case {"type": "delta", "text": str(text)}:
            heard.take(text)
        case {"type": "ack"}:
            heard.acknowledged_s = time.monotonic() - heard.asked
        case {"type": "message", "message": {"role": "assistant", "status": "complete" | "failed" as status}}:
            heard.finished = status == "complete"
            return True
    return False


async def sessions_at(url: str, count: int) -> list[tuple[str, str]]:
    """Make that many sessions, each of a visitor of its own; return their ids and cookies."""
    gate = asyncio.Semaphore(COMING_AT_ONCE)

    async def one(http: aiohttp.ClientSession) -> tuple[str, str]:
        async with gate:
            async with http.get(f"{url}/api/me") as answer:
                token = answer.cookies["csrftoken"].value
            headers = {"X-CSRFToken": token, "Cookie": f"csrftoken={token}"}
            async with http.post(f"{url}/api/sessions", json={"name": "Ada"}, headers=headers) as answer:
                answer.raise_for_status()
                return (await answer.json())["id"], f"sessionid={answer.cookies['sessionid'].value}"

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        return list(await asyncio.gather(*(one(http) for _ in range(count))))
