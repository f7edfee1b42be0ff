"""Any server that speaks the OpenAI API: vLLM, llama.cpp, Ollama, LM Studio, OpenAI and many more."""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Literal

from pydantic import Field

from gptj import transcript
from gptj.backends.base_model import bots_own
from gptj.backends.completions import Completions
from gptj.backends.http import Server, patience
from gptj.backends.remote import Remote
from gptj.exceptions import GenerationError, RequestRejected, ResponseGarbled
from gptj.options import Options
from gptj.tokens import ASK_AGAIN_S, Counter
from gptj.values import Event, Sampling, Turn

TURN_TOKENS = 10  # of a chat template: ChatML has 5 a turn and 4 around all, Llama 3 has 5 and 5


class OpenAIOptions(Options):
    """`model`: its name at the server; empty, the first that the server lists. `mode`: completions for a base model."""

    model: str = Field("", max_length=200)
    mode: Literal["chat", "completions"] = "chat"


class OpenAICompatible(Remote):
    """Completions over HTTP, streamed as server-sent events."""

    options_type = OpenAIOptions
    options: OpenAIOptions
    template = "openai-chat/1"

    def __init__(self, *, alias: str, url: str, api_key: str = "", **options: object) -> None:
        super().__init__(alias=alias, url=url, api_key=api_key, **options)
        self.label = self.options.label or self.options.model or alias
        self._server = Server(self.at, api_key=api_key, patience=patience(self.timeout_s))
        self._client = Completions(self._server, model=self.options.model)
        self._chats = self.options.mode == "chat"
        self._counter = Counter(self._client.tokens, overhead=TURN_TOKENS if self._chats else 0, rest_s=ASK_AGAIN_S)
        if not self._chats:
            self.template = transcript.TEMPLATE
            self.context_window -= transcript.FRAME_TOKENS

    async def count(self, turns: Sequence[Turn]) -> list[int]:
        """Tokens of each turn: the server's where it has /tokenize, else estimated."""
        return await self._counter.count([turn.text if self._chats else transcript.line(turn) for turn in turns])

    async def close(self) -> None:
        """Look no more; close the connections."""
        await super().close()
        await self._server.close()

    async def answer(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Answer the last turn, in one attempt. Raises GenerationError."""
        await self._find_model()
        if self._chats:
            answering = self._client.chat(turns, sampling)
        else:
            answering = bots_own(self._client.text(transcript.prompt(turns), sampling, transcript.STOPS))
        async with aclosing(answering) as events:
            async for event in events:
                yield event

    async def look(self) -> str:
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

    async def _find_model(self) -> None:
        """Take the server's first model where none is configured; a server that lists none has only one."""
        if not self._client.model:
            with contextlib.suppress(RequestRejected, ResponseGarbled):
                self._client.model = next(iter(await self._client.models()), "")
