"""A key and words that nobody else writes, sent through a whole server: they come out nowhere that they should not."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest
import requests
from django.conf import settings
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from chat.tests.servers import Served

KEY = "canary-key-7Yq2Lm9Xw4Zt"  # in every key and token
WORDS = "canary-words-5Hd8Kp3Rv6Bn"  # in everything that somebody writes


class Rude(BaseHTTPRequestHandler):
    """A model's server that sends back whatever it got, the key and the words too, as an error."""

    def do_POST(self) -> None:
        """Fail, and say so at length."""
        heard = self.rfile.read(int(self.headers["Content-Length"])).decode()
        body = json.dumps({"error": {"message": f"{dict(self.headers)} {heard}"}}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Say nothing."""


@contextmanager
def rude_model() -> Iterator[str]:
    """Serve it; the value is its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Rude) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"openai+http://127.0.0.1:{server.server_port}/v1?model=rude"
        server.shutdown()


@pytest.fixture(scope="module", params=["json", "console"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """All that a server tells an operator, or somebody whom it refuses, by where it tells it."""
    folder = tmp_path_factory.mktemp("canary")
    with rude_model() as url:
        server = Served(
            folder,
            LOG_FORMAT=request.param,
            GPTJ_URL=url,
            GPTJ_API_KEY=KEY,
            SECRET_KEY=f"{KEY}-and-enough-more-to-sign-cookies-with-it",
            METRICS_TOKEN=f"{KEY}-metrics",
        )
        server.manage("migrate", "--verbosity", "0")
        server.start()
        errors = list(misuse(server))
        hear_names(server)
        metrics = requests.get(f"{server.url}/metrics", timeout=10).text
        server.end()
    assert "chat_model_errors_total" in metrics
    log = server.log.read_text()
    assert "A reply ended" in log
    assert "upstream_rejected" in log
    return {"log": log, "metrics": metrics, "errors": "\n".join(errors)}


def misuse(server: Served) -> Iterator[str]:
    """Say the words wherever words can be said, and give the errors that come back."""
    browser = requests.Session()
    browser.get(f"{server.url}/api/me", timeout=10)
    browser.headers["X-CSRFToken"] = browser.cookies["csrftoken"]
    api = f"{server.url}/api"
    made = browser.post(f"{api}/sessions", json={"name": WORDS, "title": WORDS, "system_prompt": WORDS}, timeout=10)
    session = made.json()["id"]
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    address = f"{server.url.replace('http', 'ws')}/ws/chat/{session}/"
    with connect(address, additional_headers={"Cookie": cookies, "Origin": server.url}) as wire:
        yield from converse(wire)
    assert browser.get(f"{api}/search", params={"q": WORDS}, timeout=10).status_code == 200
    for method, path, body in (
        ("GET", f"{server.url}/{WORDS}?q={WORDS}", None),
        ("GET", f"{api}/{WORDS}", None),
        ("POST", f"{api}/sessions", f"{{{WORDS}"),
        ("POST", f"{api}/sessions", json.dumps({"title": [WORDS]})),
        ("PATCH", f"{api}/sessions/{session}", json.dumps({"sampling": {"temperature": WORDS}})),
        ("PATCH", f"{api}/sessions/{session}", json.dumps({"nonsense": WORDS})),
        ("POST", f"{api}/sessions", WORDS * 8_000),
        ("POST", f"{server.url}/admin/login/", json.dumps({"username": "x", "password": WORDS})),
    ):
        headers = {"Content-Type": "application/json", "X-Request-ID": WORDS, "Authorization": f"Bearer {KEY}"}
        refused = browser.request(method, path, data=body, headers=headers, timeout=10)
        yield refused.text.replace(browser.cookies["csrftoken"], "")
    strange = requests.get(f"{server.url}/metrics", headers={"X-Forwarded-For": "203.0.113.9"}, timeout=10)
    assert strange.status_code == 401
    yield strange.text


def hear_names(server: Served) -> None:
    """Say the words as names of fields, which errors tell their sender again: only that they stay between the two."""
    browser = requests.Session()
    browser.get(f"{server.url}/api/me", timeout=10)
    headers = {"X-CSRFToken": browser.cookies["csrftoken"]}
    refused = browser.post(f"{server.url}/api/sessions", json={"name": "x", WORDS: 1}, headers=headers, timeout=10)
    assert (refused.status_code, WORDS in refused.text) == (422, True)
    made = browser.post(f"{server.url}/api/sessions", json={"name": "x"}, headers=headers, timeout=10).json()
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    address = f"{server.url.replace('http', 'ws')}/ws/chat/{made['id']}/"
    with connect(address, additional_headers={"Cookie": cookies, "Origin": server.url}) as wire:
        wire.send(json.dumps({"type": "hello", "after": 0, WORDS: WORDS}))
        assert WORDS in json.loads(wire.recv(timeout=10))["detail"]


def converse(wire: ClientConnection) -> Iterator[str]:
    """Ask the model, which fails, and then say nonsense; give the errors."""
    wire.send(json.dumps({"type": "hello", "after": 0}))
    wire.send(json.dumps({"type": "send", "client_id": str(uuid4()), "text": WORDS}))
    while True:
        frame = json.loads(wire.recv(timeout=10))
        if frame["type"] == "message" and frame["message"]["error"]:
            yield json.dumps(frame["message"]["error"])
            break
    with suppress(ConnectionClosed):
        for nonsense in (
            WORDS,
            json.dumps({"type": WORDS, WORDS: WORDS}),
            json.dumps({"type": "send", "text": [WORDS]}),
        ):
            wire.send(nonsense)
        while True:
            frame = json.loads(wire.recv(timeout=10))
            if frame["type"] == "error":
                yield json.dumps(frame)


@pytest.mark.parametrize("place", ["log", "metrics", "errors"])
@pytest.mark.parametrize("canary", [KEY, WORDS])
def test_no_canary_comes_out(told: dict[str, str], place: str, canary: str) -> None:
    found = [line for line in told[place].splitlines() if canary in line]
    assert found == []


def test_the_built_page_holds_no_key(tmp_path: Path) -> None:
    path = f"{settings.BASE_DIR / '.venv' / 'bin'}:{os.environ['PATH']}"  # where Node.js is, if the system has none
    npx = shutil.which("npx", path=path)
    assert npx is not None
    secrets = {"SECRET_KEY": KEY, "METRICS_TOKEN": KEY, "GPTJ_API_KEY": KEY, "DATA_DIR": KEY}
    environment = {**os.environ, **secrets, "PATH": path}
    command = [npx, "vite", "build", "--outDir", str(tmp_path), "--emptyOutDir", "--logLevel", "error"]
    subprocess.run(command, cwd=settings.BASE_DIR / "frontend", env=environment, check=True)
    built = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(built) > 10
    assert [path.name for path in built if KEY.encode() in path.read_bytes()] == []
