"""A text as the words that a search finds it by: without case or accents, in every script. Pure.

What has no spaces between its words (Chinese, Japanese, Thai, ...) is taken as pairs of characters, and a symbol as a
word of its own, so that whatever can be written can be found.
"""

import re
import unicodedata

LONGEST = 40  # characters of a word that count; PostgreSQL takes no word over 2,046 bytes
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai and Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese, Japanese
)
MARKS = "\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"  # vowels and the like, which `\w` lacks

_ascii = re.compile(r"[a-z0-9]+|[!-/:-@\[-`{-~]")
_unspaced = re.compile(f"([{UNSPACED}]+)")
_any = re.compile(rf"(?:[^\W_]|[{MARKS}])+|[^\w\s]|_")
_accents = re.compile("[\u0300-\u036f]")


def indexed(text: str) -> list[str]:
    """Return the different words of `text`, in the order of their first places; none is empty or holds a space."""
    return list(dict.fromkeys(_words(text, ends=True)))


def wanted(query: str) -> list[str]:
    """Return what each word of a matching text must begin with: every one of these, at some place."""
    return list(dict.fromkeys(_words(query, ends=False)))


def place(text: str, query: str) -> tuple[int, int]:
    """Return where in `text` the first of the query's words begins and ends; (0, 0) if it stands there otherwise."""
    for word in query.split():
        found = re.search(rf"(?<!\w){re.escape(word)}", text, re.IGNORECASE) or re.search(
            re.escape(word), text, re.IGNORECASE
        )
        if found:
            return found.span()
    sought = tuple(wanted(query))
    for found in _any.finditer(text):
        if any(word.startswith(sought) for word in _words(found[0], ends=True)):
            return found.span()
    return 0, 0


def _words(text: str, *, ends: bool) -> list[str]:
    """Return all words; with `ends`, the last character of what has no spaces too, so that it is found alone."""
    if text.isascii():
        return [_word(word) for word in _ascii.findall(text.lower())]
    words: list[str] = []
    for at, part in enumerate(_unspaced.split(_folded(text))):
        if at % 2:
            words += [part[start : start + 2] for start in range(max(len(part) - (not ends), 1))]
        else:
            words += [_word(word) for word in _any.findall(part) if _counts(word)]
    return words


def _folded(text: str) -> str:
    """Return it without case, accents and the ways in which one character can be written."""
    plain = _accents.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return unicodedata.normalize("NFC", plain).casefold()


def _word(word: str) -> str:
    """Return a word as it is kept: a symbol by its number, after a sign that no word has."""
    return word[:LONGEST] if word[0].isalnum() or len(word) > 1 else f"¤{ord(word):06x}"


def _counts(word: str) -> bool:
    """Tell whether it is more than what only shapes its neighbours: a joiner, a variation, a control."""
    return len(word) > 1 or unicodedata.category(word)[0] not in "CM"
