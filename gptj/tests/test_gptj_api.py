"""The GPT-J API as it is, well and misbehaving."""

import asyncio
import json

import pytest
from pytest_django import Settings

from gptj import Condition, Finished, Piece, Sampling, Turn, generators
from gptj.backends.gptj_api import GptjApi
from gptj.exceptions import BackendTimeout, ContextTooLong, ResponseGarbled, StreamIncomplete
from gptj.tests.conftest import UseModels
from gptj.tests.fault_server import Answer, FaultServer, Request, head, is_json, says
from gptj.tests.faults import HTTP, Fault
from gptj.tests.reading import ASKED, read
from gptj.tokens import gpt2_tokens

pytestmark = pytest.mark.usefixtures("impatient")

REFUSAL = is_json(200, {"text": "Don't abuse the API, please."})


def wrote(text: object) -> Answer:
    return is_json(200, {"model": "GPT-J-6B", "compute_time": 1.2, "text": text})


@pytest.fixture
def model(server: FaultServer, use_models: UseModels) -> GptjApi:
    server.answer = wrote(" Hello.\nHuman:")
    use_models(default=f"gptj+{server.url}")
    made = generators["default"]
    assert isinstance(made, GptjApi)
    return made


async def test_the_reply_comes_in_one_piece_without_the_stop_sequence(model: GptjApi) -> None:
    events = [event async for event in model.stream(ASKED, Sampling())]
    prompt = "The following is a conversation between a human and a helpful bot.\n\nHuman: Hi\nBot:"
    assert events == [
        Piece(text="Hello."),
        Finished(reason="stop", prompt_tokens=gpt2_tokens(prompt), completion_tokens=gpt2_tokens(" Hello.\nHuman:")),
    ]
    assert not model.streams


async def test_everything_is_asked_for_in_the_query(model: GptjApi, server: FaultServer) -> None:
    await read(model.stream(ASKED, Sampling(temperature=0, top_p=0.5, max_new_tokens=7)))
    request = server.posted[0]
    assert (request.path, request.body) == ("/generate", b"")
    assert request.query == {
        "context": "The following is a conversation between a human and a helpful bot.\n\nHuman: Hi\nBot:",
        "token_max_length": "7",
        "temperature": "0.01",
        "top_p": "0.5",
        "stop_sequence": "\nHuman:",
    }


async def test_a_reply_at_its_limit_says_so(model: GptjApi, server: FaultServer) -> None:
    server.answer = wrote(" one two three")
    events = [event async for event in model.stream(ASKED, Sampling(max_new_tokens=3))]
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "length"


TALK = [
    Turn(role="system", text="A chat."),
    Turn(role="user", text="First."),
    Turn(role="assistant", text="Yes."),
    Turn(role="user", text="Second."),
]


async def test_a_refusal_is_answered_by_showing_less_once(model: GptjApi, server: FaultServer) -> None:
    server.answers = [REFUSAL]
    assert await read(model.stream(TALK, Sampling())) == ("Hello.", None)
    assert [request.query["context"] for request in server.posted] == [
        "A chat.\n\nHuman: First.\nBot: Yes.\nHuman: Second.\nBot:",
        "A chat.\n\nHuman: Second.\nBot:",
    ]


async def test_a_second_refusal_is_a_prompt_that_is_too_long_and_never_an_answer(
    model: GptjApi, server: FaultServer
) -> None:
    server.answer = REFUSAL
    text, error = await read(model.stream(TALK, Sampling()))
    assert (text, type(error), len(server.posted)) == ("", ContextTooLong, 2)


async def test_prompt_and_reply_stay_within_what_the_server_takes(model: GptjApi, server: FaultServer) -> None:
    turns = [Turn(role=role, text="word " * 100) for _ in range(15) for role in ("user", "assistant")] + ASKED
    await read(model.stream(turns, Sampling(max_new_tokens=200)))
    tokens = gpt2_tokens(server.posted[0].query["context"])
    assert 2048 - 200 - 250 < tokens <= 2048 - 200


async def test_a_last_turn_that_is_too_long_is_refused_with_its_number(model: GptjApi, server: FaultServer) -> None:
    _, error = await read(model.stream([Turn(role="user", text="word " * 2000)], Sampling()))
    assert isinstance(error, ContextTooLong)
    assert "2020 tokens long; the model can read 1792" in error.detail
    assert server.posted == []


async def test_no_transcript_has_more_tokens_than_were_counted(model: GptjApi, server: FaultServer) -> None:
    turns = [Turn(role="user", text="Ça va, 日本?"), Turn(role="assistant", text="Oui.\nHuman: x"), *ASKED]
    counted = sum(await model.count(turns))
    await read(model.stream(turns, Sampling()))
    assert gpt2_tokens(server.posted[0].query["context"]) <= counted + 2048 - model.context_window


