"""What a base model writes, cut to the bot's own words as it comes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from gptj.exceptions import ResponseGarbled
from gptj.transcript import Reply
from gptj.values import Event, Finished, Piece


async def bots_own(events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """Give `events` up to where the model goes on for another, and close them there.

    Raises ResponseGarbled if nothing is left.
    """
    reply = Reply()
    end: Finished | None = None
    said = False
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Finished):
                end = event
                break
            if text := reply.feed(event.text):
                said = True
                yield Piece(text=text)
            if reply.ended:
                break
    if text := reply.close():
        said = True
        yield Piece(text=text)
    if not said:
        raise ResponseGarbled("The model gave an empty answer.")
    yield end or Finished(reason="stop")
