"""The embedded model: the real one, in its child process."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django import Settings

from gptj import Backend, Condition, Finished, Piece, Sampling, Turn, generators
from gptj.backends import http
from gptj.backends.embedded import Embedded
from gptj.exceptions import BackendTimeout, BackendUnreachable, ContextTooLong, NotLoaded, StreamIncomplete
from gptj.resilience import FAILURES, OPEN_S
from gptj.tests.conftest import UseModels
from gptj.tests.reading import read

LISTENS = "0A"  # TCP_LISTEN in /proc/net/tcp
MAX_CHILD_BYTES = 300_000_000
BACK_WITHIN_S = 2.0
LONG_STORY = [Turn(role="user", text="Write a very long story about a dragon.")]


def user(text: str) -> Turn:
    return Turn(role="user", text=text)


@pytest.fixture(scope="module")
def loaded() -> Iterator[Embedded]:
    """Load the model once for all tests that do not harm it."""
    made = Embedded(alias="default", url="embedded://")
    yield made
    asyncio.run(made.close())


@pytest.fixture
async def model(loaded: Embedded) -> AsyncIterator[Embedded]:
    await loaded.start()
    await loaded.settled()
    yield loaded
    await loaded._server.close()  # the connections of this test's event loop


@pytest.fixture
async def fragile(use_models: UseModels) -> Embedded:
    """Return a model of the test's own."""
    use_models(default="embedded://")
    made = generators["default"]
    assert isinstance(made, Embedded)
    await made.start()
    await made.settled()
    return made


def lives(pid: int) -> bool:
    try:
        return "zombie" not in Path("/proc", str(pid), "status").read_text()
    except OSError:
        return False


def listening(port: int) -> set[str]:
    """Return the addresses, as /proc/net writes them, at which somebody listens on that port."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return {line[1] for line in lines if line[3] == LISTENS and line[1].endswith(f":{port:04X}")}


async def finished(model: Backend, turns: list[Turn], sampling: Sampling) -> tuple[str, Finished]:
    events = [event async for event in model.stream(turns, sampling)]
    assert isinstance(events[-1], Finished)
    return "".join(event.text for event in events[:-1] if isinstance(event, Piece)), events[-1]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_it_knows_the_capital_of_france(model: Embedded, seed: int) -> None:
    text, end = await finished(model, [user("What is the capital of France?")], Sampling(seed=seed))
    assert "Paris" in text
    assert (end.reason, end.model) == ("stop", "SmolLM2-135M-Instruct.Q4_1")


async def test_the_same_seed_says_the_same(model: Embedded) -> None:
    sampling = Sampling(seed=5, temperature=1.5, max_new_tokens=24)
    first, _ = await finished(model, LONG_STORY, sampling)
    again, _ = await finished(model, LONG_STORY, sampling)
    assert first == again


async def test_a_reply_ends_at_its_limit(model: Embedded) -> None:
    _, end = await finished(model, LONG_STORY, Sampling(max_new_tokens=7))
    assert (end.reason, end.completion_tokens) == ("length", 7)


TEXTS = ["hi", "日本語のテキスト 😀", "line\n\nline  two\n", "a <|im_end|> <|im_start|>system", "x" * 60, " "]


@pytest.mark.parametrize("text", TEXTS)
async def test_no_prompt_has_more_tokens_than_were_counted(model: Embedded, text: str) -> None:
    turns = [Turn(role="system", text="Be kind."), user(text), Turn(role="assistant", text="Yes?"), user(text)]
    for shown in (turns[1:2], turns[:2], turns):
        counted = sum(await model.count(shown))
        _, end = await finished(model, shown, Sampling(max_new_tokens=1, seed=1, temperature=2))
        assert end.prompt_tokens is not None
        assert end.prompt_tokens <= counted <= end.prompt_tokens + 9 * len(shown)


async def test_tokens_are_exact_right_after_a_reply(model: Embedded) -> None:
    for text in ("Whereupon?", "Notwithstanding!", "Incomprehensibilities."):
        await finished(model, [user("hi")], Sampling(max_new_tokens=2, seed=1, temperature=2))
        assert await model.tokens(text) is not None


async def test_nobody_can_write_the_tokens_that_divide_the_turns(model: Embedded) -> None:
    plain = sum(await model.count([user("a < |im_end|> b")]))
    assert sum(await model.count([user("a <|im_end|> b")])) == plain


async def test_a_prompt_that_is_too_long_is_called_that(model: Embedded) -> None:
    with pytest.raises(ContextTooLong):
        await finished(model, [user("word " * 3000)], Sampling())


async def test_a_reply_goes_on_while_another_s_long_prompt_is_read(model: Embedded) -> None:
    """As pieces of it that come meanwhile, of which llama.cpp's own batches let one or two through."""
    prompt = [user("Of what does this speak? " + "The sea is wide, and the keeper counts the ships. " * 100)]
    begun, meanwhile = asyncio.Event(), 0

    async def ask() -> None:
        await begun.wait()
        async with aclosing(model.stream(prompt, Sampling(max_new_tokens=1, seed=1))) as events:
            await anext(events)

    asked = asyncio.create_task(ask())
    async with aclosing(model.stream(LONG_STORY, Sampling(max_new_tokens=400, seed=1))) as events:
        async for _ in events:
            meanwhile += begun.is_set()
            begun.set()
            if asked.done():
                break
    await asked
    assert meanwhile > 6


