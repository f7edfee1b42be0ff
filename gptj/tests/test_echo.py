"""The backend that repeats."""

import pytest

from gptj import Finished, Piece, Sampling, Turn, generators
from gptj.tests.conftest import UseModels
from gptj.tests.reading import ASKED


@pytest.mark.parametrize("text", ["Hi", "two  words\n", "  led in", "", "a\n\nb"])
async def test_the_last_message_comes_back_unchanged(use_models: UseModels, text: str) -> None:
    use_models(default="echo://")
    replying = generators["default"].stream([*ASKED, Turn(role="user", text=text)], Sampling())
    assert "".join([event.text async for event in replying if isinstance(event, Piece)]) == text


async def test_no_more_words_come_than_were_asked_for(use_models: UseModels) -> None:
    use_models(default="echo://")
    turns = [Turn(role="user", text="one two three")]
    events = [event async for event in generators["default"].stream(turns, Sampling(max_new_tokens=2))]
    assert events[:2] == [Piece(text="one"), Piece(text=" two")]
    assert isinstance(events[2], Finished)
    assert (events[2].reason, events[2].completion_tokens) == ("length", 2)
