"""The wire as a stranger to the page uses it: what is refused, how, and what never disturbs others."""

import json
import sqlite3
import time
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import InvalidStatus

from tests_e2e.served import Served
from tests_e2e.visitor import Visitor

BAD_FRAMES: dict[str, str | bytes] = {
    "not JSON": "hello",
    "empty": "",
    "a list": "[]",
    "binary": b'{"type": "ping", "after": 0}',
    "no type": "{}",
    "unknown type": '{"type": "shout"}',
    "unknown field": '{"type": "ping", "after": 0, "colour": "red"}',
    "missing field": '{"type": "ping"}',
    "wrong type of a field": '{"type": "ping", "after": "0"}',
    "not an id": '{"type": "stop", "message": "1", "attempt": 1}',
    "a number that is none": '{"type": "ping", "after": NaN}',
    "40 KB": json.dumps({"type": "send", "client_id": str(uuid4()), "text": "x" * 40_000}),
    "30,000 deep": "[" * 15_000 + "]" * 15_000,
    "objects 5,000 deep": '{"type":' * 5_000 + "1" + "}" * 5_000,
}


@pytest.fixture
def visitor(echo: Served) -> Visitor:
    return Visitor(echo.url)


@pytest.mark.parametrize("frame", BAD_FRAMES.values(), ids=BAD_FRAMES.keys())
def test_a_bad_frame_is_answered_and_the_connection_goes_on(visitor: Visitor, frame: str | bytes) -> None:
    with visitor.connect(visitor.open_session()) as socket:
        socket.send(frame)
        assert socket.receive("error")["code"] in {"bad_frame", "too_large"}
        socket.send({"type": "ping", "after": 0})
        socket.receive("pong")


def test_the_third_bad_frame_ends_the_connection(visitor: Visitor) -> None:
    with visitor.connect(visitor.open_session()) as socket:
        for _ in range(3):
            socket.send("[]")
        assert socket.close_code() == 4503
        assert [frame["code"] for frame in socket.seen if frame["type"] == "error"][:2] == ["bad_frame"] * 2


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://127.0.0.1:1"])
def test_a_handshake_from_elsewhere_is_403(visitor: Visitor, origin: str) -> None:
    session = visitor.open_session()
    with pytest.raises(InvalidStatus) as refused, visitor.connect(session, origin=origin):
        pass
    assert refused.value.response.status_code == 403


def test_a_client_that_is_no_browser_needs_no_origin_but_the_cookie(visitor: Visitor) -> None:
    session = visitor.open_session()
    with visitor.connect(session, origin=None) as socket:
        assert socket.seen
    with Visitor(visitor.url).connect(session, origin=None, hello=False) as socket:
        assert socket.close_code() == 4500


@pytest.fixture(params=["another's", "unknown", "no id"])
def foreign_session(request: pytest.FixtureRequest, echo: Served) -> str:
    match request.param:
        case "another's":
            return Visitor(echo.url).open_session()
        case "unknown":
            return str(uuid4())
        case _:
            return "1"


def test_what_is_not_ours_is_not_there_over_http(visitor: Visitor, foreign_session: str) -> None:
    visitor.open_session()
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"title": "mine"}),
        ("DELETE", "", None),
        ("GET", "/messages", None),
    ):
        answer = visitor.call(method, f"/api/sessions/{foreign_session}{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, path)
        assert foreign_session not in answer.json()["detail"]


def test_what_is_not_ours_is_not_there_over_the_socket(visitor: Visitor, foreign_session: str) -> None:
    visitor.open_session()
    with visitor.connect(foreign_session, hello=False) as socket:
        assert socket.close_code() == 4500
        (told,) = socket.seen
        assert (told["type"], told["code"]) == ("error", "not_found")


def test_each_unsafe_path_wants_the_csrf_token(visitor: Visitor) -> None:
    session = visitor.open_session()
    paths = visitor.call("GET", "/api/openapi.json").json()["paths"]
    unsafe = [
        (method.upper(), path) for path, methods in paths.items() for method in methods if method not in {"get", "head"}
    ]
    assert len(unsafe) >= 3
    for method, path in unsafe:
        filled = path.replace("{session_id}", session)
        answer = visitor.call(method, filled, csrf=False, json={})
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf"), (method, path)


def test_a_locked_database_does_not_delay_another_tab(echo: Served) -> None:
    reader, writer = Visitor(echo.url), Visitor(echo.url)
    with reader.connect(reader.open_session()) as reading, writer.connect(writer.open_session()) as writing:
        reply = reading.say("word " * 150)  # 4.5 s of deltas
        reading.receive("delta")
        with sqlite3.connect(echo.data_dir / "chat.sqlite3", isolation_level=None) as lock:
            lock.execute("BEGIN IMMEDIATE")
            writing.send({"type": "send", "client_id": str(uuid4()), "text": "waits for the lock"})
            gaps = _gaps(reading, for_s=3)
            lock.execute("ROLLBACK")
        lock.close()
        writing.receive("ack")
        assert reading.ended(reply)["status"] == "complete"
    assert len(gaps) > 50
    assert max(gaps) < 0.5, f"the longest wait for a delta was {max(gaps):.2f} s"


def _gaps(socket: Any, *, for_s: float) -> list[float]:
    """Return the seconds between the deltas that come in `for_s`."""
    gaps, last, until = [], time.monotonic(), time.monotonic() + for_s
    while time.monotonic() < until:
        socket.receive("delta")
        gaps.append(time.monotonic() - last)
        last = time.monotonic()
    return gaps
