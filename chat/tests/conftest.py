"""A serving process with a scripted model, visitors, and sockets on it."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import SyncToAsync
from channels.routing import get_default_application
from channels.testing import WebsocketCommunicator
from django.conf import LazySettings
from django.db import connections
from django.test import AsyncClient

from chat import threads
from chat.faults import redis_faults
from chat.limits import allowance
from chat.process import process
from chat.tests.servers import Valkey
from gptj import generators
from gptj.backends.scripted import Scripted

Frame = dict[str, Any]

WAIT_S = 5.0  # for a frame that must come
ORIGIN = "http://localhost:8000"


class Tab:
    """A browser tab of one visitor on one session, by Channels' own test client."""

    def __init__(self, session: str, cookie: str) -> None:
        headers = [(b"origin", ORIGIN.encode()), (b"cookie", f"sessionid={cookie}".encode())]
        self.wire = WebsocketCommunicator(get_default_application(), f"/ws/chat/{session}/", headers=headers)
        self.session = session

    async def connect(self) -> None:
        """Shake hands."""
        connected, _ = await self.wire.connect(timeout=WAIT_S)
        assert connected

    async def say(self, type_: str, **fields: Any) -> None:
        """Send a frame."""
        await self.wire.send_to(text_data=json.dumps({"type": type_, **fields}, ensure_ascii=False))

    async def next(self) -> Frame:
        """Return the next frame."""
        frame: Frame = json.loads(await self.wire.receive_from(timeout=WAIT_S))
        return frame

    async def until(self, type_: str, **fields: Any) -> Frame:
        """Return the next frame of that type and with these fields, passing over others but errors."""
        while True:
            frame = await self.next()
            assert type_ == "error" or frame["type"] != "error", frame
            if frame["type"] == type_ and all(frame[name] == value for name, value in fields.items()):
                return frame

    async def until_status(self, status: str) -> Frame:
        """Return the next reply that has come to `status`."""
        while True:
            message: Frame = (await self.until("message"))["message"]
            if message["role"] == "assistant" and message["status"] == status:
                return message

    async def hello(self, after: int = 0) -> tuple[Frame, list[Frame]]:
        """Join; return `ready` and the `sync` frames."""
        await self.say("hello", after=after)
        ready = await self.until("ready")
        syncs = [await self.until("sync")]
        while syncs[-1]["more"]:
            syncs.append(await self.until("sync"))
        return ready, syncs

    async def send(self, text: str, client_id: UUID | None = None) -> Frame:
        """Send a message; return its `ack`."""
        key = str(client_id or uuid4())
        await self.say("send", client_id=key, text=text)
        return await self.until("ack", client_id=key)

    async def closed(self) -> int:
        """Return the code with which the server ends the connection."""
        while True:
            output = await self.wire.receive_output(timeout=WAIT_S)
            if output["type"] == "websocket.close":
                code: int = output["code"]
                return code

    async def leave(self) -> None:
        """Close the tab."""
        await self.wire.disconnect(timeout=WAIT_S)


class Person:
    """A visitor with a browser."""

    def __init__(self) -> None:
        self.browser = AsyncClient()
        self.tabs: list[Tab] = []

    @property
    def cookie(self) -> str:
        """The browser's session cookie."""
        return self.browser.cookies["sessionid"].value

    async def begin(self, name: str = "Ada", **fields: Any) -> str:
        """Make a session; return its id."""
        response = await self.browser.post("/api/sessions", {"name": name, **fields}, "application/json")
        assert response.status_code == 201, response.content
        key: str = response.json()["id"]
        return key

    async def open(self, session: str) -> Tab:
        """Open a tab on a session, and join."""
        tab = await self.connect(session)
        await tab.hello()
        return tab

    async def connect(self, session: str) -> Tab:
        """Open a tab on a session, and say nothing."""
        tab = Tab(session, self.cookie)
        await tab.connect()
        self.tabs.append(tab)
        return tab


@pytest.fixture(autouse=True)
def scripted_model(settings: LazySettings) -> None:
    """Every test has a model that says what the test wrote for it."""
    settings.GPTJ_MODELS = {"default": {"URL": "scripted://", "API_KEY": ""}}


@pytest.fixture(scope="session", autouse=True)
def the_frameworks_own_thread(django_db_setup: None) -> Iterator[None]:
    """Close, before the test database goes, the connection of the thread that Django's own sync code runs in."""
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@pytest.fixture
async def serving(transactional_db: None) -> AsyncIterator[Scripted]:
    """A started process; the value is its model."""
    allowance.cache_clear()
    await process.start()
    model = generators["default"]
    assert isinstance(model, Scripted)
    yield model
    await process.drain()
    threads.close()


@pytest.fixture
async def people(serving: Scripted) -> AsyncIterator[Callable[[], Person]]:
    """Makes visitors; their tabs are closed at the end."""
    made: list[Person] = []

    def person() -> Person:
        made.append(Person())
        return made[-1]

    yield person
    for someone in made:
        for tab in someone.tabs:
            await tab.leave()


@pytest.fixture
async def ada(people: Callable[[], Person]) -> Person:
    """A visitor."""
    return people()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    """A real server of Redis's protocol."""
    server = Valkey()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(valkey_server: Valkey, settings: LazySettings) -> Iterator[Valkey]:
    """A real, empty server that the settings name, as a set REDIS_URL would."""
    with valkey_server.client() as client:
        client.flushall()
    redis_faults.cache_clear()
    settings.REDIS_URL = valkey_server.url
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": valkey_server.url,
            "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
        }
    }
    yield valkey_server
    valkey_server.start()
    redis_faults.cache_clear()
