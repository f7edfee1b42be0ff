"""The Hugging Face text-generation contract, well and misbehaving."""

import asyncio
import json
from contextlib import aclosing

import pytest

from gptj import Condition, Finished, Piece, Sampling, Turn, generators
from gptj.backends.huggingface import SHORTEST_WAIT_S, HuggingFace
from gptj.exceptions import (
    BackendTimeout,
    BackendUnreachable,
    ContextTooLong,
    RequestRejected,
    ResponseGarbled,
    StreamIncomplete,
)
from gptj.tests.conftest import UseModels
from gptj.tests.fault_server import FaultServer, events, head, is_json, says
from gptj.tests.faults import HANG, HTTP, Fault
from gptj.tests.reading import ASKED, read

pytestmark = pytest.mark.usefixtures("impatient")


def token(text: str, *, special: bool = False, whole: str | None = None, reason: str = "eos_token") -> str:
    """Return the JSON of one event of generate_stream."""
    details = None if whole is None else {"finish_reason": reason, "generated_tokens": 3, "input_length": 20}
    spoken = {"id": 1, "text": text, "logprob": -0.1, "special": special}
    return json.dumps({"index": 1, "token": spoken, "generated_text": whole, "details": details})


STREAM = head() + events(token(" Hel"), token("lo."), token("<|endoftext|>", special=True, whole=" Hello."))


@pytest.fixture
def model(server: FaultServer, use_models: UseModels) -> HuggingFace:
    server.answer = says(STREAM)
    server.listing = says(head(200, "text/plain"))
    use_models(default=f"huggingface+{server.url}/models/gpt-j")
    made = generators["default"]
    assert isinstance(made, HuggingFace)
    return made


async def test_a_reply_is_streamed_without_special_tokens(model: HuggingFace) -> None:
    assert [event async for event in model.stream(ASKED, Sampling())] == [
        Piece(text="Hello."),  # what comes together is one piece
        Finished(reason="stop", prompt_tokens=20, completion_tokens=3),
    ]


async def test_the_server_is_asked_for_what_the_sampling_says(model: HuggingFace, server: FaultServer) -> None:
    await read(model.stream(ASKED, Sampling(temperature=0.5, top_p=0.7, max_new_tokens=9, seed=3)))
    await read(model.stream(ASKED, Sampling(temperature=0, top_p=1)))
    first, second = server.posted
    assert first.path == "/models/gpt-j"
    assert first.json == {
        "inputs": "The following is a conversation between a human and a helpful bot.\n\nHuman: Hi\nBot:",
        "parameters": {
            "max_new_tokens": 9,
            "do_sample": True,
            "temperature": 0.5,
            "top_p": 0.7,
            "seed": 3,
            "stop": ["\nHuman:", "\nBot:"],
            "return_full_text": False,
        },
        "stream": True,
    }
    assert second.json["parameters"]["do_sample"] is False
    assert not {"temperature", "top_p"} & second.json["parameters"].keys()


@pytest.mark.parametrize("form", ["list", "object", "with the prompt"])
async def test_a_server_that_does_not_stream_answers_in_one_piece(
    model: HuggingFace, server: FaultServer, form: str
) -> None:
    prompt = "The following is a conversation between a human and a helpful bot.\n\nHuman: Hi\nBot:"
    generated = {"generated_text": (prompt if form == "with the prompt" else "") + " Hello.\nHuman: Bye"}
    server.answer = is_json(200, generated if form == "object" else [generated])
    assert await read(model.stream(ASKED, Sampling())) == ("Hello.", None)


async def test_one_piece_may_take_as_long_as_a_reply_where_no_stream_is_asked_for(
    server: FaultServer, use_models: UseModels
) -> None:
    generated = json.dumps([{"generated_text": " Hello."}]).encode()
    server.answer = says(0.8, head(200, "application/json") + generated)  # twice the time for a first token
    server.listing = says(head(200, "text/plain"))
    use_models(default=f"huggingface+{server.url}/models/gpt-j?stream=false")
    model = generators["default"]
    assert not model.streams
    assert await read(model.stream(ASKED, Sampling())) == ("Hello.", None)
    assert server.posted[0].json["stream"] is False


async def test_a_model_that_is_being_loaded_is_waited_for_and_said(model: HuggingFace, server: FaultServer) -> None:
    server.answers = [is_json(503, {"error": "Model gpt-j is currently loading", "estimated_time": 0.3})]
    states: list[Condition] = []
    model.subscribe(lambda: states.append(model.state.condition))
    assert await read(model.stream(ASKED, Sampling())) == ("Hello.", None)
    await asyncio.sleep(0)
    assert states == [Condition.LOADING, Condition.OK]


@pytest.mark.parametrize("estimated_s", [-5.0, 0, 0.0001, float("nan")])
async def test_one_that_is_loaded_in_no_time_is_not_asked_all_the_time(
    model: HuggingFace, server: FaultServer, estimated_s: float
) -> None:
    server.answer = is_json(503, {"error": "Model gpt-j is currently loading", "estimated_time": estimated_s})
    _, error = await read(model.stream(ASKED, Sampling()))
    assert isinstance(error, BackendUnreachable)
    assert len(server.posted) <= 3 * (model.timeout_s / SHORTEST_WAIT_S + 1)  # in three attempts


