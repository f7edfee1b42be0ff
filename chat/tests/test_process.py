"""A serving process from its start to its end, in this one and as `manage.py serve` in one of its own."""

import asyncio
import itertools
import json
import platform
import resource
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests
from django.conf import LazySettings
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from chat import process as module
from chat.checks import check_processes
from chat.management.commands import serve
from chat.models import ChatSession, Message, Status
from chat.process import process, purge
from chat.protocol import Close
from chat.replies import replies
from chat.tests.conftest import Person
from chat.tests.servers import Served, Valkey
from chat.tests.test_wire import frame
from gptj import Condition
from gptj.backends.scripted import Scripted

WAIT_S = 15.0  # for a frame that must come
WORDS = " ".join(f"word{number}" for number in range(60))  # echoed in about 2 s


# --- In this process -------------------------------------------------------------------------------------------------


async def test_what_is_being_written_is_handed_on_and_finished_by_the_next_process(
    serving: Scripted, ada: Person
) -> None:
    serving.script("begun", asyncio.Event())
    session = await ada.begin()
    tab = await ada.open(session)
    await tab.send("Go")
    delta = await tab.until("delta")
    await process.drain()
    assert (await tab.until("bye"))["retry_in_s"] > 0
    assert await tab.closed() == Close.DRAINING
    stored = await Message.objects.aget(id=UUID(delta["message"]))
    assert (stored.status, stored.text, stored.attempt) == (Status.STREAMING, "begun", 1)
    assert serving.calls[0].stopped
    await process.start()
    again = await ada.open(session)
    await again.say("ping", after=1)
    reply = await again.until_status("complete")
    assert (reply["id"], reply["attempt"], reply["text"]) == (delta["message"], 2, "Hello there.")


async def test_those_in_line_are_handed_on_too(serving: Scripted, ada: Person, settings: LazySettings) -> None:
    serving.load(Condition.LOADING)
    session = await ada.begin()
    tab = await ada.open(session)
    await tab.send("Go")
    await tab.until_status("queued")
    await process.drain()
    await process.start()
    again = await ada.open(session)
    await again.say("ping", after=1)
    reply = await again.until_status("complete")
    assert reply["attempt"] == 2
    assert (await Message.objects.aget(id=UUID(reply["id"]))).takeovers == 0


async def test_a_second_drain_does_nothing(serving: Scripted) -> None:
    await process.drain()
    await process.drain()
    assert process.draining
    assert not replies._running


async def test_a_frame_after_the_goodbye_is_not_obeyed(serving: Scripted, ada: Person) -> None:
    tab = await ada.open(await ada.begin())
    await process.drain()
    await tab.say("send", client_id=str(uuid4()), text="Too late")
    assert await tab.closed() == Close.DRAINING
    await tab.leave()
    ada.tabs.remove(tab)
    assert not await Message.objects.aexists()


async def test_who_comes_after_the_goodbye_is_sent_on(serving: Scripted, ada: Person) -> None:
    session = await ada.begin()
    await process.drain()
    tab = await ada.connect(session)
    assert (await tab.next())["type"] == "bye"
    assert await tab.closed() == Close.DRAINING


async def test_what_does_not_heed_its_end_is_left_behind(serving: Scripted, caplog: pytest.LogCaptureFixture) -> None:
    gone = asyncio.Event()

    async def stay() -> None:
        while not gone.is_set():
            with suppress(asyncio.CancelledError):
                await gone.wait()

    process._tasks.append(staying := asyncio.create_task(stay(), name="who stays"))
    await asyncio.sleep(0)  # it begins
    async with asyncio.timeout(5):
        await process.drain()
    assert "who stays took longer" in caplog.text
    gone.set()
    await staying


async def test_what_goes_wrong_now_and_again_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    tried = asyncio.Event()
    tries = []

    async def work() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ZeroDivisionError
        tried.set()

    task = module._every(0.01, work)
    async with asyncio.timeout(5):
        await tried.wait()
    task.cancel()
    assert caplog.text.count("work failed") == 2


