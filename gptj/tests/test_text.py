"""What may not pass from a model to a conversation."""

from hypothesis import given
from hypothesis import strategies as st

from gptj.backends.text import Cleaner, cleaned


@given(st.text(st.characters(codec="utf-8"), max_size=50), st.lists(st.integers(0, 100), max_size=5))
def test_pieces_split_within_a_surrogate_pair_are_whole_again(text: str, cuts: list[int]) -> None:
    units = [text.encode("utf-16-le")[i : i + 2] for i in range(0, len(text.encode("utf-16-le")), 2)]
    marks = sorted(min(cut, len(units)) for cut in cuts)
    cleaner = Cleaner()
    pieces = [
        cleaner.clean("".join(unit.decode("utf-16-le", "surrogatepass") for unit in units[a:b]))
        for a, b in zip([0, *marks], [*marks, len(units)], strict=True)
    ]
    assert "".join(pieces) == cleaned(text)


@given(st.text(st.characters()))
def test_what_is_cleaned_can_be_stored_and_sent(text: str) -> None:
    clean = cleaned(text)
    clean.encode()
    assert "\0" not in clean


def test_lines_and_tabs_stay_and_other_control_characters_go() -> None:
    assert cleaned("a\tb\r\nc\0\x1b[31m\x7f\ud800d") == "a\tb\nc[31md"


def test_emoji_that_are_joined_stay_joined() -> None:
    assert cleaned("👩\u200d👩\u200d👧") == "👩\u200d👩\u200d👧"
