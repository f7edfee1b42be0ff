"""GPT-J-6B itself on this machine's processors: CTranslate2 in a child process, spoken to over loopback."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from django.core import checks
from pydantic import Field

from gptj import transcript
from gptj.backends import ctranslate2_server
from gptj.backends.base_model import bots_own
from gptj.backends.local import Local
from gptj.exceptions import Misconfigured
from gptj.options import Options
from gptj.tokens import Counter, gpt2_files
from gptj.values import Event, Sampling, Turn

WEIGHTS = "model.bin"  # what a converted model's folder holds
CONTEXT_TOKENS = 2048  # GPT-J's positions


class CTranslate2Options(Options):
    """`compute_type`: int8 takes up a quarter of float32's memory. One reply is made at a time."""

    context_window: int = Field(CONTEXT_TOKENS, ge=64, le=CONTEXT_TOKENS)
    max_new_tokens: int = Field(256, ge=1)
    temperature: float | None = Field(0.8, ge=0, le=2)
    top_p: float | None = Field(0.9, gt=0, le=1)
    concurrency: int = Field(1, ge=1, le=1)
    timeout_s: float = Field(600, gt=0, le=86_400)  # six billion weights on processors
    compute_type: Literal["int8", "int8_float32", "int16", "float32"] = "int8"


class CTranslate2(Local):
    """A converted GPT-J by its folder, shown a transcript.

    A seed is not heeded: CTranslate2 takes one per thread and process only, not per reply.
    """

    options_type = CTranslate2Options
    options: CTranslate2Options
    template = transcript.TEMPLATE
    program = Path(ctranslate2_server.__file__)

    def __init__(self, *, alias: str, url: str, api_key: str = "", **options: object) -> None:
        parts = urlsplit(url)
        if parts.netloc or parts.path in {"", "/"}:
            raise Misconfigured("It has no path.", hint="ctranslate2:///path/to/gpt-j-6b has three slashes.")
        path = Path(unquote(parts.path))
        super().__init__(alias=alias, url=url, api_key=api_key, path=path, file=path / WEIGHTS, **options)
        self.label = self.options.label or path.name
        self.context_window -= transcript.FRAME_TOKENS
        self._counter = Counter(self.tokens, overhead=0)

    async def count(self, turns: Sequence[Turn]) -> list[int]:
        """Tokens of each turn with its label: the model's own once it is loaded, until then estimated."""
        return await self._counter.count([transcript.line(turn) for turn in turns])

    async def answer(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Answer the last turn, in one attempt. Raises GenerationError."""
        writing = self._client.text(transcript.prompt(turns), sampling, transcript.STOPS)
        async with aclosing(bots_own(writing)) as events:
            async for event in events:
                yield event

    def check(self) -> list[checks.CheckMessage]:
        """Warn of what keeps the model from running: the server starts without it."""
        wrong = ""
        if any(find_spec(name) is None for name in ("ctranslate2", "tokenizers", "numpy")):
            wrong = ctranslate2_server.NO_PACKAGE
        elif not (self.path / WEIGHTS).is_file():
            wrong = f"There is no file {self.path / WEIGHTS}."
        about, _, hint = wrong.partition(": ")
        return [checks.Warning(f"Model {self.alias!r}: {about}", hint=hint or None, id="gptj.W002")] if wrong else []

    def config(self) -> Mapping[str, Any]:
        """Return what a new child is told."""
        vocabulary, merges = gpt2_files()
        return {
            "context_window": self.options.context_window,
            "compute_type": self.options.compute_type,
            "vocabulary": str(vocabulary),
            "merges": str(merges),
        }
