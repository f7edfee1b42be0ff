"""What a person types in `manage.py shell`: a prompt in, text out, from sync code and async alike."""

import sys
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing
from typing import TypedDict, Unpack

from gptj.backends.base import Condition, Event, Piece, Sampling, State, Turn
from gptj.background import Background
from gptj.registry import generators

_background: Background[Event] = Background()

Prompt = str | Sequence[Turn]


class Wishes(TypedDict, total=False):
    """What `Sampling` holds, and what else may be said: `using` a model's alias, `system` a system prompt."""

    using: str
    system: str | None
    temperature: float | None
    top_p: float | None
    max_new_tokens: int | None
    seed: int | None


def generate(prompt: Prompt, **wishes: Unpack[Wishes]) -> str:
    """Return the model's answer to a text, or to a conversation's last turn. Raises GenerationError.

    `using`: alias of a model; `system`: a system prompt; `temperature`, `top_p`, `max_new_tokens`, `seed`.
    """
    return "".join(stream(prompt, **wishes))


def stream(prompt: Prompt, **wishes: Unpack[Wishes]) -> Generator[str, None, None]:
    """Give the model's answer in pieces; as `generate` else. Whoever stops reading stops the model."""
    for event in events(prompt, **wishes):
        if isinstance(event, Piece):
            yield event.text


async def agenerate(prompt: Prompt, **wishes: Unpack[Wishes]) -> str:
    """Return the model's answer, as `generate` does."""
    async with aclosing(astream(prompt, **wishes)) as pieces:
        return "".join([piece async for piece in pieces])


async def astream(prompt: Prompt, **wishes: Unpack[Wishes]) -> AsyncGenerator[str, None]:
    """Give the model's answer in pieces, as `stream` does."""
    # Not on the loop that runs now: asyncio.run() would leave connections behind with each.
    async with aclosing(_background.aread(_answer(prompt, **wishes))) as found:
        async for event in found:
            if isinstance(event, Piece):
                yield event.text


def events(prompt: Prompt, **wishes: Unpack[Wishes]) -> Generator[Event, None, None]:
    """Give the model's answer in pieces and, at its end, how it went."""
    return _background.read(_answer(prompt, **wishes))


def models() -> dict[str, State]:
    """Return every configured model's alias, and whether it can answer now."""
    return {alias: generators[alias].state for alias in generators}


async def _answer(
    prompt: Prompt, *, using: str = "default", system: str | None = None, **sampling: float | None
) -> AsyncGenerator[Event, None]:
    turns = [Turn(role="user", text=prompt)] if isinstance(prompt, str) else list(prompt)
    if system is not None:
        turns.insert(0, Turn(role="system", text=system))
    backend = generators[using]
    await backend.start()
    if backend.state.condition is Condition.LOADING:
        sys.stderr.write(f"{backend.label} is being loaded ...\n")
        await backend.settled()
    async with aclosing(backend.stream(turns, Sampling(**sampling))) as found:  # type: ignore[arg-type]  # Wishes has their types
        async for event in found:
            yield event
