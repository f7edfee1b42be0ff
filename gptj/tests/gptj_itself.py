"""GPT-J by CTranslate2: the real engine, tokenizer and converter, with a tiny model of random weights that it makes.

Not among the usual tests, since it needs requirements-gptj.txt, and the 6 GB of requirements-convert.txt apart: `make
test-gptj` runs it by its name.
"""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import run_checks

from gptj import Condition, Finished, Piece, Sampling, Turn, generators
from gptj.backends.ctranslate2 import CTranslate2
from gptj.backends.http import Deadline
from gptj.backends.sse import Parser
from gptj.exceptions import ContextTooLong, RequestRejected
from gptj.tests import tiny_gptj
from gptj.tests.conftest import UseModels
from gptj.tests.reading import ASKED, read
from gptj.tokens import gpt2_files, gpt2_tokens
from gptj.transcript import line

CONVERT = settings.BASE_DIR / ".venv" / "convert" / "bin"  # where requirements-convert.txt is installed


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with tiny-gpt-j, in int8, and exact-gpt-j, as it was made; by the commands of docs/models.md."""
    folder = tmp_path_factory.mktemp("models")
    for file in gpt2_files():
        shutil.copy(file, folder)
    subprocess.run([CONVERT / "python", tiny_gptj.__file__, folder], check=True)
    for name, quantization in (("tiny-gpt-j", "int8"), ("exact-gpt-j", "float32")):
        command: list[str | Path] = [CONVERT / "ct2-transformers-converter", "--model", folder / "hf"]
        subprocess.run([*command, "--output_dir", folder / name, "--quantization", quantization], check=True)
    return folder


@pytest.fixture(scope="module")
def loaded(converted: Path) -> Iterator[CTranslate2]:
    made = CTranslate2(alias="default", url=f"ctranslate2://{converted}/tiny-gpt-j")
    yield made
    asyncio.run(made.close())


@pytest.fixture
async def model(loaded: CTranslate2) -> AsyncIterator[CTranslate2]:
    await loaded.start()
    state = await loaded.settled()
    assert state.condition is Condition.OK, state.detail
    yield loaded
    await loaded._server.close()


async def test_it_streams_token_by_token(model: CTranslate2) -> None:
    """As its process writes them: what comes within one pause is read as one piece."""
    server, deadline, parser = model._server, Deadline(model._server.patience), Parser()
    asked = {"prompt": line(ASKED[-1]), "max_tokens": 40, "seed": 1}
    sent = []
    async with server.request("POST", f"{server.url}/completions", deadline, asked, last=True) as response:
        async for chunk in server.chunks(response, deadline):
            sent += parser.feed(chunk)
    texts = [choice["text"] for event in sent[:-1] for choice in json.loads(event.data)["choices"]]
    assert sum(map(bool, texts)) > 20


async def test_a_reply_ends_at_its_limit_and_is_counted(model: CTranslate2) -> None:
    events = [event async for event in model.stream(ASKED, Sampling(max_new_tokens=40, seed=1))]
    assert isinstance(events[0], Piece)
    assert isinstance(events[-1], Finished)
    assert (events[-1].reason, events[-1].model, events[-1].completion_tokens) == ("length", "tiny-gpt-j", 40)
    assert model.label == "tiny-gpt-j"


async def test_without_a_temperature_the_likeliest_comes(model: CTranslate2) -> None:
    replies = [await read(model.stream(ASKED, Sampling(max_new_tokens=16, temperature=0))) for _ in range(2)]
    assert replies[0] == replies[1]


async def test_what_it_writes_is_what_the_published_model_writes(converted: Path) -> None:
    exact = CTranslate2(alias="default", url=f"ctranslate2://{converted}/exact-gpt-j", compute_type="float32")
    await exact.start()
    await exact.settled()
    asking = Sampling(max_new_tokens=tiny_gptj.WRITTEN_TOKENS, temperature=0)
    written, error = await read(exact._client.text(tiny_gptj.PROMPT, asking, ()))
    await exact.close()
    assert error is None
    assert written == json.loads((converted / "written.json").read_text())


async def test_tokens_are_gpt2s(model: CTranslate2) -> None:
    turns = [Turn(role="user", text="Ça va, 日本?"), Turn(role="assistant", text="Oui.")]
    assert await model.count(turns) == [gpt2_tokens(line(turn)) for turn in turns]


async def test_a_prompt_that_is_too_long_is_called_that(model: CTranslate2) -> None:
    _, error = await read(model.stream([Turn(role="user", text="word " * 2000)], Sampling()))
    assert isinstance(error, ContextTooLong)


async def test_stopping_frees_the_model(model: CTranslate2) -> None:
    async with aclosing(model.stream(ASKED, Sampling(max_new_tokens=256, seed=1))) as replying:
        await anext(replying)
    async with asyncio.timeout(5):
        await read(model.stream(ASKED, Sampling(max_new_tokens=1, seed=1)))


async def test_nobody_else_is_answered(model: CTranslate2) -> None:
    key, model._server.api_key = model._server.api_key, "wrong"
    _, error = await read(model.stream(ASKED, Sampling()))
    model._server.api_key = key
    assert isinstance(error, RequestRejected)


async def test_a_folder_without_a_model_is_down_and_said(use_models: UseModels, tmp_path: Path) -> None:
    use_models(default=f"ctranslate2://{tmp_path}")
    assert [message.id for message in run_checks() if (message.id or "").startswith("gptj")] == ["gptj.W002"]
    await generators["default"].start()
    state = await generators["default"].settled()
    assert (state.condition, str(tmp_path) in state.detail) == (Condition.DOWN, True)
