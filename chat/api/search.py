"""Search: a visitor's messages by their words."""

from typing import Annotated
from uuid import UUID

from ninja import Query, Router

from chat import history, protocol, threads, words
from chat.api.caller import Call
from chat.api.cursors import place_cursor, read_place
from chat.api.objects import PROBLEMS, Hit, Hits

router = Router()
SEARCH_PAGE = 25
SNIPPET = 80  # characters either side of the first word found


@router.get("/search", response={200: Hits, **PROBLEMS}, summary="My messages that contain the words")
async def search(request: Call, q: Annotated[str, Query(max_length=200)], cursor: str = "") -> Hits:
    """What was said last first, twenty-five a page: where words begin with each of those asked for."""
    before = read_place(cursor)
    if request.auth.id is None:
        return Hits(items=[], next=None)
    return await threads.read(_hits, request.auth.id, protocol.written(q), before)


def _hits(visitor: UUID, query: str, before: int | None) -> Hits:
    found = history.search(visitor, query, before=before, limit=SEARCH_PAGE + 1)
    shown = found[:SEARCH_PAGE]
    items = [
        Hit(session=history.session_object(each.session), message=message, snippet=_snippet(each.message.text, query))
        for each, message in zip(shown, history.message_objects([each.message for each in shown]), strict=True)
    ]
    return Hits(items=items, next=place_cursor(shown[-1].place) if len(found) > SEARCH_PAGE else None)


def _snippet(text: str, query: str) -> str:
    """Return the text about the first place where one of the words stands."""
    first, last = words.place(text, query)
    start, end = max(first - SNIPPET, 0), last + SNIPPET
    return ("…" if start else "") + " ".join(text[start:end].split()) + ("…" if end < len(text) else "")
