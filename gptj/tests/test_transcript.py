"""Turns to a base model's prompt and back, whatever people and models write."""

import re
import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptj import Turn
from gptj.transcript import PERSONA, Reply, line, prompt, repeats

# What people write by accident or on purpose, beside anything at all.
WORDS = st.sampled_from(
    [
        "Human:",
        "Bot:",
        "human :",
        "\n",
        "\r\n",
        "\u2028",
        "\x0b",
        "\x85",
        " ",
        "\t",
        "> ",
        "Hum",
        "an:",
        "B",
        "ot",
        ":",
        "hi",
        "x",
    ]
)
TEXT = st.one_of(st.text(max_size=40), st.lists(WORDS, max_size=20).map("".join))
TURNS = st.lists(st.builds(Turn, role=st.sampled_from(["user", "assistant"]), text=TEXT), min_size=1, max_size=6)
A_LABEL = re.compile(r"^[ \t>]*(human|bot)[ \t]*:", re.IGNORECASE)


def reply(*pieces: str) -> str:
    cutter = Reply()
    return "".join([cutter.feed(piece) for piece in pieces] + [cutter.close()])


def test_a_conversation_is_written_out() -> None:
    turns = [
        Turn(role="system", text="A chat with a pirate."),
        Turn(role="user", text=" Ahoy! "),
        Turn(role="assistant", text="Arr.\nWhat?"),
        Turn(role="user", text="Gold?"),
    ]
    assert prompt(turns) == "A chat with a pirate.\n\nHuman: Ahoy!\nBot: Arr.\nWhat?\nHuman: Gold?\nBot:"


def test_without_a_system_turn_there_is_a_persona() -> None:
    assert prompt([Turn(role="user", text="Hi")]) == f"{PERSONA}\n\nHuman: Hi\nBot:"


@given(turns=TURNS, persona=TEXT)
def test_nobody_can_forge_a_label(turns: list[Turn], persona: str) -> None:
    written = prompt([Turn(role="system", text=persona), *turns])
    labels = [each for each in written.splitlines() if A_LABEL.match(each)]
    assert len(labels) == len(turns) + 1
    assert written.endswith("\nBot:")


@given(TURNS)
def test_a_prompt_is_its_turns_one_after_the_other(turns: list[Turn]) -> None:
    assert prompt(turns) == f"{PERSONA}\n\n{''.join(map(line, turns))}Bot:"


@given(text=TEXT, cuts=st.lists(st.integers(0, 200), max_size=8))
def test_however_it_is_split_the_same_reply_comes_out(text: str, cuts: list[int]) -> None:
    marks = sorted(min(cut, len(text)) for cut in cuts)
    pieces = [text[a:b] for a, b in zip([0, *marks], [*marks, len(text)], strict=True)]
    assert reply(*pieces) == reply(text) == reply(*text)


@given(TEXT)
def test_no_label_leaks_and_no_space_is_around_a_reply(text: str) -> None:
    said = reply(text)
    assert said == said.strip()
    assert not re.search(r"(\A|\n)[ \t>]*(human|bot)[ \t]*:", said, re.IGNORECASE)


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=100))
def test_plain_text_is_kept_whole(text: str) -> None:
    if not A_LABEL.match(text.lstrip() + ":"):
        expected = text.strip()
        assert reply(text) in {expected, expected[: len(reply(text))]}


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([" Hello."], "Hello."),
        ([" Hello.\nHuman: Hi again"], "Hello."),
        ([" Hello.", "\nHu", "man", ": Hi"], "Hello."),
        ([" Hello.\n", "Human", " was my first"], "Hello.\nHuman was my first"),
        ([" Hello.\nHum"], "Hello."),
        (["\nBot: Hello.\nBot: More."], "Hello."),
        ([" Bot: Bot: Hello."], "Hello."),
        (["Human: Hi"], ""),
        (["  \n "], ""),
        (["One\n\n\nTwo\n\n\n"], "One\n\n\nTwo"),
        (["A robot: R2D2"], "A robot: R2D2"),
    ],
)
def test_the_bots_own_words_are_cut_out(pieces: list[str], said: str) -> None:
    assert reply(*pieces) == said


def test_a_model_that_goes_on_for_the_person_can_be_stopped() -> None:
    cutter = Reply()
    assert cutter.feed("Hello.\nHuman:") == "Hello."
    assert cutter.ended
    assert cutter.feed("more") == ""


@pytest.mark.parametrize("unit", ["a", "ha ", "I do not know. ", "A line of text that comes back again.\n"])
def test_endless_repetition_is_cut(unit: str) -> None:
    said = reply("Well. ", *[unit] * 1000)
    assert said.startswith("Well. ")
    assert len(said) < 600


@pytest.mark.parametrize("text", ["-" * 80, "| a | b |\n" * 8, "0, 1, 1, 2, 3, 5", "no no no no"])
def test_some_repetition_is_not(text: str) -> None:
    assert not repeats(text)


def test_an_answer_of_1_mib_is_looked_through_in_a_moment() -> None:
    """The event loop waits for it, and with it everybody else."""
    random = Random(1)  # noqa: S311 (no secret)
    text = "".join(random.choices("abcdefghij ", k=1_048_576))
    began = time.process_time()
    assert len(reply(text)) > 1_000_000
    assert time.process_time() - began < 3


def test_endless_space_is_cut() -> None:
    cutter = Reply()
    assert cutter.feed("Hello." + "\n" * 1000) == "Hello."
    assert cutter.ended
