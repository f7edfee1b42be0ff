"""Sessions: begun, listed, changed, deleted."""

from typing import Any

from ninja import Router, Status

from chat import history, protocol, threads
from chat.api.asked import name_of, settings_of
from chat.api.caller import Call
from chat.api.cursors import moment_cursor, read_moment
from chat.api.objects import PROBLEMS, NewSession, SessionChange, Sessions
from chat.delivery import delivery
from chat.limits import allowance
from chat.protocol import Session
from chat.replies import replies

router = Router()
SESSIONS_PAGE = 50


@router.post("/sessions", response={201: Session, **PROBLEMS}, summary="Begin a session")
async def open_session(request: Call, asked: NewSession) -> Status[Any]:
    """`name` given again renames the visitor."""
    name = None if asked.name is None else name_of(asked.name)
    wanted = settings_of(asked)
    await allowance().open_session(request.META.get("REMOTE_ADDR", ""))
    session, visitor = await threads.write(history.open_session, request.auth.id, name, "default", wanted)
    if visitor != request.auth.id:
        await threads.write(request.session.cycle_key)
        request.session["visitor"] = str(visitor)
    delivery.tell_visitor(visitor, protocol.SessionChanged(session=session))
    return Status(201, session)


@router.get("/sessions", response={200: Sessions, **PROBLEMS}, summary="My sessions, latest activity first")
async def list_sessions(request: Call, cursor: str = "") -> Sessions:
    """Fifty a page."""
    if request.auth.id is None:
        return Sessions(items=[], next=None)
    before = read_moment(cursor)
    found = await threads.read(history.sessions, request.auth.id, before=before, limit=SESSIONS_PAGE + 1)
    items = found[:SESSIONS_PAGE]
    more = len(found) > SESSIONS_PAGE
    return Sessions(items=items, next=moment_cursor(items[-1].updated_at, items[-1].id) if more else None)


@router.get("/sessions/{session}", response={200: Session, **PROBLEMS}, summary="One session")
async def get_session(request: Call, session: str) -> Session:
    """Another visitor's answers as an unknown one."""
    return await threads.read(history.session, session, request.auth.id)


@router.patch("/sessions/{session}", response={200: Session, **PROBLEMS}, summary="Change a session")
async def change_session(request: Call, session: str, asked: SessionChange) -> Session:
    """While a reply is made, a change of model or settings applies to the next."""
    changed = await threads.write(history.change_session, session, request.auth.id, settings_of(asked))
    if request.auth.id is not None:
        delivery.tell_visitor(request.auth.id, protocol.SessionChanged(session=changed))
    return changed


@router.delete("/sessions/{session}", response={204: None, **PROBLEMS}, summary="Delete a session")
async def delete_session(request: Call, session: str) -> Status[Any]:
    """With its messages; a reply in the making ends silently."""
    found = await threads.write(history.delete_session, session, request.auth.id)
    if request.auth.id is not None:
        forget(history.Deleted(visitor=request.auth.id, sessions=[found]))
    return Status(204, None)


def forget(deleted: history.Deleted) -> None:
    """End what is still being made for what is deleted, and tell its tabs."""
    for session in deleted.sessions:
        replies.abandon(session)
    delivery.tell_deleted(deleted)
