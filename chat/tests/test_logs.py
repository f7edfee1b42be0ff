"""Log lines, for people and for programs: what they hold and what they never do."""

import asyncio
import contextvars
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog
from channels.routing import get_default_application
from django.conf import LazySettings
from django.db import DataError, OperationalError
from django.test import AsyncClient
from pydantic import TypeAdapter, ValidationError

from chat import logs
from chat.logs import Console, Json, bind, mark
from chat.tests.conftest import Person
from gptj.backends.scripted import Scripted

BASE_DIR = Path(__file__).parents[2]
SECRET = "sk-canary-key-1234567890"
SAID = "what somebody wrote"


@pytest.fixture(autouse=True)
def _nothing_bound() -> None:
    """Forget what requests of other tests have bound: Django's test client makes them in the test's own context."""
    structlog.contextvars.clear_contextvars()


@pytest.fixture(params=[Console, Json])
def formatter(request: pytest.FixtureRequest) -> logging.Formatter:
    """Each of the two."""
    made: logging.Formatter = request.param()
    return made


def record(
    message: str = "It happened",
    *args: Any,
    name: str = "chat.test",
    error: BaseException | None = None,
    **more: Any,
) -> logging.LogRecord:
    """Return a record as a logger makes it where an error is handled, if there is one."""
    handled = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord(name, logging.INFO, "test.py", 1, message, args, handled)
    vars(made).update(more)
    return made


def test_a_line_for_people_says_when_where_and_what() -> None:
    line = Console().format(record("It %s", "rained", model="default", ms=12))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d [\d:,]+ INFO    chat\.test: It rained model=default ms=12", line)


def test_a_line_on_a_terminal_is_in_colours() -> None:
    key = uuid4()
    line = Console(coloured=True).format(record("It rained", session=str(key)))
    assert "\x1b[32mINFO" in line
    assert mark(key) in line
    plain = re.sub(r"\x1b\[\d+m", "", line)
    assert plain.endswith(f" INFO    chat.test: It rained session={mark(key)}")


def test_only_a_terminal_is_written_to_in_colours() -> None:
    controller, terminal = os.openpty()
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c"]
    command.append("import logging; logging.getLogger('chat.test').warning('It rained')")
    subprocess.run(command, cwd=BASE_DIR, env={**os.environ, "LOG_FORMAT": "console"}, stderr=terminal, check=True)
    seen = os.read(controller, 1000).decode()
    os.close(terminal)
    os.close(controller)
    piped = subprocess.run(command, cwd=BASE_DIR, env={**os.environ, "LOG_FORMAT": "console"}, stderr=-1, check=True)
    assert "\x1b[33mWARNING" in seen
    assert b"WARNING chat.test: It rained" in piped.stderr
    assert b"\x1b" not in piped.stderr


def test_a_line_for_programs_is_one_object() -> None:
    line = Json().format(record("It %s", "rained", model="default", ms=12))
    assert "\n" not in line
    found = json.loads(line)
    assert found.pop("time").endswith("+00:00")
    assert found == {"level": "INFO", "logger": "chat.test", "message": "It rained", "model": "default", "ms": 12}


def test_ids_are_marks_wherever_they_stand(formatter: logging.Formatter) -> None:
    key = uuid4()
    line = formatter.format(record("%s and %s", key, str(key).upper(), session=str(key)))
    assert str(key) not in line.lower()
    assert line.count(mark(key)) == 3


def test_a_mark_stays_as_long_as_the_key_does(settings: LazySettings) -> None:
    key = uuid4()
    before = mark(key)
    assert re.fullmatch("[0-9a-f]{12}", before)
    assert mark(str(key)) == before
    assert mark(uuid4()) != before
    settings.SECRET_KEY = "another key"
    assert mark(key) != before