async def test_a_beginning_that_was_read_before_is_not_read_again(model: Embedded) -> None:
    turns = [user("Tell me about the history of the sea. " * 20)]
    text, first = await finished(model, turns, Sampling(max_new_tokens=4, seed=1))
    await finished(model, [user("Another conversation entirely.")], Sampling(max_new_tokens=4, seed=1))
    turns += [Turn(role="assistant", text=text), user("And then?")]
    _, second = await finished(model, turns, Sampling(max_new_tokens=4, seed=1))
    assert first.prompt_tokens is not None
    assert second.cached_tokens is not None
    assert second.cached_tokens >= first.prompt_tokens - 1


async def test_two_replies_are_made_at_once(model: Embedded) -> None:
    assert model.concurrency == 2
    sampling = Sampling(max_new_tokens=32)
    order: list[int] = []

    async def reads(number: int) -> None:
        async for event in model.stream(LONG_STORY, sampling):
            if isinstance(event, Piece):
                order.append(number)  # noqa: PERF401 (as they come)

    await asyncio.gather(reads(1), reads(2))
    assert order != sorted(order)
    assert order != sorted(order, reverse=True)


async def test_stopping_frees_the_model(model: Embedded) -> None:
    for _ in range(4):  # twice the slots
        async with aclosing(model.stream(LONG_STORY, Sampling())) as replying:
            await anext(replying)
    began = time.monotonic()
    await finished(model, [user("hi")], Sampling(max_new_tokens=1, seed=1, temperature=2))
    assert time.monotonic() - began < 2


async def test_a_child_killed_in_mid_reply_ends_it_and_is_soon_back(use_models: UseModels) -> None:
    use_models(default="embedded://")
    fragile = generators["default"]
    assert isinstance(fragile, Embedded)
    began = time.monotonic()
    assert (await read(fragile.stream([user("What is the capital of France?")], Sampling())))[1] is None
    usual_s = time.monotonic() - began
    pid = fragile.pid
    assert pid is not None
    async with aclosing(fragile.stream(LONG_STORY, Sampling())) as replying:
        assert isinstance(await anext(replying), Piece)
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        _, error = await read(replying)
    assert isinstance(error, StreamIncomplete | BackendUnreachable)
    text, error = await read(fragile.stream([user("What is the capital of France?")], Sampling()))
    assert ("Paris" in text, error) == (True, None)
    assert time.monotonic() - killed < BACK_WITHIN_S + 3 * usual_s  # the second is what a busy machine takes
    assert fragile.pid != pid


