"""The OpenAI-compatible backend against the real llama.cpp server, in both modes."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from gptj import Backend, Finished, Sampling, Turn
from gptj.backends.embedded import Embedded
from gptj.backends.openai_compatible import OpenAICompatible
from gptj.exceptions import ContextTooLong, RequestRejected
from gptj.tests.reading import ASKED, read


@pytest.fixture(scope="module")
def llama() -> Iterator[Embedded]:
    """Run a llama.cpp server, as the embedded model's child."""
    made = Embedded(alias="default", url="embedded://", context_window=512, concurrency=1)
    yield made
    asyncio.run(made.close())


@pytest.fixture(params=["chat", "completions"])
async def model(llama: Embedded, request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    await llama.start()
    await llama.settled()
    at, key = f"openai+{llama._server.url}", llama._server.api_key
    made = OpenAICompatible(alias="default", url=at, api_key=key, mode=request.param, context_window=512)
    yield made
    await made.close()


async def test_it_answers_with_figures(model: Backend) -> None:
    turns = [Turn(role="user", text="What is the capital of France?")]
    events = [event async for event in model.stream(turns, Sampling(max_new_tokens=8, seed=1, temperature=0.1))]
    assert isinstance(events[-1], Finished)
    assert len(events) > 1


async def test_it_counts_by_the_servers_tokens(model: Backend) -> None:
    turns = [Turn(role="user", text="What is the capital of France?"), Turn(role="assistant", text="Paris."), *ASKED]
    counted = sum(await model.count(turns))
    events = [event async for event in model.stream(turns, Sampling(max_new_tokens=4, seed=1, temperature=0.1))]
    assert isinstance(events[-1], Finished)
    assert events[-1].prompt_tokens is not None
    frame = 512 - model.context_window  # what a transcript has around its turns
    assert counted - 40 < events[-1].prompt_tokens <= counted + frame


async def test_a_prompt_that_is_too_long_is_called_that(model: Backend) -> None:
    _, error = await read(model.stream([Turn(role="user", text="word " * 1000)], Sampling()))
    assert isinstance(error, ContextTooLong)


async def test_a_wrong_key_is_refused(llama: Embedded, model: Backend) -> None:
    other = OpenAICompatible(alias="default", url=f"openai+{llama._server.url}", api_key="wrong")
    _, error = await read(other.stream(ASKED, Sampling()))
    await other.close()
    assert isinstance(error, RequestRejected)
