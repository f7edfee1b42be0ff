"""A request's body that is too long is refused, by whichever server, before it is kept."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings
from django.test import Client

from chat.bodies import BodyCap
from chat.tests.servers import Served, until

LIMIT: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE


async def answered(headers: list[tuple[bytes, bytes]], *pieces: bytes) -> tuple[int, bytes]:
    """Return the status and the body with which a capped application answers; it says what it heard."""
    sent: list[Any] = []
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        heard, more = b"", True
        while more:
            piece = await receive()
            heard, more = heard + piece["body"], piece["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": heard})

    await BodyCap(echo, 10)({"type": "http", "headers": headers}, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def test_what_is_short_enough_passes_unchanged() -> None:
    assert await answered([], b"01234", b"56789") == (200, b"0123456789")
    assert await answered([(b"content-length", b"10")], b"0123456789") == (200, b"0123456789")


@pytest.mark.parametrize("said", [[(b"content-length", b"11")], [], [(b"content-length", b"-1")]])
async def test_what_is_too_long_or_turns_out_to_be_is_refused(said: list[tuple[bytes, bytes]]) -> None:
    status, body = await answered(said, b"01234", b"567890")
    assert status == 413
    assert b'"too_large"' in body


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_django_by_itself_refuses_alike(kind: str) -> None:
    response = Client().post("/api/sessions", b"a=" + b"x" * LIMIT, kind)
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server itself."""
    server = Served(tmp_path_factory.mktemp("bodies"))
    server.manage("migrate", "--verbosity", "0")
    server.start()
    yield server
    server.end()


def pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // 1024):
        yield b"x" * 1024


@pytest.mark.parametrize("said", [True, False])
def test_daphne_refuses_before_it_writes_anything_down(served: Served, said: bool) -> None:
    size = 2 * 1024 * 1024
    body = b"x" * size if said else pieces(size)
    response = requests.post(
        f"{served.url}/api/sessions", body, headers={"Content-Type": "application/json"}, timeout=10
    )
    assert (response.status_code, response.json()["code"]) == (413, "too_large")
    short = requests.post(f"{served.url}/api/sessions", {"name": "Ada"}, timeout=10)
    assert short.status_code != 413


def test_who_asks_first_is_told_before_the_body_is_sent(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(
            b"POST /api/sessions HTTP/1.1\r\nHost: localhost\r\n"
            b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"
        )
        assert line.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_who_sends_for_ever_is_cut_off(served: Served) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for piece in pieces(200 * LIMIT):
            sent += len(piece)
            yield piece

    with contextlib.suppress(requests.ConnectionError):
        assert requests.post(f"{served.url}/api/sessions", endless(), timeout=30).status_code == 413
    assert sent < 150 * LIMIT


def test_who_hangs_up_in_the_midst_leaves_nothing(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as line:
        line.sendall(b"POST /api/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 125000\r\n\r\n" + b"x" * 1000)
        until(lambda: bool(bodies_kept(served)), "The body is not taken in")
    until(lambda: not bodies_kept(served), "The body is kept")


def test_nothing_of_it_is_left(served: Served) -> None:
    until(lambda: not bodies_kept(served), "Bodies are kept")


def bodies_kept(served: Served) -> list[str]:
    """Return the files without a name that the server has open."""
    assert served.process is not None
    open_files = []
    for path in Path(f"/proc/{served.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            open_files.append(str(path.readlink()))
    return [path for path in open_files if path.endswith("(deleted)")]
