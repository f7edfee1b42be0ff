"""What a tab is told of what it has not seen: at joining, and when it asks what it missed."""

import asyncio
from collections.abc import Callable

from chat import history, protocol
from chat.delivery import delivery
from chat.protocol import Message
from chat.replies import queue_frame, replies

Put = Callable[[protocol.ServerFrame], None]  # sends a frame to the tab, after those before it


async def tell_all(feed: history.Feed, put: Put) -> None:
    """Tell what changed in `sync` frames, with every reply in the making and its place in line."""
    pages = protocol.pages(await _with_making(feed))
    for number, messages in enumerate(pages, start=1):
        put(
            protocol.Sync(
                messages=messages,
                head=feed.session.head,
                leaf=feed.session.leaf,
                reset=feed.reset and number == 1,
                more=number < len(pages),
            )
        )
        await asyncio.sleep(0)  # it is taken to be sent before anything comes on top
    _tell_places(feed, put)


async def heal(feed: history.Feed, after: int, put: Put) -> None:
    """Tell a tab that is as far as `after` all that it may have missed, and how far that brings it."""
    if feed.session.seq > after:
        put(protocol.SessionChanged(session=feed.session))
    if feed.reset or len(feed.messages) > protocol.SYNC_MESSAGES:
        await tell_all(feed, put)
    else:
        for message in await _with_making(feed):
            put(protocol.MessageChanged(message=message))
    put(protocol.ServerPong(head=feed.session.head))
    _tell_places(feed, put)


async def _with_making(feed: history.Feed) -> list[Message]:
    """Return what changed and every reply in the making with its text so far, ascending by `seq`."""
    messages = {message.id: message for message in (*feed.messages, *feed.making)}
    return await delivery.with_drafts(sorted(messages.values(), key=lambda each: each.seq))


def _tell_places(feed: history.Feed, put: Put) -> None:
    for message in feed.making:
        place = replies.lines.place(message.id)
        if place is not None:
            put(queue_frame(place))
        elif message.status == "queued":
            replies.ask_place(message.id)
