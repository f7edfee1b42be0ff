"""A person whose client does what the page does: resumes at any process, sends again what was not acknowledged."""

import asyncio
import contextlib
import json
import random
from collections.abc import Sequence
from time import monotonic
from typing import Any, Self
from uuid import uuid4

import requests
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from chat.tests.mirror import MAKING, Frame, Mirror

SILENCE_S = 2.0  # while a reply is made; the page waits longer, a test need not
AGAIN_S = 0.2  # between two tries to connect
REFUSED_FOR_NOW = {"busy", "unavailable", "rate_limited"}


class Visitor:
    """A browser's cookies."""

    def __init__(self, url: str, name: str = "Ada") -> None:
        self.http = requests.Session()
        self.http.get(f"{url}/api/me", timeout=20).raise_for_status()
        self._headers = {"X-CSRFToken": self.http.cookies["csrftoken"]}
        self.name = name

    def begin(self, url: str) -> str:
        """Make a session; return its id."""
        answer = self.http.post(f"{url}/api/sessions", json={"name": self.name}, headers=self._headers, timeout=20)
        answer.raise_for_status()
        return str(answer.json()["id"])

    @property
    def cookies(self) -> str:
        """The Cookie header."""
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())


class Tab:
    """One tab: what it holds, what it has sent and not heard of, and what was acknowledged."""

    def __init__(self, visitor: Visitor, session: str, urls: Sequence[str], silence_s: float = SILENCE_S) -> None:
        self._visitor = visitor
        self._session = session
        self._silence_s = silence_s
        self.urls = list(urls)
        self.mirror = Mirror()
        self.outbox: dict[str, str] = {}  # text by client id
        self.acknowledged: dict[str, str] = {}  # message by client id
        self.closes: list[int] = []
        self.refusals: list[str] = []
        self.pongs = 0
        self.deltas_at: list[float] = []
        self.frames: list[Frame] = []
        self._wire: ClientConnection | None = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._again: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._stay_connected())
        await self.until(lambda: self.mirror.after > 0)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._task is not None
        for task in (self._task, *self._again):
            task.cancel()
        await asyncio.gather(self._task, *self._again, return_exceptions=True)

    async def until(self, true: Any, within_s: float = 30) -> None:
        """Wait until `true()`; raise TimeoutError with what is held."""
        try:
            async with asyncio.timeout(within_s):
                while not true():
                    self._changed.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), 0.5)
        except TimeoutError:
            held = {key: {**message, "text": message["text"][-40:]} for key, message in self.mirror.messages.items()}
            raise TimeoutError(f"{held} {list(self.outbox)} {self.frames[-3:]} {self.closes}") from None

    async def send(self, text: str) -> str:
        """Put a message into the outbox; return its client id. It goes out now, and again until it is acknowledged."""
        key = str(uuid4())
        self.outbox[key] = text
        await self._say({"type": "send", "client_id": key, "text": text})
        return key

    async def say(self, **frame: Any) -> None:
        """Send any other frame, once."""
        await self._say(frame)

    def reply_to(self, client_id: str) -> Frame | None:
        """Return the reply to what was sent, as far as it is held."""
        asked = self.acknowledged.get(client_id)
        return next((each for each in self.mirror.messages.values() if asked and each["parent"] == asked), None)

    def ended(self, client_id: str) -> bool:
        """Tell whether the reply to what was sent has come to an end."""
        reply = self.reply_to(client_id)
        return reply is not None and reply["status"] not in MAKING

    def drop(self) -> None:
        """Cut the connection without a word, as a lost line does."""
        if self._wire is not None:
            self._wire.transport.abort()

    async def _say(self, frame: Frame) -> None:
        if self._wire is not None:
            with contextlib.suppress(ConnectionClosed):
                await self._wire.send(json.dumps(frame))

    async def _stay_connected(self) -> None:
        while True:
            url = random.choice(self.urls)
            try:
                async with connect(
                    f"{url.replace('http', 'ws', 1)}/ws/chat/{self._session}/",
                    origin=url,  # type: ignore[arg-type] # a NewType of str
                    additional_headers={"Cookie": self._visitor.cookies},
                    max_size=None,
                    open_timeout=2,
                    close_timeout=0.1,
                ) as wire:
                    self._wire = wire
                    await self._listen(wire)
            except ConnectionClosed as closed:
                self.closes.append(closed.rcvd.code if closed.rcvd else 1006)
            except (OSError, InvalidHandshake, TimeoutError):
                pass
            finally:
                self._wire = None
            await asyncio.sleep(AGAIN_S)

    async def _listen(self, wire: ClientConnection) -> None:
        await self._say({"type": "hello", "after": self.mirror.after})
        while True:
            try:
                async with asyncio.timeout(self._silence_s):
                    frame = await wire.recv()
            except TimeoutError:
                # A frozen process answers nothing: a second silence in a row means another process.
                await self._say({"type": "ping", "after": self.mirror.after})
                async with asyncio.timeout(self._silence_s):
                    frame = await wire.recv()
            await self._take(json.loads(frame))

    async def _take(self, frame: Frame) -> None:
        self.frames.append(frame)
        del self.frames[:-200]
        if frame["type"] == "error":
            self.refusals.append(frame["code"])
        was_lost = self.mirror.lost
        self.mirror.apply(frame)
        match frame["type"]:
            case "ping":
                await self._say({"type": "pong", "nonce": frame["nonce"]})
            case "pong":
                self.pongs += 1
            case "delta":
                self.deltas_at.append(monotonic())
            case "ack":
                self.acknowledged[frame["client_id"]] = frame["message"]
                self.outbox.pop(frame["client_id"], None)
            case "sync" if not frame["more"]:
                for key, text in self.outbox.items():
                    await self._say({"type": "send", "client_id": key, "text": text})
            case "error" if frame["code"] in REFUSED_FOR_NOW and frame.get("client_id") in self.outbox:
                self._again.add(asyncio.create_task(self._send_again(frame["client_id"])))
            case _:
                pass
        if self.mirror.lost and not was_lost:
            await self._say({"type": "ping", "after": self.mirror.after})
        self._changed.set()

    async def _send_again(self, key: str) -> None:
        await asyncio.sleep(AGAIN_S)
        if key in self.outbox:
            await self._say({"type": "send", "client_id": key, "text": self.outbox[key]})
