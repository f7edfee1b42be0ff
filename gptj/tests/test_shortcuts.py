"""What a person types in `manage.py shell`."""

import asyncio
from threading import Timer

import pytest
from django.core.management import call_command

import gptj
from gptj import Condition, Turn, generators
from gptj.backends.scripted import Scripted
from gptj.exceptions import BackendTimeout, UnknownModel
from gptj.tests.conftest import UseModels


@pytest.fixture
def model(use_models: UseModels) -> Scripted:
    use_models(default="scripted://", parrot="echo://")
    made = generators["default"]
    assert isinstance(made, Scripted)
    return made


def test_generate_gives_the_whole_answer(model: Scripted) -> None:
    assert gptj.generate("Hi", temperature=0.5, system="Be kind.") == "Hello there."
    call = model.calls[0]
    assert list(call.turns) == [Turn(role="system", text="Be kind."), Turn(role="user", text="Hi")]
    assert call.sampling.temperature == 0.5


def test_stream_gives_pieces(model: Scripted) -> None:
    assert list(gptj.stream("Hi")) == ["Hello", " there."]


def test_a_conversation_can_be_given_and_another_model_named(model: Scripted) -> None:
    turns = [
        Turn(role="user", text="Hi"),
        Turn(role="assistant", text="Hello"),
        Turn(role="user", text="again and again"),
    ]
    assert gptj.generate(turns, using="parrot") == "again and again"


async def test_async_code_has_the_same(model: Scripted) -> None:
    assert await gptj.agenerate("Hi") == "Hello there."
    assert [piece async for piece in gptj.astream("Hi")] == ["Hello", " there."]


def test_each_event_loop_can_use_it(model: Scripted) -> None:
    assert [asyncio.run(gptj.agenerate("Hi")) for _ in range(2)] == ["Hello there."] * 2


def test_what_goes_wrong_is_raised_after_what_came(model: Scripted) -> None:
    model.script("Hel", BackendTimeout("Too slow."))
    pieces = gptj.stream("Hi")
    assert next(pieces) == "Hel"
    with pytest.raises(BackendTimeout, match=r"Too slow\."):
        next(pieces)


def test_an_unknown_model_is_named(model: Scripted) -> None:
    with pytest.raises(UnknownModel, match="default, parrot"):
        gptj.generate("Hi", using="nobody")


async def test_who_stops_reading_stops_the_model(model: Scripted) -> None:
    model.script("Hel", 60.0, "lo")
    pieces = gptj.astream("Hi")
    assert await anext(pieces) == "Hel"
    await pieces.aclose()
    async with asyncio.timeout(2):
        while not model.calls[0].stopped:  # noqa: ASYNC110 (on another event loop)
            await asyncio.sleep(0.01)


def test_a_model_that_loads_is_waited_for_and_said(model: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    model.load(Condition.LOADING)
    Timer(0.1, model.load, [Condition.OK]).start()
    assert gptj.generate("Hi") == "Hello there."
    assert capsys.readouterr().err == "default is being loaded ...\n"


def test_models_tells_each_state(model: Scripted) -> None:
    model.load(Condition.DOWN, detail="Away.")
    assert {alias: state.condition.value for alias, state in gptj.models().items()} == {
        "default": "down",
        "parrot": "ok",
    }


def test_the_shell_has_it_at_hand(model: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("shell", command="print(generate('Hi', using='parrot'), gptj.models() == models())", verbosity=0)
    assert capsys.readouterr().out == "Hi True\n"
