"""People who each send one message within two seconds and collect the reply, token by token."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
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


@dataclass(frozen=True, slots=True)
class Visit:
    """A session of a visitor's, and where it is talked in."""

    url: str
    session: str
    cookie: str


def to_chat(visits: Sequence[Visit]) -> Connect:
    """Return how one connects to the chat; a visit for each person."""
    free = list(visits)

    @asynccontextmanager
    async def connect(http: aiohttp.ClientSession) -> AsyncIterator[Line]:
        visit = free.pop()
        address = f"{visit.url.replace('http', 'ws', 1)}/ws/chat/{visit.session}/"
        cookie = {"Cookie": visit.cookie}
        async with http.ws_connect(address, origin=visit.url, headers=cookie, max_msg_size=0) as wire:
            await wire.send_json({"type": "hello", "after": 0})
            while (await wire.receive_json())["type"] != "sync":
                pass
            yield ChatLine(wire)

    return connect


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """What everybody heard, and what a server used and held meanwhile."""

    heard: Sequence[Heard]
    used: float  # from when all were connected until nothing was left to be heard
    half: float  # what was held with half of all connected, rounded down
    idle: float  # with everybody connected, before anybody spoke
    end: float  # and after


async def everybody(people: int, connect: Connect, *, used: Callable[[], float], held: Callable[[], float]) -> Talk:
    """Let that many people talk.

    How much `used` grew begins once all are connected and a while has passed, and ends a while after the last has heard
    the reply out, before anybody leaves: the same for every server.
    """
    heard = [Heard() for _ in range(people)]
    async with connected(people // 2, connect) as half:
        await asyncio.sleep(SETTLE_S)
        held_half = held()
        async with connected(people - len(half), connect) as others:
            await asyncio.sleep(SETTLE_S)
            held_idle, used_before = held(), used()
            lines = zip([*half, *others], heard, strict=True)
            await asyncio.gather(*(_one(line, each) for line, each in lines))
            await asyncio.sleep(SETTLE_S)
            return Talk(heard=heard, used=used() - used_before, half=held_half, idle=held_idle, end=held())


async def steadily(rate: int, sends: int, connect: Connect) -> list[Heard]:
    """Let as many people as `rate` send once a second each, so often; return what was heard of each message."""
    heard = [[Heard() for _ in range(sends)] for _ in range(rate)]

    async def one(line: Line, mine: Sequence[Heard]) -> None:
        due = time.monotonic() + random.uniform(0, 1)
        for each in mine:
            await asyncio.sleep(due - time.monotonic())
            await line.talk(each)
            due += 1

    async with connected(rate, connect) as lines, asyncio.timeout(sends + PATIENCE_S):
        await asyncio.gather(*(one(line, mine) for line, mine in zip(lines, heard, strict=True)))
    return [each for mine in heard for each in mine]


@asynccontextmanager
async def connected(people: int, connect: Connect) -> AsyncIterator[Sequence[Line]]:
    """Give that many people's connections, all open."""
    gate = asyncio.Semaphore(COMING_AT_ONCE)
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http,
        AsyncExitStack() as lines,
    ):

        async def come() -> Line:
            async with gate:
                return await lines.enter_async_context(connect(http))

        yield await asyncio.gather(*(come() for _ in range(people)))


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


async def visits(urls: Sequence[str], count: int) -> list[Visit]:
    """Make that many sessions, each of a visitor of its own, in turn at each of a chat's processes."""
    gate = asyncio.Semaphore(COMING_AT_ONCE)

    async def one(http: aiohttp.ClientSession, url: str) -> Visit:
        async with gate:
            async with http.get(f"{url}/api/me") as answer:
                token = answer.cookies["csrftoken"].value
            headers = {"X-CSRFToken": token, "Cookie": f"csrftoken={token}"}
            async with http.post(f"{url}/api/sessions", json={"name": "Ada"}, headers=headers) as answer:
                answer.raise_for_status()
                cookie = f"sessionid={answer.cookies['sessionid'].value}"
                return Visit(url, (await answer.json())["id"], cookie)

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        return list(await asyncio.gather(*(one(http, url) for url in islice(cycle(urls), count))))
