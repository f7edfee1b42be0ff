"""Open WebUI: run with nothing on but the chat, and talked to as its page does, by HTTP and socket.io."""

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import aiohttp

from bench.load import COMING_AT_ONCE, Connect, Heard, Line
from bench.peers.lines import EVENT, events
from bench.run import ROOT, SERVER_CORE, free_port, running

COMMAND = str(ROOT / ".venv/peers/openwebui/bin/open-webui")
UNUSED = "unused"  # the mock asks for no key
QUICKER = "argon2"  # than bcrypt, its default, where hundreds of accounts are made
SETTINGS = {  # for nothing but the chat
    "USE_SLIM_DOCKER": "true",  # its own mode without PyTorch and what stands on it
    "OFFLINE_MODE": "true",
    "ENABLE_OLLAMA_API": "false",
    "ENABLE_VERSION_UPDATE_CHECK": "false",
    "ENABLE_TITLE_GENERATION": "false",  # each of these three would ask the model once more a turn
    "ENABLE_TAGS_GENERATION": "false",
    "ENABLE_FOLLOW_UP_GENERATION": "false",
    "BYPASS_MODEL_ACCESS_CONTROL": "true",  # else people see no model until an admin shares it
    "PASSWORD_HASH_ALGORITHM": QUICKER,
    "OPENAI_API_KEY": UNUSED,
    "WEBUI_SECRET_KEY": "for a bench only, of 32 bytes or more",
}
SAID = 80  # characters of why it refused
PASSWORD = "for a bench only"  # noqa: S105 (of accounts that are gone with the folder)


@dataclass(frozen=True, slots=True)
class Site:
    """A folder in which Open WebUI has its tables and accounts, and everybody's token."""

    folder: Path
    tokens: Sequence[str]


@contextmanager
def site(model: str, people: int) -> Iterator[Site]:
    """Make that many accounts, which takes longer than all that is measured, once for all rounds."""
    with tempfile.TemporaryDirectory() as folder:
        with _served(Path(folder), model) as (url, _):
            tokens = asyncio.run(_accounts(url, people))
        yield Site(Path(folder), tokens)


@contextmanager
def openwebui(model: str, *, made: Site) -> Iterator[tuple[str, int]]:
    """Run Open WebUI as it was when its accounts were made."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(made.folder, folder, dirs_exist_ok=True)
        with _served(Path(folder), model) as (url, pid):
            yield url, pid


@contextmanager
def _served(folder: Path, model: str) -> Iterator[tuple[str, int]]:
    port = free_port()
    settings = SETTINGS | {"DATA_DIR": str(folder), "OPENAI_API_BASE_URL": model}
    with running(SERVER_CORE, port, COMMAND, "serve", "--host", "127.0.0.1", "--port", str(port), **settings) as pid:
        yield f"http://127.0.0.1:{port}", pid


async def _accounts(url: str, people: int) -> list[str]:
    """Sign up an admin, who adds the others; return their tokens."""
    gate = asyncio.Semaphore(COMING_AT_ONCE)

    async def one(http: aiohttp.ClientSession, path: str, name: str, token: str = "") -> str:
        said = {"name": name, "email": f"{name}@example.org", "password": PASSWORD, "role": "user"}
        async with gate, http.post(f"{url}/api/v1/auths/{path}", json=said, headers=_signed(token)) as answer:
            answer.raise_for_status()
            return str((await answer.json())["token"])

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        admin = await one(http, "signup", "admin")
        return list(await asyncio.gather(*(one(http, "add", f"ada{number}", admin) for number in range(people))))


def _signed(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@dataclass(frozen=True, slots=True)
class OpenWebUILine:
    """A tab of Open WebUI's page, signed in, that shows a new chat."""

    http: aiohttp.ClientSession
    url: str
    token: str
    wire: aiohttp.ClientWebSocketResponse
    tab: str
    model: dict[str, object]

    async def talk(self, heard: Heard) -> None:
        """Send one message by HTTP and hear the reply out over the socket."""
        reply = str(uuid4())
        heard.asked = time.monotonic()
        address = f"{self.url}/api/chat/completions"
        async with self.http.post(address, json=self._asked(reply), headers=_signed(self.token)) as answer:
            if not answer.ok:
                raise aiohttp.ClientError((await answer.text())[:SAID])
        async for name, told in events(self.wire):
            if name != "events" or told["message_id"] != reply:
                continue
            match told["data"]:
                case {"type": "response:completion", "data": {"type": "response.output_text.delta", "delta": text}}:
                    heard.take(text)
                case {"type": "chat:completion", "data": {"done": True}}:
                    heard.finished = bool(heard.late_s)
                    return

    def _asked(self, reply: str) -> dict[str, object]:
        """Return what the page posts: the first message of a chat, which the server keeps."""
        said = {"role": "user", "content": "Hello"}
        place: dict[str, object] = {"id": str(uuid4()), "parentId": None, "childrenIds": []}
        return {
            "stream": True,
            "model": "mock",
            "messages": [said],
            "params": {"model_controls": {}},
            "features": {},
            "variables": {},
            "chat_variables": {},
            "tool_ids": [],
            "tool_servers": [],
            "model_item": self.model,
            "session_id": self.tab,
            "id": reply,
            "parent_id": None,
            "user_message": place | said | {"timestamp": int(time.time()), "models": ["mock"]},
            "background_tasks": {"title_generation": True, "tags_generation": True, "follow_up_generation": True},
        }


def to_openwebui(url: str, tokens: Sequence[str]) -> Connect:
    """Return how a tab connects; an account for each person."""
    free = list(tokens)

    @asynccontextmanager
    async def connect(http: aiohttp.ClientSession) -> AsyncIterator[Line]:
        token = free.pop()
        async with http.get(f"{url}/api/models", headers=_signed(token)) as answer:
            (model,) = (await answer.json())["data"]
        address = f"{url.replace('http', 'ws', 1)}/ws/socket.io/?EIO=4&transport=websocket"
        async with http.ws_connect(address, max_msg_size=0) as wire:
            await wire.receive_str()
            await wire.send_str("40" + json.dumps({"token": token}))
            tab = json.loads((await wire.receive_str())[2:])["sid"]
            await wire.send_str(EVENT + json.dumps(["user-join", {"auth": {"token": token}}]))
            yield OpenWebUILine(http, url, token, wire, tab, model)

    return connect
