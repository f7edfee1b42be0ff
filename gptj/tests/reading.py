"""What tests do with a reply."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from gptj import Event, Piece, Turn
from gptj.exceptions import GenerationError

ASKED = [Turn(role="user", text="Hi")]


async def read(replying: AsyncGenerator[Event, None]) -> tuple[str, GenerationError | None]:
    """Return a reply's text, and what went wrong."""
    text = ""
    try:
        async with aclosing(replying) as events:
            async for event in events:
                text += event.text if isinstance(event, Piece) else ""
    except GenerationError as error:
        return text, error
    return text, None
