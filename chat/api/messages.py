"""Messages: a session's, as pages and as a file, and the thumbs."""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router

from chat import export, history, protocol, threads
from chat.api.caller import Call
from chat.api.objects import PROBLEMS, Feedback, Messages
from chat.delivery import delivery
from chat.protocol import Message, Session

router = Router()


@router.get("/sessions/{session}/messages", response={200: Messages, **PROBLEMS}, summary="A session's messages")
async def list_messages(  # noqa: PLR0917 (query parameters, never given by place)
    request: Call,
    session: str,
    before: UUID | None = None,
    leaf: UUID | None = None,
    around: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Messages:
    """The ancestors of `before`, or the end of the current branch or of `leaf`'s, or those about `around`."""

    def find() -> history.Page:
        kept = history.owned(session, request.auth.id)
        if around is not None:
            return history.around(kept, around)
        return history.page(kept, before=before, leaf=leaf, limit=limit)

    page = await threads.read(find)
    return Messages(items=await delivery.with_drafts(page.items), more=page.more)


@router.get("/sessions/{session}/export", response={200: str, **PROBLEMS}, summary="The whole conversation as a file")
async def export_session(
    request: Call,
    session: str,
    format: Literal["markdown", "json"] = "markdown",  # noqa: A002 (the parameter's name is fixed)
) -> HttpResponse:
    """Markdown holds the current branch; JSON every message."""

    def find() -> tuple[Session, Sequence[Message], Sequence[Message]]:
        kept = history.owned(session, request.auth.id)
        return history.session_object(kept), history.current(kept), history.whole(kept)

    found, current, everything = await threads.read(find)
    if format == "json":
        return _download(export.as_json(found, everything), "application/json", export.filename(found, "json"))
    return _download(export.as_markdown(found, current), "text/markdown; charset=utf-8", export.filename(found, "md"))


def _download(content: str, kind: str, filename: str) -> HttpResponse:
    return HttpResponse(
        content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{filename}"'}
    )


@router.put("/messages/{message}/feedback", response={200: Message, **PROBLEMS}, summary="Thumbs")
async def give_feedback(request: Call, message: str, asked: Feedback) -> Message:
    """1, 0 or -1, for a reply."""
    session, changed = await threads.write(history.give_feedback, message, request.auth.id, asked.value)
    delivery.tell_session(session, protocol.MessageChanged(message=changed))
    return changed
