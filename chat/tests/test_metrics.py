"""What is counted, who may read it, and that no label holds an id or text."""

import asyncio
import re
import time
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client
from prometheus_client import REGISTRY, generate_latest

from chat import threads
from chat.faults import Outage
from chat.metrics import reply_ended, socket_closed
from chat.process import _watch_loop
from chat.protocol import Close
from chat.tests.conftest import Person
from chat.tests.talking import Talk
from gptj.backends.scripted import Scripted
from gptj.exceptions import BackendTimeout

TOKEN = "a token that nobody guesses"


def value(name: str, **labels: str) -> float:
    """Return a figure as it is now; 0 while nobody has counted it."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_conversation_is_counted_from_socket_to_tokens(serving: Scripted, ada: Person) -> None:
    before = {name: value(name, model="default", **more) for name, more in REPLY.items()}
    closed = value("chat_socket_closes_total", code="1000")
    tab = await ada.open(await ada.begin())
    assert value("chat_sockets") == 1
    serving.script("Hel", "lo")
    client_id = uuid4()
    await tab.send("Hi", client_id)
    await tab.until_status("complete")
    assert {name: value(name, model="default", **more) - before[name] for name, more in REPLY.items()} == {
        "chat_replies_total": 1,
        "chat_first_token_seconds_count": 1,
        "chat_queued_seconds_count": 1,
        "chat_reply_seconds_count": 1,
    }
    duplicates = value("chat_duplicates_refused_total")
    assert (await tab.send("Hi", client_id))["duplicate"]
    assert value("chat_duplicates_refused_total") == duplicates + 1
    await tab.leave()
    ada.tabs.remove(tab)
    assert value("chat_sockets") == 0
    assert value("chat_socket_closes_total", code="1000") == closed + 1


REPLY = {
    "chat_replies_total": {"status": "complete"},
    "chat_first_token_seconds_count": {},
    "chat_queued_seconds_count": {},
    "chat_reply_seconds_count": {},
}


async def test_a_tab_that_comes_back_is_a_resume_and_a_first_one_is_not(ada: Person) -> None:
    session = await ada.begin()
    before = value("chat_resumes_total", how="continued"), value("chat_resumes_total", how="reset")
    await (await ada.connect(session)).hello()
    assert (value("chat_resumes_total", how="continued"), value("chat_resumes_total", how="reset")) == before
    await (await ada.connect(session)).hello(after=1)
    await (await ada.connect(session)).hello(after=999)
    assert value("chat_resumes_total", how="continued") == before[0] + 1
    assert value("chat_resumes_total", how="reset") == before[1] + 1


async def test_what_goes_wrong_with_a_model_is_counted_by_its_code(serving: Scripted, ada: Person) -> None:
    before = value("chat_model_errors_total", model="default", code="upstream_timeout")
    tab = await ada.open(await ada.begin())
    serving.script(BackendTimeout("Too slow."))
    await tab.send("Hi")
    await tab.until_status("failed")
    assert value("chat_model_errors_total", model="default", code="upstream_timeout") == before + 1


async def test_what_is_refused_is_counted_by_its_code(ada: Person) -> None:
    before = value("chat_refusals_total", code="bad_frame")
    closed = value("chat_socket_closes_total", code="4503")
    tab = await ada.open(await ada.begin())
    for _ in range(3):
        await tab.say("nonsense")
    assert await tab.closed() == Close.BAD_FRAMES
    await tab.leave()
    ada.tabs.remove(tab)
    assert value("chat_refusals_total", code="bad_frame") == before + 3
    assert value("chat_socket_closes_total", code="4503") == closed + 1


def test_a_part_that_does_not_answer_is_counted_each_time() -> None:
    outage, before = Outage("A part", "cache"), value("chat_part_failures_total", part="cache")
    outage.failed(OSError())
    outage.failed(OSError())
    assert value("chat_part_failures_total", part="cache") == before + 2


async def test_database_work_is_timed(transactional_db: None) -> None:
    before = value("chat_database_seconds_count", pool="read")
    await threads.read(Talk.begin)
    threads.close()
    assert value("chat_database_seconds_count", pool="read") == before + 1
    assert value("chat_database_wait_seconds_count", pool="read") >= before + 1


async def test_a_busy_event_loop_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.process.LAG_S", 0.01)
    late = value("chat_event_loop_lag_seconds_sum")
    watching = asyncio.create_task(_watch_loop())
    await asyncio.sleep(0)
    time.sleep(0.1)  # noqa: ASYNC251 (this is the fault that is to be seen)
    await asyncio.sleep(0.02)  # timers run in their order, so the watcher's came before
    watching.cancel()
    assert value("chat_event_loop_lag_seconds_sum") - late > 0.05


@pytest.mark.parametrize(
    ("code", "label"), [(Close.SILENT, "4002"), (1006, "1006"), (4999, "other"), (0, "other"), (4123, "other")]
)
def test_a_client_cannot_make_labels(code: int, label: str) -> None:
    before = value("chat_socket_closes_total", code=label)
    socket_closed(code)
    assert value("chat_socket_closes_total", code=label) == before + 1


async def test_no_label_holds_an_id_or_text(serving: Scripted, ada: Person) -> None:
    session = await ada.begin("Canaria", title="canary title")
    tab = await ada.open(session)
    serving.script("canary reply")
    await tab.send("canary message")
    await tab.until_status("complete")
    await ada.browser.get(f"/api/sessions/{session}?canary=1")
    await ada.browser.get("/c/canary")
    await ada.browser.get("/canary")
    told = generate_latest().decode()
    assert 'route="api/sessions/<session>"' in told
    assert "canar" not in told.lower()
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", told)
    reply_ended("default", "stopped")


# --- GET /metrics ----------------------------------------------------------------------------------------------------


def status(address: str = "127.0.0.1", **headers: str) -> int:
    """Return what somebody at an address is answered."""
    return (Client().get("/metrics", headers=headers, REMOTE_ADDR=address)).status_code


def test_this_machine_may_read_them_and_nobody_else(settings: LazySettings) -> None:
    settings.METRICS_TOKEN = ""
    assert status() == 200
    assert status("::1") == 200
    assert status("203.0.113.9") == 401
    assert status("203.0.113.9", authorization="Bearer ") == 401


def test_who_has_the_token_may_read_them(settings: LazySettings) -> None:
    settings.METRICS_TOKEN = TOKEN
    assert status("203.0.113.9", authorization=f"Bearer {TOKEN}") == 200
    for wrong in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer", "Bearer é"):
        assert status("203.0.113.9", authorization=wrong) == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_a_proxy_on_this_machine_is_not_this_machine(settings: LazySettings, header: str) -> None:
    settings.METRICS_TOKEN = TOKEN
    assert status(**{header: "203.0.113.9"}) == 401
    assert status(**{header: "203.0.113.9", "authorization": f"Bearer {TOKEN}"}) == 200
