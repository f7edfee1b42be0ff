"""The backend that plays what a test wrote."""

import asyncio
from contextlib import aclosing

import pytest

from gptj import Condition, Finished, Piece, Sampling, Turn, generators
from gptj.backends.scripted import Scripted
from gptj.exceptions import BackendTimeout
from gptj.tests.conftest import UseModels
from gptj.tests.reading import ASKED, read


@pytest.fixture
def model(use_models: UseModels) -> Scripted:
    use_models(default="scripted://")
    made = generators["default"]
    assert isinstance(made, Scripted)
    return made


async def test_scripts_are_played_in_order_and_then_the_usual_one(model: Scripted) -> None:
    model.script("One")
    model.script("Tw", BackendTimeout("slow"))
    assert await read(model.stream(ASKED, Sampling())) == ("One", None)
    text, error = await read(model.stream(ASKED, Sampling()))
    assert (text, type(error)) == ("Tw", BackendTimeout)
    assert await read(model.stream(ASKED, Sampling())) == ("Hello there.", None)


async def test_what_it_was_shown_is_recorded(model: Scripted) -> None:
    turns = [Turn(role="system", text="Be kind."), *ASKED]
    await read(model.stream(turns, Sampling(seed=3)))
    assert (list(model.calls[0].turns), model.calls[0].sampling) == (turns, Sampling(seed=3))


async def test_a_reply_waits_for_an_event_and_a_pause(model: Scripted) -> None:
    released = asyncio.Event()
    model.script("Hel", released, 0.001, "lo", Finished(reason="length"))
    async with aclosing(model.stream(ASKED, Sampling())) as replying:
        assert await anext(replying) == Piece(text="Hel")
        rest = asyncio.create_task(anext(replying))
        await asyncio.sleep(0)
        assert not rest.done()
        released.set()
        assert await rest == Piece(text="lo")
        assert await anext(replying) == Finished(reason="length")


async def test_a_test_can_wait_for_a_call_and_see_it_stopped(model: Scripted) -> None:
    model.script("Hel", asyncio.Event())
    reading = asyncio.create_task(read(model.stream(ASKED, Sampling())))
    call = await model.called()
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert call.stopped


async def test_a_state_is_told_to_who_subscribed(model: Scripted) -> None:
    changed = asyncio.Event()
    model.subscribe(changed.set)
    model.load(Condition.LOADING, progress=0.5)
    await asyncio.wait_for(changed.wait(), 1)
    assert (model.state.condition, model.state.progress) == (Condition.LOADING, 0.5)
