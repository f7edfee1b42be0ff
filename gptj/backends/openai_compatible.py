"""Any server that speaks the OpenAI API: vLLM, llama.cpp, Ollama, LM Studio, OpenAI and many more."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Literal

from pydantic import Field

from gptj import transcript
from gptj.backends import address
from gptj.backends.base import Backend, Condition, Event, Sampling, State, Turn
from gptj.backends.base_model import bots_own
from gptj.backends.completions import Completions
from gptj.backends.http import Server, patience
from gptj.backends.watch import Watch
from gptj.exceptions import GenerationError, RequestRejected, ResponseGarbled
from gptj.options import Options
from gptj.resilience import Breaker, guarded, persistently
from gptj.tokens import Counter

TURN_TOKENS = 10  # of a chat template: ChatML has 5 a turn and 4 around all, Llama 3 has 5 and 5
TOKENIZE_AGAIN_S = 300.0  # after a server did not tell tokens


class OpenAIOptions(Options):
    """`model`: its name at the server; empty, the first that the server lists. `mode`: completions for a base model."""

    model: str = Field("", max_length=200)
    mode: Literal["chat", "completions"] = "chat"


class OpenAICompatible(Backend):
    """Completions over HTTP, streamed as server-sent events."""

    options_type = OpenAIOptions
    options: OpenAIOptions
    template = "openai-chat/1"

    def __init__(self, *, alias: str, url: str, api_key: str = "", **options: object) -> None:
        super().__init__(alias=alias, url=url, api_key=api_key, **options)
        at = url.removeprefix("openai+")
        address.require(at)
        self._server = Server(at, api_key=api_key, patience=patience(self.timeout_s))
        self._client = Completions(self._server, model=self.options.model)
        self._chats = self.options.mode == "chat"
        self._counter = Counter(self._tokens, overhead=TURN_TOKENS if self._chats else 0)
        if not self._chats:
            self.template = transcript.TEMPLATE
            self.context_window -= transcript.FRAME_TOKENS
        self._no_tokens_until = 0.0
        self._breaker = Breaker(self._learn)
        self._watch = Watch(self._probe, self._learn)
        self.label = self.options.label or self.options.model or alias

    async def stream(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Answer the last turn. Raises GenerationError."""
        own = self.own(sampling)
        async with aclosing(guarded(self._breaker, persistently(lambda: self._answer(turns, own)))) as events:
            async for event in events:
                yield event

    async def count(self, turns: Sequence[Turn]) -> list[int]:
        """Tokens of each turn: the server's where it has /tokenize, else estimated."""
        return await self._counter.count([turn.text if self._chats else transcript.line(turn) for turn in turns])

    async def start(self) -> None:
        """Begin to look after the server now and then."""
        self._watch.start()

    async def close(self) -> None:
        """Stop looking; close the connections."""
        await self._watch.close()
        await self._server.close()

    async def _answer(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        await self._find_model()
        if self._chats:
            answering = self._client.chat(turns, sampling)
        else:
            answering = bots_own(self._client.text(transcript.prompt(turns), sampling, transcript.STOPS))
        async with aclosing(answering) as events:
            async for event in events:
                yield event

    async def _find_model(self) -> None:
        """Take the server's first model where none is configured; a server that lists none has only one."""
        if not self._client.model:
            with contextlib.suppress(RequestRejected, ResponseGarbled):
                self._client.model = next(iter(await self._client.models()), "")

    async def _tokens(self, text: str) -> int | None:
        now = asyncio.get_running_loop().time()
        if now < self._no_tokens_until:
            return None
        try:
            tokens = await self._client.tokens(text)
        except GenerationError:
            tokens = None
        if tokens is None:
            self._no_tokens_until = now + TOKENIZE_AGAIN_S
        return tokens

    async def _probe(self) -> str:
        """Return what is wrong with the server now, or "". One that does not list its models answers, too."""
        try:
            await self._client.models()
        except ResponseGarbled:
            return ""
        except RequestRejected as error:
            return "" if error.status == 404 else error.detail
        except GenerationError as error:
            return error.detail
        return ""

    def _learn(self, wrong: str) -> None:
        """Take on the state in which `wrong` is what is wrong."""
        self.become(State(condition=Condition.DOWN if wrong else Condition.OK, detail=wrong))
