"""The GPT-J API: POST /generate with query parameters, the whole answer in one piece (gpt-j-api serve.py)."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Sequence
from urllib.parse import urlsplit

from pydantic import Field

from gptj import transcript
from gptj.backends.address import refused
from gptj.backends.http import QUICK_S, patience
from gptj.backends.one_piece import Line
from gptj.backends.remote import Remote
from gptj.backends.text import cleaned
from gptj.exceptions import ContextTooLong, ResponseGarbled
from gptj.options import Options
from gptj.tokens import Counter, ask_gpt2, gpt2_tokens
from gptj.values import Event, Finished, Piece, Sampling, Turn

CONTEXT_TOKENS = 2048  # prompt and reply together; the API refuses more


class GptjApiOptions(Options):
    """`concurrency` is one: such a server answers one request at a time."""

    context_window: int = Field(CONTEXT_TOKENS - transcript.FRAME_TOKENS, ge=64, le=CONTEXT_TOKENS)
    max_new_tokens: int = Field(256, ge=1)
    temperature: float | None = Field(0.8, ge=0, le=2)
    top_p: float | None = Field(0.9, gt=0, le=1)
    concurrency: int = Field(1, ge=1, le=1)


class GptjApi(Remote):
    """A base model, shown a transcript."""

    options_type = GptjApiOptions
    streams = False
    template = transcript.TEMPLATE

    def __init__(self, *, alias: str, url: str, api_key: str = "", **options: object) -> None:
        super().__init__(alias=alias, url=url, api_key=api_key, **options)
        self.label = self.options.label or "GPT-J-6B"
        self._line = Line(self.at, api_key=api_key, patience=patience(self.timeout_s))
        self._counter = Counter(ask_gpt2, overhead=0)

    async def count(self, turns: Sequence[Turn]) -> list[int]:
        """Tokens of each turn with its label, by GPT-2's vocabulary."""
        return await self._counter.count([transcript.line(turn) for turn in turns])

    async def answer(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Give the answer, in one attempt. Raises GenerationError."""
        shown = await self._fitting(turns, sampling)
        written = await self._generate(shown, sampling)
        if written is None:
            # The server counts otherwise than we do: show it less, once.
            shown = _without_the_oldest(shown)
            written = await self._generate(shown, sampling)
        if written is None:
            raise ContextTooLong("The conversation is longer than the model can read.")
        reply = transcript.Reply()
        text = reply.feed(written) + reply.close()
        if not text:
            raise ResponseGarbled("The model gave an empty answer.")
        tokens = await asyncio.to_thread(gpt2_tokens, written)
        yield Piece(text=text)
        yield Finished(
            reason="length" if tokens >= (sampling.max_new_tokens or self.max_new_tokens) else "stop",
            prompt_tokens=await asyncio.to_thread(gpt2_tokens, transcript.prompt(shown)),
            completion_tokens=tokens,
        )

    async def _fitting(self, turns: Sequence[Turn], sampling: Sampling) -> Sequence[Turn]:
        """Return the newest of `turns` that leave room for the reply. Raises ContextTooLong."""
        room = CONTEXT_TOKENS - (sampling.max_new_tokens or self.max_new_tokens)
        while True:
            tokens = await asyncio.to_thread(gpt2_tokens, transcript.prompt(turns))
            if tokens <= room:
                return turns
            fewer = _without_the_oldest(turns)
            if len(fewer) == len(turns):
                raise ContextTooLong(f"The prompt is {tokens} tokens long; the model can read {room}.")
            turns = fewer

    async def _generate(self, turns: Sequence[Turn], sampling: Sampling) -> str | None:
        """Return what the model wrote, or None if it was shown too much."""
        parameters = {
            "context": transcript.prompt(turns),
            "token_max_length": sampling.max_new_tokens,
            "temperature": max(sampling.temperature or 0, 0.01),  # the server divides by it
            "top_p": sampling.top_p,
            "stop_sequence": transcript.STOP,
        }
        try:
            answer = json.loads(await self._line.post("/generate", parameters))
            text = answer["text"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ResponseGarbled("The model's server does not answer as a GPT-J API does.") from error
        if not isinstance(text, str):
            raise ResponseGarbled("The model's server answers with text that is none.")
        # It refuses with HTTP 200 and a body that holds "text" alone (gpt-j-api serve.py).
        return cleaned(text) if "model" in answer else None

    async def look(self) -> str:
        """Return what is wrong with the server now: it may be busy for minutes, so only whether it can be reached."""
        parts = urlsplit(self.at)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            async with asyncio.timeout(QUICK_S):
                _, writer = await asyncio.open_connection(parts.hostname, port)
        except (OSError, TimeoutError):
            return "The model's server cannot be reached."
        there = str(writer.get_extra_info("peername", [""])[0])
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return "The model's server has a link-local address, which is refused." if refused(there) else ""


def _without_the_oldest(turns: Sequence[Turn]) -> Sequence[Turn]:
    """Return `turns` without the oldest that a person said and the answer to it; the last one always stays."""
    said = [index for index, turn in enumerate(turns) if turn.role != "system"]
    begins = [index for index in said[1:] if turns[index].role == "user"]
    first = begins[0] if begins else said[-1]
    return [turn for index, turn in enumerate(turns) if turn.role == "system" or index >= first]