async def test_one_that_takes_longer_than_a_reply_may_is_not(model: HuggingFace, server: FaultServer) -> None:
    server.answer = is_json(503, {"error": "Model gpt-j is currently loading", "estimated_time": 600.0})
    _, error = await read(model.stream(ASKED, Sampling()))
    assert isinstance(error, BackendUnreachable)
    assert (error.retry_after_s, len(server.posted)) == (600, 1)


@pytest.mark.parametrize("name", HTTP)
async def test_a_fault_is_called_what_it_is_and_the_next_reply_is_well(
    model: HuggingFace, server: FaultServer, name: str
) -> None:
    well, server.answer = server.answer, HTTP[name].answer
    text, error = await read(model.stream(ASKED, Sampling()))
    if HTTP[name].raised is BackendUnreachable:
        assert isinstance(error, BackendUnreachable)
    else:
        assert type(error) is HTTP[name].raised, error
    assert text == ""
    assert "canary" not in str(error)
    server.answer = well
    assert await read(model.stream(ASKED, Sampling())) == ("Hello.", None)


HEL = head() + events(token(" Hel"))
OWN_FAULTS: dict[str, Fault] = {
    "hangs after the first token": Fault(answer=says(HEL, HANG), raised=BackendTimeout, text="Hel"),
    "ends in mid-reply": Fault(answer=says(HEL), raised=StreamIncomplete, text="Hel"),
    "ends in mid-event": Fault(answer=says(HEL + b'data:{"tok'), raised=StreamIncomplete, text="Hel"),
    "is cut in mid-reply": Fault(
        answer=says(head(200, "text/event-stream", "Content-Length: 9999") + events(token(" Hel"))),
        raised=StreamIncomplete,
        text="Hel",
    ),
    "has an event that is no JSON": Fault(answer=says(HEL + events("x")), raised=ResponseGarbled, text="Hel"),
    "has an event without a token": Fault(answer=says(HEL + events("{}")), raised=ResponseGarbled, text="Hel"),
    "has a token that is a number": Fault(
        answer=says(HEL + events('{"token": 7}')), raised=ResponseGarbled, text="Hel"
    ),
    "has text that is a number": Fault(
        answer=says(HEL + events('{"token": {"text": 7}}')), raised=ResponseGarbled, text="Hel"
    ),
    "has only special tokens": Fault(
        answer=says(head() + events(token("<s>", special=True, whole=""))), raised=ResponseGarbled
    ),
    "breaks off with an error": Fault(
        answer=says(HEL + events('{"error": "Request failed: canary", "error_type": "generation"}')),
        raised=StreamIncomplete,
        text="Hel",
    ),
    "says in a 422 that the prompt is too long": Fault(
        answer=is_json(
            422,
            {"error": "Input validation error: `inputs` must have less than 1024 tokens", "error_type": "validation"},
        ),
        raised=ContextTooLong,
    ),
    "refuses in a 422": Fault(
        answer=is_json(422, {"error": "`top_p` must be > 0.0 and < 1.0", "error_type": "validation"}),
        raised=RequestRejected,
    ),
    "is overloaded": Fault(
        answer=is_json(429, {"error": "Model is overloaded", "error_type": "overloaded"}, "Retry-After: 9"),
        raised=BackendUnreachable,
    ),
    "fails with a 200": Fault(answer=is_json(200, {"error": "no"}), raised=StreamIncomplete),
    "is an empty list": Fault(answer=is_json(200, []), raised=ResponseGarbled),
    "has a list of texts": Fault(answer=is_json(200, ["Hello"]), raised=ResponseGarbled),
}


@pytest.mark.parametrize("name", OWN_FAULTS)
async def test_its_own_faults_are_called_what_they_are(model: HuggingFace, server: FaultServer, name: str) -> None:
    fault, server.answer = OWN_FAULTS[name], OWN_FAULTS[name].answer
    text, error = await read(model.stream(ASKED, Sampling()))
    assert (text, type(error)) == (fault.text, fault.raised), error
    assert "canary" not in str(error)


async def test_closing_the_reply_closes_the_stream_at_the_server(model: HuggingFace, server: FaultServer) -> None:
    server.answer = says(HEL, HANG)
    async with aclosing(model.stream(ASKED, Sampling())) as replying:
        assert await anext(replying) == Piece(text="Hel")
    await asyncio.wait_for(server.ended.wait(), 1)


async def test_a_model_that_goes_on_for_the_person_is_stopped(model: HuggingFace, server: FaultServer) -> None:
    server.answer = says(head() + events(token(" Hello."), token("\nHum"), token("an:")), HANG)
    assert await read(model.stream(ASKED, Sampling())) == ("Hello.", None)
    await asyncio.wait_for(server.ended.wait(), 1)


async def test_tokens_are_the_servers_where_it_tells(model: HuggingFace, server: FaultServer) -> None:
    server.answer = is_json(200, [{"id": 1}, {"id": 2}])
    assert await model.count([*ASKED, Turn(role="assistant", text="Hello")]) == [2, 2]
    assert [(request.path, request.json) for request in server.requests] == [
        ("/models/gpt-j/tokenize", {"inputs": "Human: Hi\n"}),
        ("/models/gpt-j/tokenize", {"inputs": "Bot: Hello\n"}),
    ]


async def test_a_server_that_is_down_is_seen_without_a_call(model: HuggingFace, server: FaultServer) -> None:
    server.listing = HTTP["503"].answer
    changed = asyncio.Event()
    model.subscribe(changed.set)
    await model.start()
    await asyncio.wait_for(changed.wait(), 2)
    assert model.state.condition is Condition.DOWN
