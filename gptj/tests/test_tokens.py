"""Counting tokens: what is known is not asked again."""

from gptj.tokens import KEPT_TEXTS, Counter, estimate


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