@pytest.mark.parametrize("name", [name for name in HTTP if not name.startswith("sends a header")])
async def test_a_fault_is_called_what_it_is_and_the_next_reply_is_well(
    model: GptjApi, server: FaultServer, name: str
) -> None:
    well, server.answer = server.answer, HTTP[name].answer
    text, error = await read(model.stream(ASKED, Sampling()))
    assert (text, type(error)) == ("", HTTP[name].raised), error
    assert "canary" not in str(error)
    server.answer = well
    assert await read(model.stream(ASKED, Sampling())) == ("Hello.", None)


DRIPS: list[bytes | float] = [b" ", 0.2] * 20
OWN_FAULTS: dict[str, Fault] = {
    "has no text": Fault(answer=is_json(200, {"model": "GPT-J-6B"}), raised=ResponseGarbled),
    "has null for text": Fault(answer=wrote(None), raised=ResponseGarbled),
    "has a number for text": Fault(answer=wrote(7), raised=ResponseGarbled),
    "has empty text": Fault(answer=wrote(""), raised=ResponseGarbled),
    "goes on for the person at once": Fault(answer=wrote("\nHuman: Hi"), raised=ResponseGarbled),
    "breaks off": Fault(
        answer=says(head(200, "application/json", "Content-Length: 999") + b'{"model"'), raised=StreamIncomplete
    ),
    "is 2 MB": Fault(answer=says(head(200, "application/json") + b"x" * 2_000_000), raised=ResponseGarbled),
    "comes five bytes a second": Fault(answer=says(head(200, "application/json"), *DRIPS), raised=BackendTimeout),
}


@pytest.mark.parametrize("name", OWN_FAULTS)
async def test_its_own_faults_are_called_what_they_are(model: GptjApi, server: FaultServer, name: str) -> None:
    server.answer = OWN_FAULTS[name].answer
    _, error = await read(model.stream(ASKED, Sampling()))
    assert type(error) is OWN_FAULTS[name].raised


async def test_nul_and_half_a_pair_do_not_get_through(model: GptjApi, server: FaultServer) -> None:
    server.answer = wrote(" Hel\0lo\ud800.")
    assert await read(model.stream(ASKED, Sampling())) == ("Hello.", None)


async def test_one_request_at_a_time(model: GptjApi, server: FaultServer) -> None:
    now = most = 0

    async def slowly(request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.05)
        now -= 1
        await wrote(" Hello.")(request, writer)

    server.answer = slowly
    replies = await asyncio.gather(*(read(model.stream(ASKED, Sampling())) for _ in range(4)))
    assert (replies, most) == ([("Hello.", None)] * 4, 1)


async def test_a_stopped_call_keeps_its_place_until_the_server_has_ended_it(
    model: GptjApi, server: FaultServer
) -> None:
    ended = asyncio.Event()
    began: list[bool] = []
    calling = asyncio.Event()

    async def slowly(request: Request, writer: asyncio.StreamWriter) -> None:
        began.append(ended.is_set())
        calling.set()
        await asyncio.sleep(0.3)
        ended.set()
        await wrote(" Hello.")(request, writer)

    server.answer = slowly
    stopped = asyncio.create_task(read(model.stream(ASKED, Sampling())))
    await calling.wait()
    stopped.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopped
    assert not ended.is_set()
    assert await read(model.stream(ASKED, Sampling())) == ("Hello.", None)
    assert began == [False, True]


async def test_the_time_in_line_is_not_the_servers(
    server: FaultServer, use_models: UseModels, settings: Settings
) -> None:
    settings.GPTJ_TOTAL_TIMEOUT_S = 0.5
    use_models(default=f"gptj+{server.url}")
    server.answer = says(0.3, head(200, "application/json") + json.dumps({"model": "GPT-J-6B", "text": "Hi"}).encode())
    replies = await asyncio.gather(*(read(generators["default"].stream(ASKED, Sampling())) for _ in range(3)))
    assert replies == [("Hi", None)] * 3


async def test_a_server_that_is_down_is_seen_without_a_call(use_models: UseModels, unused_tcp_port: int) -> None:
    use_models(default=f"gptj+http://127.0.0.1:{unused_tcp_port}")
    changed = asyncio.Event()
    generators["default"].subscribe(changed.set)
    await generators.start()
    await asyncio.wait_for(changed.wait(), 2)
    assert generators["default"].state.condition is Condition.DOWN


async def test_a_name_for_a_link_local_address_is_not_called(use_models: UseModels) -> None:
    use_models(default="gptj+http://2852039166")  # 169.254.169.254 as inet_aton(3) reads it
    _, error = await read(generators["default"].stream(ASKED, Sampling()))
    assert error is not None
    assert error.code == "upstream_unavailable"
