"""GPT-J by CTranslate2: the real engine and tokenizer, with a tiny model of random weights that the test makes.

Not among the usual tests, since it needs requirements-gptj.txt: `make test-gptj` runs it by its name.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks

from gptj import Condition, Finished, Piece, Sampling, Turn, generators
from gptj.backends.ctranslate2 import CTranslate2
from gptj.exceptions import ContextTooLong, RequestRejected
from gptj.tests.conftest import UseModels
from gptj.tests.reading import ASKED, read
from gptj.tokens import gpt2_files, gpt2_tokens
from gptj.transcript import line

WIDTH, LAYERS, HEADS, ROTARY = 32, 2, 2, 8
VOCABULARY = 50_400  # GPT-2's 50,257 and GPT-J's 143 spare ones


def make_tiny_gptj(folder: Path) -> None:
    """Write a model of GPT-J's architecture, int8, as CTranslate2's own converter does (its GPTJLoader)."""
    ctranslate2, numpy = import_module("ctranslate2"), import_module("numpy")
    random = numpy.random.default_rng(1)

    def weights(*shape: int) -> Any:
        return random.normal(0, 0.4, shape).astype(numpy.float32)

    def fill(layer: Any, *shape: int) -> None:
        layer.weight, layer.bias = weights(*shape), weights(shape[0])

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = numpy.ones(WIDTH, numpy.float32), numpy.zeros(WIDTH, numpy.float32)

    spec = ctranslate2.specs.TransformerDecoderModelSpec.from_config(
        LAYERS,
        HEADS,
        pre_norm=True,
        activation=ctranslate2.specs.Activation.GELUTanh,
        rotary_dim=ROTARY,
        rotary_interleave=False,
        parallel_residual=True,
        shared_layer_norm=True,
    )
    spec.decoder.scale_embeddings = False
    spec.decoder.embeddings.weight = weights(VOCABULARY, WIDTH)
    norm(spec.decoder.layer_norm)
    for layer in spec.decoder.layer:
        norm(layer.shared_layer_norm)
        layer.self_attention.linear[0].weight = weights(3 * WIDTH, WIDTH)
        layer.self_attention.linear[1].weight = weights(WIDTH, WIDTH)
        fill(layer.ffn.linear_0, 4 * WIDTH, WIDTH)
        fill(layer.ffn.linear_1, WIDTH, 4 * WIDTH)
    fill(spec.decoder.projection, VOCABULARY, WIDTH)
    ids = json.loads(gpt2_files()[0].read_text())
    spec.register_vocabulary([*sorted(ids, key=ids.__getitem__), *(f"<|extratoken_{n}|>" for n in range(1, 144))])
    for name in ("bos_token", "eos_token", "unk_token"):
        setattr(spec.config, name, "<|endoftext|>")
    spec.validate()
    spec.optimize(quantization="int8")
    folder.mkdir()
    spec.save(str(folder))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CTranslate2]:
    folder = tmp_path_factory.mktemp("models") / "tiny-gpt-j"
    make_tiny_gptj(folder)
    made = CTranslate2(alias="default", url=f"ctranslate2://{folder}")
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
    events = [event async for event in model.stream(ASKED, Sampling(max_new_tokens=40, seed=1))]
    pieces = [event for event in events if isinstance(event, Piece)]
    assert len(pieces) > 20
    assert isinstance(events[-1], Finished)
    assert (events[-1].reason, events[-1].model, events[-1].completion_tokens) == ("length", "tiny-gpt-j", 40)
    assert model.label == "tiny-gpt-j"


async def test_without_a_temperature_the_likeliest_comes(model: CTranslate2) -> None:
    replies = [await read(model.stream(ASKED, Sampling(max_new_tokens=16, temperature=0))) for _ in range(2)]
    assert replies[0] == replies[1]


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
