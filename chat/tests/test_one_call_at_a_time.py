"""A server that takes one call at a time, and several processes at it: whose turn it is stands in a real Valkey."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from django.conf import settings

from chat.tests.servers import Valkey
from gptj.tests.fault_server import FaultServer, Request, is_json

ANSWER = is_json(200, {"model": "GPT-J-6B", "compute_time": 0.3, "text": " Hello."})
CALL_S = 1.0  # so long the server takes


class OneByOne(FaultServer):
    """A GPT-J API that notes how many calls it had at once."""

    now = most = 0

    async def slowly(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Answer after CALL_S."""
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(CALL_S)
        finally:
            self.now -= 1
        await ANSWER(request, writer)


@pytest.fixture
async def server() -> AsyncIterator[OneByOne]:
    async with OneByOne() as running:
        running.answer = running.slowly
        yield running


async def ask(server: OneByOne, redis_url: str, folder: Path) -> Process:
    """Start `manage.py prompt` in a process of its own."""
    environment = {
        **os.environ,
        "SECRET_KEY": settings.SECRET_KEY,
        "DATA_DIR": str(folder),
        "GPTJ_URL": f"gptj+{server.url}",
        "REDIS_URL": redis_url,
    }
    command = [sys.executable, "manage.py", "prompt", "Hi"]
    return await asyncio.create_subprocess_exec(
        *command, cwd=settings.BASE_DIR, env=environment, stdout=PIPE, stderr=PIPE
    )


async def answers(asking: list[Process]) -> list[str]:
    """Return what each printed."""
    return [out.decode() for out, _ in await asyncio.gather(*(process.communicate() for process in asking))]


async def test_processes_call_one_after_another(server: OneByOne, valkey: Valkey, tmp_path: Path) -> None:
    asking = [await ask(server, valkey.url, tmp_path) for _ in range(4)]
    assert await answers(asking) == ["Hello.\n"] * 4
    assert server.most == 1


async def test_one_that_was_killed_in_its_turn_does_not_keep_the_others_out(
    server: OneByOne, valkey: Valkey, tmp_path: Path
) -> None:
    called, hanging = asyncio.Event(), asyncio.Event()

    async def hangs(_request: Request, _writer: asyncio.StreamWriter) -> None:
        called.set()
        await hanging.wait()

    server.answers = [hangs]
    killed = await ask(server, valkey.url, tmp_path)
    await called.wait()
    killed.kill()
    await killed.wait()
    with valkey.client() as client:
        (name,) = client.keys("*gptj.turn.*")
        assert 0 < client.pttl(name) <= 15_000
        client.pexpire(name, 500)  # as if the rest of its lease had passed
    assert await answers([await ask(server, valkey.url, tmp_path)]) == ["Hello.\n"]


async def test_without_valkey_they_are_answered_all_the_same(
    server: OneByOne, unused_tcp_port: int, tmp_path: Path
) -> None:
    asking = [await ask(server, f"redis://127.0.0.1:{unused_tcp_port}/0", tmp_path) for _ in range(2)]
    assert await answers(asking) == ["Hello.\n"] * 2
