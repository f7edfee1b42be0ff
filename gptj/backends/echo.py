"""Repeats the last message, word by word; for development."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence

from pydantic import Field

from gptj.backends.base import Backend, Event, Finished, Piece, Sampling, Turn
from gptj.options import Options
from gptj.tokens import estimate


class EchoOptions(Options):
    """`delay_s`: from word to word; a word that was late does not hold up the next."""

    concurrency: int = Field(100, ge=1, le=10_000)
    delay_s: float = Field(0, ge=0, le=60)


class Echo(Backend):
    """No model at all. A word is a token of its replies."""

    options_type = EchoOptions
    options: EchoOptions
    template = "echo/1"

    async def stream(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncGenerator[Event, None]:
        """Give the last turn's words, at most `max_new_tokens` of them."""
        words = re.findall(r"\s*\S+\s*\Z|\s*\S+", turns[-1].text)
        shown = words[: self.own(sampling).max_new_tokens]
        now = asyncio.get_running_loop().time
        due = now()
        for word in shown:
            due += self.options.delay_s
            await asyncio.sleep(max(0, due - now()))
            yield Piece(text=word)
        yield Finished(
            reason="stop" if shown == words else "length",
            prompt_tokens=sum(await self.count(turns)),
            completion_tokens=len(shown),
            model="echo",
        )

    async def count(self, turns: Sequence[Turn]) -> list[int]:
        """Tokens of each turn, estimated."""
        return [estimate(turn.text) for turn in turns]
