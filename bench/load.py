"""People who each send one message within two seconds and collect the reply, token by token."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp

SPREAD_S = 2.0  # within which everybody sends
PATIENCE_S = 120.0  # for one reply


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


Talk = Callable[[aiohttp.ClientSession, Heard], Awaitable[None]]


async def everybody(count: int, talk: Talk) -> list[Heard]:
    """Let that many people talk; return what each heard."""
    heard = [Heard() for _ in range(count)]
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
        await asyncio.gather(*(_one(http, talk, each) for each in heard))
    return heard


async def _one(http: aiohttp.ClientSession, talk: Talk, heard: Heard) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await talk(http, heard)
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        print(f"a reply was lost: {type(error).__name__}: {error}")


def at_the_floor(url: str) -> Talk:
    """Return how one talks with the floor."""

    async def talk(http: aiohttp.ClientSession, heard: Heard) -> None:
        async with http.ws_connect(url) as wire:
            await asyncio.sleep(random.uniform(0, SPREAD_S))
            heard.asked = time.monotonic()
            await wire.send_str("Hello")
            async for message in wire:
                frame = json.loads(message.data)
                if frame["type"] == "end":
                    heard.finished = True
                    return
                heard.take(frame["text"])

    return talk


def at_the_chat(url: str, sessions: Sequence[tuple[str, str]]) -> Talk:
    """Return how one talks with the chat; `sessions` are ids with their cookies, one for each person."""
    free = list(sessions)

    async def talk(http: aiohttp.ClientSession, heard: Heard) -> None:
        session, cookie = free.pop()
        address = f"{url.replace('http', 'ws', 1)}/ws/chat/{session}/"
        async with http.ws_connect(address, origin=url, headers={"Cookie": cookie}, max_msg_size=0) as wire:
            await wire.send_json({"type": "hello", "after": 0})
            while (await wire.receive_json())["type"] != "sync":
                pass
            await asyncio.sleep(random.uniform(0, SPREAD_S))
            heard.asked = time.monotonic()
            await wire.send_json({"type": "send", "client_id": str(uuid4()), "text": "Hello"})
            async for message in wire:
                if _ends(json.loads(message.data), heard):
                    return

    return talk


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
    gate = asyncio.Semaphore(20)

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