async def test_what_is_past_its_retention_is_deleted_and_told(
    serving: Scripted, ada: Person, settings: LazySettings
) -> None:
    old, kept = await ada.begin(), await ada.begin()
    tab, other = await ada.open(old), await ada.open(kept)
    await purge()
    assert await ChatSession.objects.acount() == 2
    settings.RETENTION_DAYS = 7
    await ChatSession.objects.filter(id=UUID(old)).aupdate(updated_at="2020-01-01T00:00:00Z")
    await purge()
    assert (await other.until("gone"))["session"] == old
    assert await tab.closed() == Close.DELETED


# --- In a process of its own -----------------------------------------------------------------------------------------


class Line:
    """A real WebSocket to a served session."""

    def __init__(self, wire: ClientConnection) -> None:
        self._wire = wire

    async def say(self, type_: str, **fields: Any) -> None:
        """Send a frame."""
        await self._wire.send(json.dumps({"type": type_, **fields}))

    async def join(self) -> None:
        """Say hello, and hear all of it."""
        await self.say("hello", after=0)
        while (await self.until("sync"))["more"]:
            pass

    async def until(self, type_: str) -> dict[str, Any]:
        """Return the next frame of a type, answering pings on the way."""
        async with asyncio.timeout(WAIT_S):
            while True:
                frame: dict[str, Any] = json.loads(await self._wire.recv())
                if frame["type"] == type_:
                    return frame
                if frame["type"] == "ping":
                    await self.say("pong", nonce=frame["nonce"])

    async def until_status(self, status: str) -> dict[str, Any]:
        """Return the next reply that has come to `status`."""
        while True:
            message: dict[str, Any] = (await self.until("message"))["message"]
            if message["role"] == "assistant" and message["status"] == status:
                return message

    async def closed(self) -> int | None:
        """Read to the end; return the code it is closed with."""
        async with asyncio.timeout(WAIT_S):
            while True:
                try:
                    await self._wire.recv()
                except ConnectionClosed as closed:
                    return closed.rcvd.code if closed.rcvd else None


class Browser:
    """A visitor of a served chat, with one session."""

    def __init__(self, served: Served) -> None:
        self._http = requests.Session()
        self._origin = Origin(served.url)
        self._http.get(f"{served.url}/api/me", timeout=10)
        headers = {"X-CSRFToken": self._http.cookies["csrftoken"], "Origin": served.url}
        answer = self._http.post(f"{served.url}/api/sessions", json={"name": "Ada"}, headers=headers, timeout=10)
        assert answer.status_code == 201, answer.text
        self.session: str = answer.json()["id"]

    def connect(self, served: Served) -> connect:
        """Return a WebSocket to come, to this process or another one."""
        address = served.url.replace("http", "ws") + f"/ws/chat/{self.session}/"
        headers = {"Cookie": f"sessionid={self._http.cookies['sessionid']}"}
        return connect(address, additional_headers=headers, origin=self._origin)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database of today's form."""
    server = Served(tmp_path_factory.mktemp("migrated"), DATABASE_URL="")
    server.manage("migrate", "--verbosity", "0")
    return server.data_dir / "chat.sqlite3"


@pytest.fixture
def served(tmp_path: Path, migrated: Path) -> Iterator[Served]:
    """A server that runs."""
    shutil.copy(migrated, tmp_path)
    server = Served(tmp_path, DATABASE_URL="")
    server.start()
    yield server
    server.kill()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library, which has one heap or frees its own")
def test_threads_have_no_heaps_of_their_own(served: Served) -> None:
    Browser(served)
    assert served.process is not None
    pid = served.process.pid
    assert len(list(Path(f"/proc/{pid}/task").iterdir())) > 2  # those that read and write
    assert heaps(pid) == 0


