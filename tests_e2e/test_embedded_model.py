"""The model that comes along: it begins soon, stays small, and when it is killed the reply fails honestly."""

import os
import signal
import time
from pathlib import Path

from tests_e2e.served import Served
from tests_e2e.visitor import Visitor

LONG = "Write a long story about a lighthouse keeper and the sea."


def test_the_model_begins_to_answer_within_a_second(embedded: Served) -> None:
    """At best of three times: other work on this machine only ever delays it."""
    visitor = Visitor(embedded.url)
    first_token_ms = []
    for _ in range(3):
        with visitor.connect(visitor.open_session()) as socket:
            message = socket.ended(socket.say("What is the capital of France?"), within_s=60)
        assert "Paris" in message["text"]
        first_token_ms.append(message["usage"]["first_token_ms"])
    assert min(first_token_ms) < 1_000 * _patience()


def test_the_server_and_its_model_stay_small(embedded: Served) -> None:
    (model,) = embedded.children()
    assert _resident_mb(embedded.process.pid) < 120
    assert _resident_mb(model) < 300


def test_a_killed_model_fails_the_reply_and_retry_works_within_three_seconds(embedded: Served) -> None:
    visitor = Visitor(embedded.url)
    with visitor.connect(visitor.open_session()) as socket:
        reply = socket.say(LONG)
        socket.receive("delta")
        (model,) = embedded.children()
        os.kill(model, signal.SIGKILL)
        failed = socket.ended(reply)
        assert failed["status"] == "failed"
        assert failed["error"]["code"] in {"upstream_unavailable", "upstream_incomplete"}
        assert failed["text"]
        began = time.monotonic()
        socket.send({"type": "retry", "message": reply, "attempt": failed["attempt"]})
        delta = socket.receive(
            "delta", lambda frame: frame["message"] == reply and frame["attempt"] > failed["attempt"]
        )
        assert time.monotonic() - began < 3 * _patience()
        socket.send({"type": "stop", "message": reply, "attempt": delta["attempt"]})
        assert socket.ended(reply)["status"] == "stopped"


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _patience() -> float:
    """Return how much longer things may take since other work keeps the machine's processors busy."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