def test_no_key_is_told(formatter: logging.Formatter, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SECRET_KEY = f"{SECRET}-0"
    settings.METRICS_TOKEN = f"{SECRET}-1"
    settings.GPTJ_MODELS = {"default": {"URL": "echo://", "API_KEY": f"{SECRET}-2"}}
    settings.REDIS_URL = f"redis://:{SECRET}-3@redis:6379/0"
    monkeypatch.setitem(settings.DATABASES["default"], "PASSWORD", f"{SECRET}-4")
    message = " ".join(f"{SECRET}-{n}" for n in range(5))
    line = formatter.format(record(message, header=f"Bearer {SECRET}-1", error=OSError(f"{SECRET}-2")))
    assert SECRET not in line
    assert line.count("[key]") == 7


def test_a_key_is_blotted_out_whatever_it_is_made_of(formatter: logging.Formatter, settings: LazySettings) -> None:
    settings.METRICS_TOKEN = 'schlüssel "canary"'
    line = formatter.format(record("%s", settings.METRICS_TOKEN, header=settings.METRICS_TOKEN))
    assert "canary" not in line
    assert line.count("[key]") == 2


def test_a_line_of_structlog_s_own_loggers_is_as_discreet(lines: StringIO) -> None:
    key = uuid4()
    error = ValueError(SAID)
    structlog.get_logger("chat.test").error("It failed: %s", error, session=str(key), exc_info=error)
    (line,) = [json.loads(line.lstrip("\0")) for line in lines.getvalue().splitlines() if "It failed" in line]
    assert (line["level"], line["logger"], line["session"]) == ("ERROR", "chat.test", mark(key))
    assert "ValueError: [withheld]" in line["exception"]
    assert SAID not in str(line)


def quoting() -> list[BaseException]:
    """Return errors whose message quotes what somebody wrote."""
    try:
        TypeAdapter(int).validate_python(SAID)
    except ValidationError as error:
        found = error
    return [found, ValueError(SAID), KeyError(SAID), AssertionError(SAID), DataError(f"row ({SAID})")]


@pytest.mark.parametrize("error", quoting(), ids=lambda error: type(error).__name__)
def test_an_error_that_quotes_says_where_it_arose_and_no_more(
    formatter: logging.Formatter, error: BaseException
) -> None:
    with pytest.raises(RuntimeError) as broke:
        _break(error)
    line = formatter.format(record("It failed: %s", error, error=broke.value))
    assert SAID not in line
    assert type(error).__name__ in line
    assert "RuntimeError: It broke" in line
    assert "test_logs.py" in line


def _break(cause: BaseException) -> None:
    raise RuntimeError("It broke") from cause


def test_an_error_in_the_place_of_a_message_is_withheld_too(formatter: logging.Formatter) -> None:
    assert SAID not in formatter.format(logging.LogRecord("x", logging.INFO, "x.py", 1, ValueError(SAID), (), None))


def test_what_does_not_fit_its_message_is_left_out(formatter: logging.Formatter) -> None:
    line = formatter.format(record("It took %d s", SAID))
    assert "It took %d s" in line
    assert SAID not in line


def test_an_error_that_quotes_nothing_is_told(formatter: logging.Formatter) -> None:
    assert "no route to host" in formatter.format(record("%s", OperationalError("no route to host")))


def test_every_error_of_a_group_is_told(formatter: logging.Formatter) -> None:
    line = formatter.format(record(error=ExceptionGroup("several", [OSError("one"), ValueError(SAID)])))
    assert "OSError: one" in line
    assert "ValueError: [withheld]" in line
    assert SAID not in line


def test_asyncio_shows_no_results(formatter: logging.Formatter) -> None:
    message = f"Task exception was never retrieved\nfuture: <Task exception=ValueError('{SAID}')>"
    line = formatter.format(record(message, name="asyncio"))
    assert "never retrieved" in line
    assert SAID not in line


async def test_what_is_bound_stands_in_each_line_of_a_task_and_of_no_other() -> None:
    async def line(**marks: str) -> str:
        bind(**marks)
        await asyncio.sleep(0)
        return await asyncio.create_task(later())

    async def later() -> str:
        return Console().format(record())

    first, second = await asyncio.gather(line(request="one"), line(session="two"))
    assert first.endswith("It happened request=one")
    assert second.endswith("It happened session=two")
    assert contextvars.copy_context().run(logs.bound, "request") == ""


# --- What the server itself logs -------------------------------------------------------------------------------------


@pytest.fixture
def lines() -> Iterator[StringIO]:
    """What is logged from INFO on, as a program reads it."""
    get_default_application()  # the first time, this sets logging up anew
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(Json())
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


async def test_a_request_is_logged_by_its_route(serving: Scripted, ada: Person, lines: StringIO) -> None:
    session = await ada.begin()
    lines.truncate(0)
    await ada.browser.get(f"/api/sessions/{session}?private=yes")
    await ada.browser.get("/healthz")
    await ada.browser.get("/metrics")
    (line,) = [json.loads(line.lstrip("\0")) for line in lines.getvalue().splitlines() if "{" in line]
    assert line["message"] == "A request was answered"
    assert (line["method"], line["route"], line["status"]) == ("GET", "api/sessions/<session>", 200)
    assert re.fullmatch("[0-9a-f]{12}", line["request"])


async def test_a_reply_is_logged_with_its_figures_and_no_word_of_it(
    serving: Scripted, ada: Person, lines: StringIO
) -> None:
    session = await ada.begin("Canaria")
    tab = await ada.open(session)
    serving.script("canary", " reply")
    await tab.send("canary message")
    await tab.until_status("complete")
    await tab.leave()
    ada.tabs.remove(tab)
    (line,) = [json.loads(line.lstrip("\0")) for line in lines.getvalue().splitlines() if "A reply ended" in line]
    assert (line["model"], line["status"], line["completion_tokens"]) == ("default", "complete", 2)
    assert line["session"] == mark(session)
    assert "canar" not in lines.getvalue().lower()


async def test_who_meets_a_fault_gets_the_mark_to_ask_with(
    serving: Scripted, monkeypatch: pytest.MonkeyPatch, lines: StringIO
) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("chat.catalogue.models", broken)
    asked = {"X-Request-ID": "from the proxy"}
    response = await AsyncClient(raise_request_exception=False).get("/api/me", headers=asked)
    assert response.status_code == 500
    assert response["X-Request-ID"] == mark("from the proxy")
    told = [json.loads(line.lstrip("\0")) for line in lines.getvalue().splitlines() if "{" in line]
    assert any(mark("from the proxy") == line["request"] and "ZeroDivisionError" in str(line) for line in told)