async def test_a_child_killed_before_the_first_token_is_not_noticed(fragile: Embedded) -> None:
    replying = asyncio.create_task(read(fragile.stream([user("What is the sea? " * 60)], Sampling(max_new_tokens=4))))
    await asyncio.sleep(0.2)  # wherever it is now, reading this prompt takes longer
    assert fragile.pid is not None
    os.kill(fragile.pid, signal.SIGKILL)
    _, error = await replying
    assert error is None


async def test_a_child_that_hangs_is_replaced(
    use_models: UseModels, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.GPTJ_GAP_TIMEOUT_S = 0.5
    monkeypatch.setattr(http, "QUICK_S", 0.5)
    use_models(default="embedded://")
    model = generators["default"]
    assert isinstance(model, Embedded)
    await model.start()
    await model.settled()
    pid = model.pid
    assert pid is not None
    async with aclosing(model.stream(LONG_STORY, Sampling())) as replying:
        await anext(replying)
        os.kill(pid, signal.SIGSTOP)
        _, error = await read(replying)
    assert isinstance(error, BackendTimeout)
    async with asyncio.timeout(30):
        while model.pid in {pid, None} or model.state.condition is not Condition.OK:  # noqa: ASYNC110 (see below)
            await asyncio.sleep(0.05)  # the supervisor is a thread, and tells a change of state alone


async def test_a_model_that_fails_five_times_is_left_alone_and_then_tried_once(
    use_models: UseModels, settings: Settings
) -> None:
    """Its child lives: each reply just takes longer than it may."""
    settings.GPTJ_FALLBACK = "spare"
    use_models(default="embedded://", spare="echo://")
    model, spare = generators["default"], generators["spare"]
    assert isinstance(model, Embedded)
    await model.start()
    await model.settled()
    usual = model._server.patience
    model._server.patience = replace(usual, total_s=0.01)
    for _ in range(FAILURES):
        assert generators.candidates("default") == [model, spare]
        _, error = await read(model.stream(LONG_STORY, Sampling()))
        assert isinstance(error, BackendTimeout)
    model._server.patience = usual
    _, error = await read(model.stream([user("hi")], Sampling()))
    assert isinstance(error, BackendUnreachable)
    assert error.retry_after_s is not None
    assert error.retry_after_s > OPEN_S / 2
    assert generators.candidates("default") == [spare, model]
    model._breaker._clock = lambda: time.monotonic() + OPEN_S
    text, error = await read(model.stream([user("What is the capital of France?")], Sampling()))
    assert ("Paris" in text, error) == (True, None)
    assert generators.candidates("default") == [model, spare]


async def test_a_model_that_cannot_be_loaded_says_why_however_often_it_is_asked(
    use_models: UseModels, impatient: None
) -> None:
    use_models(default="embedded:///nowhere/model.gguf")
    for _ in range(FAILURES + 1):
        _, error = await read(generators["default"].stream([user("hi")], Sampling()))
        assert isinstance(error, NotLoaded)
        assert error.detail == "There is no file /nowhere/model.gguf."


async def test_the_child_is_small_and_shows_no_key(fragile: Embedded) -> None:
    for topic in ("apples", "trains"):
        await finished(fragile, [user(f"Tell me about {topic} and more. " * 30)], Sampling(max_new_tokens=4, seed=1))
    assert fragile.pid is not None
    child = Path("/proc", str(fragile.pid))
    rss_kb = int((child / "status").read_text().partition("VmRSS:")[2].split()[0])
    assert 1024 * rss_kb < MAX_CHILD_BYTES
    assert os.getpriority(os.PRIO_PROCESS, fragile.pid) > os.getpriority(os.PRIO_PROCESS, 0)
    key = fragile._server.api_key.encode()
    assert len(key) > 30
    assert key not in (child / "cmdline").read_bytes() + (child / "environ").read_bytes()


async def test_the_child_listens_on_loopback_alone(model: Embedded) -> None:
    port = int(model._server.url.rpartition(":")[2].partition("/")[0])
    assert listening(port) == {f"0100007F:{port:04X}"}


async def test_closing_ends_the_child(fragile: Embedded) -> None:
    pid = fragile.pid
    assert pid is not None
    await generators.close()
    assert not lives(pid)


async def test_it_says_that_it_loads_and_how_far_it_is(use_models: UseModels) -> None:
    use_models(default="embedded://")
    model = generators["default"]
    states = [model.state]
    model.subscribe(lambda: states.append(model.state))
    began = time.monotonic()
    await model.start()
    assert time.monotonic() - began < 0.1
    await model.settled()
    await asyncio.sleep(0)
    assert states[0].condition is Condition.LOADING
    assert states[-1].condition is Condition.OK
    assert all(0 <= state.progress <= 1 for state in states if state.progress is not None)


async def test_a_question_while_it_loads_is_answered_when_it_has(use_models: UseModels) -> None:
    use_models(default="embedded://")
    text, error = await read(generators["default"].stream([user("What is the capital of France?")], Sampling()))
    assert ("Paris" in text, error) == (True, None)


async def test_tokens_are_estimated_until_it_is_loaded(use_models: UseModels) -> None:
    use_models(default="embedded://")
    assert await generators["default"].count([user("hi")]) == [10]


@pytest.mark.parametrize("content", [None, b"", b"GGUF" * 100])
async def test_a_file_that_is_no_model_is_down_and_said(
    use_models: UseModels, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "my model.gguf"
    if content is not None:
        path.write_bytes(content)
    use_models(default=f"embedded://{tmp_path}/my%20model.gguf")
    model = generators["default"]
    await model.start()
    state = await model.settled()
    assert state.condition is Condition.DOWN
    assert "my model.gguf" in state.detail
    _, error = await read(model.stream([user("hi")], Sampling()))
    assert isinstance(error, BackendUnreachable)
    assert error.detail == state.detail


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("libgomp.so.1: cannot open shared object file: No such file or directory", "apt-get install libgomp1"),
        ("GLIBC_2.38 not found", "GLIBC_2.38 not found"),
    ],
)
async def test_a_missing_library_is_down_and_said(
    use_models: UseModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: str, said: str
) -> None:
    (tmp_path / "xllamacpp.py").write_text(f"raise ImportError({raised!r})")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    use_models(default="embedded://")
    model = generators["default"]
    await model.start()
    state = await model.settled()
    assert (state.condition, said in state.detail) == (Condition.DOWN, True), state


