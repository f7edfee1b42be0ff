"""An OpenAI-compatible server, well and misbehaving."""

import asyncio
import json
import logging
from contextlib import aclosing

import pytest
from pytest_django import Settings

from gptj import Backend, Condition, Finished, Piece, Sampling, Turn, generators
from gptj.exceptions import BackendUnreachable, GenerationError, RequestRejected, ResponseGarbled
from gptj.tests.conftest import UseModels
from gptj.tests.fault_server import FaultServer, chunk, events, head, is_json, says
from gptj.tests.faults import HANG, HTTP, ODD, STREAM, Fault
from gptj.tests.reading import ASKED, read
from gptj.transcript import FRAME_TOKENS

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def model(server: FaultServer, use_models: UseModels) -> Backend:
    use_models(default=f"openai+{server.url}/v1?model=m-1")
    return generators["default"]


async def test_a_reply_is_streamed_with_its_figures(model: Backend, server: FaultServer) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    server.answer = says(head() + events(chunk("Hel"), chunk("lo"), chunk(finish="length", usage=usage), "[DONE]"))
    pieces = [event async for event in model.stream(ASKED, Sampling())]
    assert pieces == [
        Piece(text="Hello"),  # what comes together is one piece
        Finished(reason="length", prompt_tokens=5, completion_tokens=2, model="m-1"),
    ]