def heaps(pid: int) -> int:
    """Count heaps beside the main one: each begins at a multiple of 64 MB, and its rest is barred (glibc, arena.c)."""
    lines = [line.split()[:2] for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    spans = [(int(span.split("-")[0], 16), int(span.split("-")[1], 16), kind) for span, kind in lines]
    return sum(
        begin % (64 << 20) == 0 and (kind, rest) == ("rw-p", "---p") and end == after
        for (begin, end, kind), (after, _, rest) in itertools.pairwise(spans)
    )


async def test_at_sigterm_everyone_is_told_and_the_next_process_goes_on(served: Served) -> None:
    browser = Browser(served)
    async with browser.connect(served) as wire:
        line = Line(wire)
        await line.join()
        await line.say("send", client_id=str(uuid4()), text=WORDS)
        delta = await line.until("delta")
        began = time.monotonic()
        ending = asyncio.create_task(asyncio.to_thread(served.end))
        assert (await line.until("bye"))["retry_in_s"] > 0
        assert await line.closed() == Close.DRAINING
    assert await ending == 0
    assert time.monotonic() - began < 10
    await asyncio.to_thread(served.start)
    async with browser.connect(served) as wire:
        line = Line(wire)
        await line.join()
        await line.say("ping", after=1)
        reply = await line.until_status("complete")
    assert (reply["id"], reply["attempt"], reply["text"]) == (delta["message"], 2, WORDS)
    assert await asyncio.to_thread(served.end) == 0


async def test_frames_are_heard_in_their_order_whether_they_come_whole_in_parts_or_together(served: Served) -> None:
    browser = Browser(served)
    async with browser.connect(served) as wire:
        line = Line(wire)
        await line.join()
        keys = [str(uuid4()) for _ in range(8)]
        frames = [json.dumps({"type": "stop", "message": key, "attempt": 1}).encode() for key in keys]
        whole = [frame(each) for each in frames]
        cut = len(whole[1]) // 2
        for raw in (
            whole[0],
            whole[1][:cut],
            whole[1][cut:],
            whole[2] + whole[3],
            whole[4] + whole[5][:cut],
            whole[5][cut:] + whole[6],
            whole[7],
        ):
            wire.transport.write(raw)
            await asyncio.to_thread(requests.get, f"{served.url}/healthz", timeout=WAIT_S)  # by now it has come
        assert [(await line.until("error"))["message"] for _ in keys] == keys


async def test_what_is_no_text_ends_the_connection(served: Served) -> None:
    browser = Browser(served)
    async with browser.connect(served) as wire:
        line = Line(wire)
        await line.join()
        wire.transport.write(frame(b"\xff"))
        assert await line.closed() is None  # Autobahn ends it without a word


async def test_a_handshake_from_elsewhere_gets_403(served: Served) -> None:
    browser = Browser(served)
    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    url = f"{served.url}/ws/chat/{browser.session}/"

    def status(**headers: str) -> int:
        answer = requests.get(url, headers={**handshake, **headers}, timeout=10, stream=True)
        answer.close()
        return answer.status_code

    for origin in ("https://evil.example", "null"):
        assert await asyncio.to_thread(status, Origin=origin) == 403
    for origin in ("http://[::1", "http://localhost:port"):
        assert await asyncio.to_thread(status, Origin=origin) in {400, 403}
    assert await asyncio.to_thread(served.end, signal.SIGINT) == 0  # and no traceback


async def test_idle_with_redis_for_long_a_tab_still_hears_the_other_process(
    tmp_path: Path, migrated: Path, valkey: Valkey
) -> None:
    """Also: a process whose database is locked goes down all the same, meanwhile."""
    folders = [tmp_path / "shared", tmp_path / "stuck"]
    for folder in folders:
        folder.mkdir()
        shutil.copy(migrated, folder)
    here = Served(folders[0], REDIS_URL=valkey.url, DATABASE_URL="")
    there = Served(folders[0], REDIS_URL=valkey.url, DATABASE_URL="", ORIGINS=here.url)
    stuck = Served(folders[1], DATABASE_URL="")
    await asyncio.gather(*[asyncio.to_thread(server.start) for server in (here, there, stuck)])
    try:
        browser = Browser(here)
        async with browser.connect(here) as one, browser.connect(there) as other:
            lines = [Line(one), Line(other)]
            for line in lines:
                await line.join()
            await asyncio.gather(asyncio.sleep(16), asyncio.to_thread(end_while_locked, stuck))
            for line in lines:
                await line.say("ping", after=1)
                await line.until("pong")
            await lines[0].say("send", client_id=str(uuid4()), text="one two three")
            assert (await lines[1].until("delta"))["offset"] == 0
            replies = await asyncio.gather(*[line.until_status("complete") for line in lines])
            assert replies[0] == replies[1]
        for server in (here, there):
            assert await asyncio.to_thread(server.end) == 0
    finally:
        for server in (here, there, stuck):
            server.kill()


@asynccontextmanager
async def two_processes(
    folder: Path, migrated: Path, valkey: Valkey, **environment: str
) -> AsyncIterator[tuple[Served, Served]]:
    """Two servers on one database and one Valkey; the second takes the first one's pages."""
    shutil.copy(migrated, folder)
    environment |= {"REDIS_URL": valkey.url, "DATABASE_URL": ""}
    here = Served(folder, **environment)
    there = Served(folder, **environment, ORIGINS=here.url)
    await asyncio.gather(*[asyncio.to_thread(server.start) for server in (here, there)])
    try:
        yield here, there
    finally:
        for server in (here, there):
            server.kill()


async def test_tabs_count_at_all_processes_but_not_at_one_that_was_killed(
    tmp_path: Path, migrated: Path, valkey: Valkey
) -> None:
    async with two_processes(tmp_path, migrated, valkey, LIMIT_SOCKETS="2") as (here, there), AsyncExitStack() as stack:
        browser = Browser(here)

        async def third_is_refused() -> None:
            while True:  # it is let in, and ended for its silence, while a busy machine's Redis takes over a second
                async with browser.connect(there) as wire:
                    if await Line(wire).closed() == Close.TOO_MANY_SOCKETS:
                        return

        for _ in range(2):
            await Line(await stack.enter_async_context(browser.connect(here))).join()
        await third_is_refused()
        await asyncio.to_thread(here.kill)
        for _ in range(2):
            await Line(await stack.enter_async_context(browser.connect(there))).join()
        await third_is_refused()


async def test_a_tab_at_another_process_knows_its_place_in_line(tmp_path: Path, migrated: Path, valkey: Valkey) -> None:
    model = {"GPTJ_URL": "echo://?delay_s=0.1&concurrency=1"}  # WORDS take 6 s
    async with two_processes(tmp_path, migrated, valkey, **model) as (here, there):
        ada, bob = Browser(here), Browser(here)
        async with ada.connect(here) as hers, bob.connect(here) as his, bob.connect(there) as elsewhere:
            first, second, watching = Line(hers), Line(his), Line(elsewhere)
            for line in (first, second, watching):
                await line.join()
            await first.say("send", client_id=str(uuid4()), text=WORDS)
            await first.until("delta")
            await second.say("send", client_id=str(uuid4()), text="And me?")
            queued = await watching.until("queue")
            assert queued["position"] == 1
            async with bob.connect(there) as wire:
                late = Line(wire)
                await late.join()
                assert await late.until("queue") == queued  # asked for at the process that knows
            reply = await watching.until_status("complete")
            assert (reply["id"], reply["text"]) == (queued["message"], "And me?")


def end_while_locked(served: Served) -> None:
    """Let a server go down while its database is locked."""
    other = sqlite3.connect(served.data_dir / "chat.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert served.end() == 0
    other.rollback()
    other.close()


@pytest.mark.parametrize(
    ("processes", "redis_url", "said"), [(1, "", []), (3, "redis://localhost/0", []), (3, "", ["chat.E003"])]
)
def test_several_processes_need_redis(settings: LazySettings, processes: int, redis_url: str, said: list[str]) -> None:
    settings.WEB_CONCURRENCY, settings.REDIS_URL = processes, redis_url
    assert [message.id for message in check_processes()] == said


def test_a_server_may_hold_as_many_sockets_as_the_system_allows(served: Served) -> None:
    assert served.end() == 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        served.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert served.process is not None
    assert resource.prlimit(served.process.pid, resource.RLIMIT_NOFILE)[0] == min(hard, serve.OPEN_FILES)
    assert served.end() == 0


def test_a_second_process_without_redis_is_refused_while_the_first_lives(served: Served) -> None:
    second = Served(served.data_dir, DATABASE_URL="")
    ended = second.run("serve")
    assert ended.returncode == 1
    assert "Set REDIS_URL" in ended.stderr
    served.kill()
    second.start()
    assert second.end() == 0


def test_a_port_that_is_taken_is_told(tmp_path: Path, migrated: Path) -> None:
    shutil.copy(migrated, tmp_path)
    server = Served(tmp_path, DATABASE_URL="")
    with socket.create_server(("127.0.0.1", server.port)):
        ended = server.run("serve")
    assert ended.returncode == 1
    assert "it is in use" in ended.stderr
    assert "Traceback" not in ended.stderr