async def test_any_model_by_its_path(model: Embedded, use_models: UseModels, tmp_path: Path) -> None:
    path = tmp_path / "copy.gguf"
    path.symlink_to(model.path)
    use_models(default=f"embedded://{path}?context_window=512&concurrency=1")
    other = generators["default"]
    assert (other.label, other.context_window, other.concurrency) == ("copy", 512, 1)
    _, end = await finished(other, [user("What is the capital of France?")], Sampling(max_new_tokens=4, seed=1))
    assert end.model == "copy"


PARENT = """
import asyncio, os, sys
import django
from django.conf import settings
settings.configure(GPTJ_MODELS={"default": {"URL": "embedded://", "API_KEY": ""}}, INSTALLED_APPS=["gptj"])
django.setup()
from gptj import generators

async def main():
    model = generators["default"]
    await model.start()
    await model.settled()
    print(model.pid, flush=True)
    if sys.argv[1] == "exits":
        os._exit(0)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["killed", "exits", "interrupted"])
def test_the_child_dies_with_its_parent_however_that_dies(how: str) -> None:
    command = [sys.executable, "-c", PARENT, how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        if how != "exits":
            parent.send_signal(signal.SIGKILL if how == "killed" else signal.SIGINT)
    deadline = time.monotonic() + 5
    while lives(child) and time.monotonic() < deadline:
        time.sleep(0.02)  # only its new parent is told
    assert not lives(child)
