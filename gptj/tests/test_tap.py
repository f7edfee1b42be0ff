"""A streamed answer that nobody reads for a while: it waits in the kernel, bounded, and nothing of it is lost."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from gptj.backends.http import Deadline, Patience, Server
from gptj.backends.tap import Tap
from gptj.exceptions import StreamIncomplete
from gptj.tests.fault_server import FaultServer, head, says

PATIENCE = Patience(connect_s=5, first_token_s=5, gap_s=5, total_s=20)
BLOCK = b"x" * 50_000
A_WHILE_S = 0.2


@pytest.fixture
async def client(server: FaultServer) -> AsyncIterator[Server]:
    """Who asks the server."""
    client = Server(server.url, patience=PATIENCE)
    yield client
    await client.close()


async def heard(client: Server) -> bytes:
    """Return all of an answer, read as replies are."""
    deadline = Deadline(PATIENCE)
    async with client.request("POST", client.url, deadline) as response:
        return b"".join([chunk async for chunk in client.chunks(response, deadline)])


async def waits(response: aiohttp.ClientResponse) -> int:
    """Return how many bytes came in while nobody read."""
    before = response.content.total_bytes
    await asyncio.sleep(A_WHILE_S)
    return response.content.total_bytes - before


async def test_nothing_comes_in_while_nobody_reads(client: Server, server: FaultServer) -> None:
    written = 0

    async def floods(_request: object, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(head())
        while True:
            writer.write(BLOCK)
            await writer.drain()
            written += len(BLOCK)

    server.answer = floods
    deadline = Deadline(PATIENCE)
    async with client.request("POST", client.url, deadline) as response:
        tap = Tap(response)
        await response.content.readany()
        tap.shut()
        assert await waits(response) == 0
        held = written
        await asyncio.sleep(A_WHILE_S)
        assert written == held  # the server waits, too
        tap.draw()
        assert response.content.read_nowait()
        tap.open()
        assert await waits(response) > 0


async def test_all_of_an_answer_is_read_in_as_many_draws_as_it_takes(client: Server, server: FaultServer) -> None:
    server.answer = says(head(), b"first ", A_WHILE_S, *[BLOCK] * 10, b" last")
    assert await heard(client) == b"first " + BLOCK * 10 + b" last"


async def test_a_server_that_writes_fast_is_read_fast(client: Server, server: FaultServer) -> None:
    server.answer = says(head(), *[BLOCK] * 40)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert len(await heard(client)) == 40 * len(BLOCK)
    assert loop.time() - began < 2  # by pieces of 16 KB, one a pause, it would take 5


async def test_a_length_and_chunks_end_an_answer_too(client: Server, server: FaultServer) -> None:
    begun = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    server.answer = says(begun + b"Content-Length: 8\r\n\r\none ", 0.01, b"two ")
    assert await heard(client) == b"one two "
    server.answer = says(begun + b"Transfer-Encoding: chunked\r\n\r\n4\r\none \r\n", 0.01, b"4\r\ntwo \r\n0\r\n\r\n")
    assert await heard(client) == b"one two "


async def test_the_last_answers_connection_is_closed_even_if_the_server_would_keep_it(
    client: Server, server: FaultServer
) -> None:
    server.answer = says(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\none ", 0.01, b"two ", PATIENCE.total_s)
    deadline = Deadline(PATIENCE)
    async with client.request("POST", client.url, deadline, last=True) as response:
        assert [chunk async for chunk in client.chunks(response, deadline)] == [b"one ", b"two "]
    await asyncio.wait_for(server.ended.wait(), 1)


async def test_a_line_that_is_cut_while_nobody_reads_is_found_out(client: Server, server: FaultServer) -> None:
    server.answer = says(head(200, "text/event-stream", "Content-Length: 100"), b"one ", 0.01, ConnectionResetError())
    with pytest.raises(StreamIncomplete):
        await heard(client)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A new certificate of localhost's own, in one file with its key."""
    path = tmp_path / "certificate.pem"
    wanted = "req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /CN=localhost"
    command = ["openssl", *wanted.split(), "-addext", "subjectAltName=DNS:localhost", "-keyout", str(path), "-out", "-"]
    made = subprocess.run(command, check=True, capture_output=True).stdout
    path.write_bytes(path.read_bytes() + made)
    return path


async def test_with_tls_it_stays_open(certificate: Path) -> None:
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(certificate)

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head() + b"one ")
        await asyncio.sleep(A_WHILE_S / 2)
        writer.write(b"two")
        writer.close()

    async with (
        await asyncio.start_server(answers, "localhost", 0, ssl=ours) as listening,
        aiohttp.ClientSession() as session,
        session.get(
            f"https://localhost:{listening.sockets[0].getsockname()[1]}",
            ssl=ssl.create_default_context(cafile=certificate),
        ) as response,
    ):
        tap = Tap(response)
        assert await response.content.readany() == b"one "
        tap.shut()
        assert await waits(response) == len(b"two")
        tap.draw()
        tap.open()
        assert await response.content.read() == b"two"


async def test_a_shut_connection_is_not_opened_by_reading_what_was_drawn(client: Server, server: FaultServer) -> None:
    server.answer = says(head(), b"one ", A_WHILE_S / 2, b"two ", A_WHILE_S, b"three")
    deadline = Deadline(PATIENCE)
    async with client.request("POST", client.url, deadline) as response:
        tap = Tap(response)
        assert await response.content.readany() == b"one "
        tap.shut()
        await asyncio.sleep(A_WHILE_S)
        tap.draw()
        assert response.content.read_nowait() == b"two "
        assert await waits(response) == 0
        tap.open()
        assert await response.content.read() == b"three"