async def test_the_server_is_asked_for_what_the_sampling_says(model: Backend, server: FaultServer) -> None:
    turns = [Turn(role="system", text="Be kind."), *ASKED]
    await read(model.stream(turns, Sampling(temperature=0.5, top_p=0.9, max_new_tokens=9, seed=3)))
    request = server.posted[0]
    assert request.path == "/v1/chat/completions"
    assert request.json == {
        "model": "m-1",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 9,
        "seed": 3,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_no_more_is_asked_for_than_the_model_may_write(server: FaultServer, use_models: UseModels) -> None:
    use_models(default=f"openai+{server.url}/v1?model=m&max_new_tokens=50&temperature=0.1")
    await read(generators["default"].stream(ASKED, Sampling(max_new_tokens=9999)))
    assert server.posted[0].json["max_tokens"] == 50
    assert server.posted[0].json["temperature"] == 0.1


async def test_the_key_goes_in_a_header_and_nowhere_else(
    server: FaultServer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.GPTJ_MODELS = {"default": {"URL": f"openai+{server.url}/v1", "API_KEY": "sk-canary"}}
    server.answer = HTTP["401"].answer
    with caplog.at_level(logging.DEBUG):
        _, error = await read(generators["default"].stream(ASKED, Sampling()))
    assert isinstance(error, RequestRejected)
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer sk-canary"}
    assert "sk-canary" not in caplog.text + str(error) + repr(generators["default"])


async def test_the_first_listed_model_is_taken_where_none_is_named(server: FaultServer, use_models: UseModels) -> None:
    use_models(default=f"openai+{server.url}/v1")
    await read(generators["default"].stream(ASKED, Sampling()))
    assert server.posted[0].json["model"] == "m-1"


@pytest.mark.parametrize("name", [*HTTP, *STREAM, *ODD])
async def test_a_fault_is_called_what_it_is_and_the_next_reply_is_well(
    model: Backend, server: FaultServer, name: str
) -> None:
    fault: Fault = {**HTTP, **STREAM, **ODD}[name]
    well = server.answer
    server.answer = fault.answer
    text, error = await read(model.stream(ASKED, Sampling()))
    assert type(error) is (fault.raised or type(None)), error
    if name != "never ends":
        assert text == fault.text
    assert "canary" not in str(error)
    server.answer = well
    assert await read(model.stream(ASKED, Sampling())) == ("Hello", None)


async def test_a_server_that_is_not_there_is_unreachable(use_models: UseModels, unused_tcp_port: int) -> None:
    use_models(default=f"openai+http://127.0.0.1:{unused_tcp_port}/v1?model=m")
    _, error = await read(generators["default"].stream(ASKED, Sampling()))
    assert isinstance(error, BackendUnreachable)
    assert generators["default"].state.condition is Condition.DOWN


async def test_a_name_that_leads_nowhere_is_unreachable(use_models: UseModels) -> None:
    use_models(default="openai+http://nowhere.invalid/v1?model=m")
    _, error = await read(generators["default"].stream(ASKED, Sampling()))
    assert isinstance(error, BackendUnreachable)


async def test_a_named_wait_is_passed_on(model: Backend, server: FaultServer) -> None:
    server.answer = HTTP["429"].answer
    _, error = await read(model.stream(ASKED, Sampling()))
    assert isinstance(error, GenerationError)
    assert error.retry_after_s == 17


async def test_a_failure_before_the_first_token_is_tried_twice_again(model: Backend, server: FaultServer) -> None:
    server.answers = [HTTP["503"].answer, HTTP["closes without an answer"].answer]
    assert await read(model.stream(ASKED, Sampling())) == ("Hello", None)
    assert len(server.posted) == 3


async def test_nothing_is_tried_again_once_text_was_heard(model: Backend, server: FaultServer) -> None:
    server.answer = STREAM["ends in mid-reply"].answer
    await read(model.stream(ASKED, Sampling()))
    assert len(server.posted) == 1


@pytest.mark.parametrize("name", ["400", "401", "404", "422"])
async def test_a_refusal_is_not_tried_again(model: Backend, server: FaultServer, name: str) -> None:
    server.answer = HTTP[name].answer
    await read(model.stream(ASKED, Sampling()))
    assert len(server.posted) == 1


async def test_closing_the_reply_closes_the_stream_at_the_server(model: Backend, server: FaultServer) -> None:
    server.answer = says(head() + events(chunk("Hel")), HANG)
    async with aclosing(model.stream(ASKED, Sampling())) as replying:
        assert await anext(replying) == Piece(text="Hel")
    await asyncio.wait_for(server.ended.wait(), 1)


async def test_cancelling_the_reader_closes_the_stream_at_the_server(model: Backend, server: FaultServer) -> None:
    server.answer = says(head() + events(chunk("Hel")), HANG)
    heard = asyncio.Event()

    async def reads() -> None:
        async with aclosing(model.stream(ASKED, Sampling())) as replying:
            async for _ in replying:
                heard.set()

    reading = asyncio.create_task(reads())
    await heard.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await asyncio.wait_for(server.ended.wait(), 1)


async def test_its_state_follows_what_the_server_does(model: Backend, server: FaultServer) -> None:
    changes: list[Condition] = []
    model.subscribe(lambda: changes.append(model.state.condition))
    well, server.answer = server.answer, HTTP["503"].answer
    await read(model.stream(ASKED, Sampling()))
    server.answer = well
    await read(model.stream(ASKED, Sampling()))
    await asyncio.sleep(0)
    assert changes[-1:] == [Condition.OK]
    assert model.state.condition is Condition.OK


async def test_a_server_that_is_down_at_the_start_is_seen_without_a_call(model: Backend, server: FaultServer) -> None:
    server.listing = HTTP["503"].answer
    changed = asyncio.Event()
    model.subscribe(changed.set)
    await model.start()
    await asyncio.wait_for(changed.wait(), 2)
    assert model.state.condition is Condition.DOWN


async def test_tokens_are_the_servers_where_it_tells(model: Backend, server: FaultServer) -> None:
    server.tokenize = is_json(200, {"tokens": [1, 2, 3]})
    assert await model.count(ASKED) == [13]
    assert await model.count([*ASKED, Turn(role="assistant", text="Hello")]) == [13, 13]
    asked = [request.json["content"] for request in server.requests if request.path == "/tokenize"]
    assert asked == ["Hi", "Hello"]


async def test_a_server_that_tells_no_tokens_is_asked_once(model: Backend, server: FaultServer) -> None:
    await model.count(ASKED)
    await model.count([Turn(role="user", text="Something else")])
    assert len([request for request in server.requests if request.path == "/tokenize"]) == 1


def wrote(*texts: str, finish: str = "stop") -> bytes:
    """Return the events of a text completion."""
    pieces = [json.dumps({"choices": [{"index": 0, "text": text, "finish_reason": None}]}) for text in texts]
    last = json.dumps({"choices": [{"index": 0, "text": "", "finish_reason": finish}]})
    return head() + events(*pieces, last, "[DONE]")


@pytest.fixture
def base_model(server: FaultServer, use_models: UseModels) -> Backend:
    server.answer = says(wrote(" Hel", "lo", ".\n"))
    use_models(default=f"openai+{server.url}/v1?model=gpt-j&mode=completions&context_window=2048")
    return generators["default"]


async def test_a_base_model_is_shown_a_transcript(base_model: Backend, server: FaultServer) -> None:
    assert await read(base_model.stream(ASKED, Sampling(max_new_tokens=9))) == ("Hello.", None)
    assert server.posted[0].path == "/v1/completions"
    assert server.posted[0].json == {
        "prompt": "The following is a conversation between a human and a helpful bot.\n\nHuman: Hi\nBot:",
        "stop": ["\nHuman:", "\nBot:"],
        "model": "gpt-j",
        "max_tokens": 9,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert base_model.template == "transcript/1"
    assert base_model.context_window == 2048 - FRAME_TOKENS


async def test_a_base_model_that_goes_on_for_the_person_is_stopped(base_model: Backend, server: FaultServer) -> None:
    pieces = [json.dumps({"choices": [{"index": 0, "text": text}]}) for text in (" Hello.", "\nHu", "man", ":")]
    server.answer = says(head() + events(*pieces), HANG)
    assert await read(base_model.stream(ASKED, Sampling())) == ("Hello.", None)
    await asyncio.wait_for(server.ended.wait(), 1)


async def test_a_base_model_that_says_nothing_of_its_own_is_garbled(base_model: Backend, server: FaultServer) -> None:
    server.answer = says(wrote("\nHuman: Hi"))
    _, error = await read(base_model.stream(ASKED, Sampling()))
    assert isinstance(error, ResponseGarbled)


async def test_a_base_models_reply_may_end_at_its_limit(base_model: Backend, server: FaultServer) -> None:
    server.answer = says(wrote(" Hello", finish="length"))
    found = [event async for event in base_model.stream(ASKED, Sampling())]
    assert isinstance(found[-1], Finished)
    assert found[-1].reason == "length"
