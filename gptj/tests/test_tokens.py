"""Counting tokens: what is known is not asked again."""

import asyncio

import pytest

from gptj.exceptions import BackendUnreachable
from gptj.tokens import KEPT_TEXTS, Counter, ask_gpt2, estimate, gpt2_tokens
from gptj.transcript import FRAME_TOKENS, PERSONA


class Asked:
    """Counts letters, notes what it was asked, and knows nothing of "?"."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def __call__(self, text: str) -> int | None:
        self.texts.append(text)
        return None if text == "?" else len(text)


async def test_a_turn_costs_only_what_is_new() -> None:
    asked = Asked()
    counter = Counter(asked, overhead=5)
    assert await counter.count(["a", "bb"]) == [6, 7]
    assert await counter.count(["a", "bb", "ccc"]) == [6, 7, 8]
    assert asked.texts == ["a", "bb", "ccc"]


async def test_the_same_text_twice_is_asked_once() -> None:
    asked = Asked()
    assert await Counter(asked, overhead=0).count(["a", "a"]) == [1, 1]
    assert asked.texts == ["a"]


async def test_what_nobody_knows_is_estimated_and_asked_again() -> None:
    asked = Asked()
    counter = Counter(asked, overhead=1)
    assert await counter.count(["?"]) == [1 + estimate("?")]
    await counter.count(["?"])
    assert asked.texts == ["?", "?"]


async def test_who_did_not_tell_is_left_in_peace_for_a_while() -> None:
    asked = Asked()
    counter = Counter(asked, overhead=1, rest_s=0.1)
    assert await counter.count(["a", "?"]) == [2, 1 + estimate("?")]
    assert await counter.count(["a", "bb"]) == [2, 1 + estimate("bb")]
    assert asked.texts == ["a", "?"]
    await asyncio.sleep(0.1)
    assert await counter.count(["a", "bb"]) == [2, 3]


async def test_a_server_that_fails_is_one_that_does_not_tell() -> None:
    async def fails(_text: str) -> int | None:
        raise BackendUnreachable("The model's server cannot be reached.")

    assert await Counter(fails, overhead=0).count(["a word"]) == [estimate("a word")]


async def test_what_was_not_used_for_long_is_forgotten() -> None:
    asked = Asked()
    counter = Counter(asked, overhead=0)
    await counter.count([str(number) for number in range(KEPT_TEXTS)])
    await counter.count(["0"])
    await counter.count(["new"])
    await counter.count(["0", "1"])
    assert asked.texts[KEPT_TEXTS:] == ["new", "1"]


async def test_more_texts_than_are_kept_are_counted_all_the_same() -> None:
    texts = [str(number) for number in range(KEPT_TEXTS + 10)]
    assert await Counter(Asked(), overhead=0).count(texts) == [len(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("Hello world, this is GPT-J", 9), (" the", 1), ("\n\n", 1), ("don't", 2), ("日本", 4), ("\ud800", 1)],
)
async def test_gpt2s_tokens_are_counted_exactly(text: str, tokens: int) -> None:
    assert gpt2_tokens(text) == tokens
    assert await ask_gpt2(text) == tokens


TEXTS = [
    "The quick brown fox jumps over the lazy dog, doesn't it? " * 5,
    "def fit(turns, *, budget_tokens: int) -> Window:\n    return [turn for turn in turns if turn]\n" * 3,
    "Donaudampfschifffahrtsgesellschaftskapitän fährt über Überlingen nach Österreich.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "日本語のテキストと中文文本和한국어 텍스트",
    "👩‍👩‍👧 🎉🎉 ½ ≠ ∑",
    "1234567890 3.14159 2026-11-22T10:00:00Z 0xdeadbeef",
    "| a | b |\n| --- | --- |\n| 1 | 2 |\n",
    "https://example.com/a/b?c=d&e=f#g",
    "aGVsbG8gd29ybGQgdGhpcyBpcyBiYXNlNjQ=",
    "        deeply\n\t\tindented\n\n\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_an_estimate_is_never_too_low_and_not_absurdly_high(text: str) -> None:
    assert gpt2_tokens(text) <= estimate(text) <= 4 * gpt2_tokens(text)


def test_a_transcripts_frame_is_within_what_is_set_aside_for_it() -> None:
    assert gpt2_tokens(f"{PERSONA}\n\nBot:") <= FRAME_TOKENS
