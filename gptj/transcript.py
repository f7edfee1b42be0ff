"""Turns to a base model's prompt, and the reply cut out of what it wrote. Pure.

A base model continues a text. It is shown a transcript that ends where the bot is about to speak:

    The following is a conversation between a human and a helpful bot.

    Human: Hello!
    Bot: Hello. What can I do for you?
    Human: Tell me a joke.
    Bot:
"""

import re
from collections.abc import Sequence

from gptj.values import Turn

TEMPLATE = "transcript/1"
PERSONA = "The following is a conversation between a human and a helpful bot."
LABELS = {"user": "Human", "assistant": "Bot"}
STOP = "\nHuman:"  # for servers that take one stop sequence
STOPS = (STOP, "\nBot:")  # for those that take more
FRAME_TOKENS = 24  # of PERSONA, the blank line and the last label, in GPT-2's tokens: 18

MAX_SPACE_CHARS = 200  # in a row: a model that writes more of it has nothing to say
REPEATED_CHARS = 200  # of the same over and over: a model that has lost its way; at least
REPEATED_TIMES = 4  # so often
LONGEST_UNIT_CHARS = 120  # of what is repeated
CHECKED_EVERY_CHARS = 8  # of the whole reply, however it is split
SEEN_CHARS = LONGEST_UNIT_CHARS * REPEATED_TIMES  # of a text's end, to tell whether it repeats itself
MARK_CHARS = 8  # at a text's end; where they stood before, a repetition may have begun

_LABEL = r"[ \t>]*(?:Human|Bot)[ \t]*:"
_THE_END = re.compile(rf"\n{_LABEL}|\s{{{MAX_SPACE_CHARS}}}", re.IGNORECASE)
_FIRST_LABEL = re.compile(_LABEL, re.IGNORECASE)
_OWN_LABEL = re.compile(r"[ \t>]*Bot[ \t]*:\s*", re.IGNORECASE)
_FORGED = re.compile(rf"^(?={_LABEL})", re.IGNORECASE)
_STARTS = "|".join(label[:length] for label in LABELS.values() for length in range(len(label), 0, -1))
_PERHAPS = re.compile(rf"\n[ \t>]*(?:(?:{_STARTS})[ \t]*)?\Z", re.IGNORECASE)
_PERHAPS_FIRST = re.compile(rf"\A[ \t>]*(?:(?:{_STARTS})[ \t]*)?\Z", re.IGNORECASE)


def prompt(turns: Sequence[Turn]) -> str:
    """Return the transcript of `turns`, at whose end the bot is to speak. A system turn is the persona above it."""
    persona = "\n".join(turn.text for turn in turns if turn.role == "system") or PERSONA
    said = "".join(line(turn) for turn in turns if turn.role != "system")
    return f"{_unforged(persona)}\n\n{said}{LABELS['assistant']}:"


def line(turn: Turn) -> str:
    """Return what one turn adds to a transcript."""
    if turn.role == "system":
        return f"{_unforged(turn.text)}\n"
    return f"{LABELS[turn.role]}: {_unforged(turn.text)}\n"


def _unforged(text: str) -> str:
    """Return `text` so that none of its lines begins as a turn does; such a line becomes a quotation."""
    # splitlines() knows more ends of lines than "\n": none of them may hide a label.
    lines = text.strip().splitlines()
    return "\n".join(_FORGED.sub("| ", each) for each in lines)


class Reply:
    """Cuts the bot's own words out of what a base model writes, piece by piece.

    Whatever the pieces, the same text comes out: no space around it, and nothing from the first label on.
    """

    def __init__(self) -> None:
        self.ended = False  # the model went on to another's words, or lost its way: it can be stopped
        self._held = ""  # what may yet turn out to be a label, or space at the end
        self._shown = 0  # chars
        self._seen = ""  # the last of them

    def feed(self, piece: str) -> str:
        """Return what of the reply is certain now."""
        if self.ended:
            return ""
        self._held += piece
        if not self._shown:
            self._begin()
        end = (None if self._shown else _FIRST_LABEL.match(self._held)) or _THE_END.search(self._held)
        if end is not None:
            self.ended = True
            return self._show(self._held[: end.start()].rstrip())
        perhaps = _PERHAPS.search(self._held) or (None if self._shown else _PERHAPS_FIRST.match(self._held))
        certain = (self._held if perhaps is None else self._held[: perhaps.start()]).rstrip()
        self._held = self._held[len(certain) :]
        return self._show(certain)

    def close(self) -> str:
        """Return what was held back and is none of the labels' beginnings; the model wrote no more."""
        rest = "" if self.ended else self._held
        self.ended = True
        perhaps = _PERHAPS.search(rest) or (None if self._shown else _PERHAPS_FIRST.match(rest))
        return self._show((rest if perhaps is None else rest[: perhaps.start()]).rstrip())

    def _begin(self) -> None:
        """Leave out the space and the bot's own label before its words."""
        self._held = self._held.lstrip()
        while own := _OWN_LABEL.match(self._held):
            self._held = self._held[own.end() :]

    def _show(self, text: str) -> str:
        """Take `text` as shown, up to where the same comes over and over."""
        seen = self._seen + text
        before = self._shown - len(self._seen)  # chars, of which nothing is looked at any more
        first = -(-(self._shown + 1) // CHECKED_EVERY_CHARS) * CHECKED_EVERY_CHARS - before
        for end in range(first, len(seen) + 1, CHECKED_EVERY_CHARS):
            if repeats(seen[max(0, end - SEEN_CHARS) : end]):
                self.ended = True
                seen = seen[:end]
                break
        shown = seen[len(self._seen) :]
        self._shown += len(shown)
        self._seen = seen[-SEEN_CHARS:]
        return shown


def repeats(text: str) -> bool:
    """Whether `text` ends in the same over and over."""
    if len(text) < REPEATED_CHARS:
        return False
    tail = text[-SEEN_CHARS:]
    mark = len(tail) - MARK_CHARS
    found = mark
    while (found := tail.rfind(tail[mark:], 0, found + MARK_CHARS - 1)) >= 0:
        unit = mark - found
        length = max(REPEATED_TIMES, -(-REPEATED_CHARS // unit)) * unit
        if unit > LONGEST_UNIT_CHARS or length > len(tail):
            continue
        end = tail[-length:]
        if end[unit:] == end[:-unit]:
            return True
    return False
