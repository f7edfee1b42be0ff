"""Two texts side by side, word by word. Pure."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

WORD = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some words, and whether the other text has them too."""

    text: str
    same: bool


def difference(left: str, right: str) -> tuple[list[Stretch], list[Stretch]]:
    """Return both texts as stretches; joined, each is its text again."""
    ours, theirs = WORD.findall(left), WORD.findall(right)
    sides: tuple[list[Stretch], list[Stretch]] = ([], [])
    for kind, start, end, other_start, other_end in SequenceMatcher(a=ours, b=theirs).get_opcodes():
        for side, words in zip(sides, (ours[start:end], theirs[other_start:other_end]), strict=True):
            if words:
                side.append(Stretch("".join(words), kind == "equal"))
    return sides
