"""The HTTP API, described to programs at /api/openapi.json and to people at /api/docs."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from ninja import NinjaAPI, Query, Schema, Status
from ninja.errors import HttpError, ValidationError
from ninja.renderers import BaseRenderer
from ninja.security import APIKeyCookie
from pydantic import ConfigDict, Field
from pydantic_core import to_json

from chat import catalogue, export, history, protocol, threads, words
from chat.delivery import delivery
from chat.limits import allowance
from chat.models import TITLE_LENGTH
from chat.protocol import Code, Limits, Message, Model, Refused, Session
from chat.replies import replies
from chat.views import csrf_failure, failure
from gptj import generators

SESSIONS_PAGE = 50
SEARCH_PAGE = 25
SYSTEM_PROMPT = 16_000  # UTF-16 code units; what fits is the model's to say
SNIPPET = 80  # characters either side of the first word found

STATUS = {
    Code.BAD_REQUEST: HTTPStatus.BAD_REQUEST,
    Code.CSRF: HTTPStatus.FORBIDDEN,
    Code.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Code.NAME_REQUIRED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.UNKNOWN_MODEL: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.TOO_LONG: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.RATE_LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
    Code.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls: a visitor, or nobody yet."""

    id: UUID | None
    name: str


class Call(HttpRequest):
    """A request whose caller is known."""

    auth: Caller


class VisitorCookie(APIKeyCookie):
    """Knows the visitor by Django's session cookie, and checks CSRF for every unsafe call."""

    param_name = settings.SESSION_COOKIE_NAME

    async def authenticate(self, request: HttpRequest, key: str | None) -> Caller:
        """Return the caller; nobody is a caller too."""
        return await threads.read(_caller, request)


def _caller(request: HttpRequest) -> Caller:
    known = request.session.get("visitor")
    visitor = history.visitor(UUID(known)) if known else None
    if visitor is not None and visitor.blocked_at is not None:
        raise history.blocked()
    return Caller(id=visitor.id, name=visitor.name) if visitor else Caller(id=None, name="")


class WireJSON(BaseRenderer):
    """JSON as in the frames: Django's own would cut times to milliseconds."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        """Return what a view answers as JSON."""
        return to_json(data)


api = NinjaAPI(
    title="Chatbot",
    version="1",
    auth=VisitorCookie(),
    renderer=WireJSON(),
    description="See docs/protocol.md.",
)


# --- Objects ---------------------------------------------------------------------------------------------------------


class Asked(Schema):
    """What a client may send; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Problem(Schema):
    """Every error: a code for programs, a sentence for people."""

    code: str
    detail: str


class Visitor(Schema):
    """Whoever uses this browser."""

    id: UUID
    name: str


class Me(Schema):
    """All that the page needs to start."""

    visitor: Visitor | None
    models: list[Model]
    limits: Limits


class SessionChange(Asked):
    """What may be set of a session."""

    title: str | None = Field(None, max_length=TITLE_LENGTH)
    model: str | None = None
    system_prompt: str | None = None
    sampling: protocol.Sampling | None = None


class NewSession(SessionChange):
    """A new session; `name` is required while the visitor has none."""

    name: str | None = None


class Sessions(Schema):
    """A page of sessions; `next` is the cursor of the one after."""

    items: list[Session]
    next: str | None


class Messages(Schema):
    """Messages of a branch, nearest last."""

    items: list[Message]
    more: bool


class Hit(Schema):
    """A message that was found, with the words about the first one."""

    session: Session
    message: Message
    snippet: str


class Hits(Schema):
    """A page of hits, newest first."""

    items: list[Hit]
    next: str | None


class Feedback(Asked):
    """A thumb: up, down, or none."""

    value: Literal[1, 0, -1]


PROBLEMS: dict[Any, Any] = {frozenset({400, 401, 403, 404, 422, 429, 503}): Problem}


# --- The visitor -----------------------------------------------------------------------------------------------------


@api.get("/me", response=Me, summary="Who am I, and what is there?")
async def me(request: Call) -> Me:
    """Sets the CSRF cookie, and renews the visitor's."""
    get_token(request)
    caller = request.auth
    if caller.id is not None:
        request.session.modified = True
    visitor = Visitor(id=caller.id, name=caller.name) if caller.id else None
    return Me(visitor=visitor, models=catalogue.models(), limits=catalogue.limits())


@api.delete("/me", response={204: None, **PROBLEMS}, summary="Delete me and all that is mine")
async def delete_me(request: Call) -> Status[Any]:
    """Nothing is kept; replies in the making end silently."""
    if request.auth.id is not None:
        _forget(await threads.write(history.delete_visitor, request.auth.id))
    await request.session.aflush()
    return Status(204, None)


# --- Sessions --------------------------------------------------------------------------------------------------------


@api.post("/sessions", response={201: Session, **PROBLEMS}, summary="Begin a session")
async def open_session(request: Call, asked: NewSession) -> Status[Any]:
    """`name` given again renames the visitor."""
    name = None if asked.name is None else _name(asked.name)
    wanted = _wanted(asked)
    await allowance().open_session(request.META.get("REMOTE_ADDR", ""))
    session, visitor = await threads.write(history.open_session, request.auth.id, name, "default", wanted)
    if visitor != request.auth.id:
        await request.session.acycle_key()
        await request.session.aset("visitor", str(visitor))
    delivery.tell_visitor(visitor, protocol.SessionChanged(session=session))
    return Status(201, session)


@api.get("/sessions", response={200: Sessions, **PROBLEMS}, summary="My sessions, latest activity first")
async def list_sessions(request: Call, cursor: str = "") -> Sessions:
    """Fifty a page."""
    if request.auth.id is None:
        return Sessions(items=[], next=None)
    before = _read_cursor(cursor)
    found = await threads.read(history.sessions, request.auth.id, before=before, limit=SESSIONS_PAGE + 1)
    items = found[:SESSIONS_PAGE]
    more = len(found) > SESSIONS_PAGE
    return Sessions(items=items, next=_cursor(items[-1].updated_at, items[-1].id) if more else None)


@api.get("/sessions/{session}", response={200: Session, **PROBLEMS}, summary="One session")
async def get_session(request: Call, session: str) -> Session:
    """Another visitor's answers as an unknown one."""
    return await threads.read(history.session, session, request.auth.id)


@api.patch("/sessions/{session}", response={200: Session, **PROBLEMS}, summary="Change a session")
async def change_session(request: Call, session: str, asked: SessionChange) -> Session:
    """While a reply is made, a change of model or settings applies to the next."""
    changed = await threads.write(history.change_session, session, request.auth.id, _wanted(asked))
    if request.auth.id is not None:
        delivery.tell_visitor(request.auth.id, protocol.SessionChanged(session=changed))
    return changed


@api.delete("/sessions/{session}", response={204: None, **PROBLEMS}, summary="Delete a session")
async def delete_session(request: Call, session: str) -> Status[Any]:
    """With its messages; a reply in the making ends silently."""
    found = await threads.write(history.delete_session, session, request.auth.id)
    if request.auth.id is not None:
        _forget(history.Deleted(visitor=request.auth.id, sessions=[found]))
    return Status(204, None)


def _forget(deleted: history.Deleted) -> None:
    for session in deleted.sessions:
        replies.abandon(session)
    delivery.tell_deleted(deleted)


# --- Messages --------------------------------------------------------------------------------------------------------


@api.get("/sessions/{session}/messages", response={200: Messages, **PROBLEMS}, summary="A session's messages")
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


@api.get("/sessions/{session}/export", response={200: str, **PROBLEMS}, summary="The whole conversation as a file")
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


@api.get("/search", response={200: Hits, **PROBLEMS}, summary="My messages that contain the words")
async def search(request: Call, q: Annotated[str, Query(max_length=200)], cursor: str = "") -> Hits:
    """What was said last first, twenty-five a page: where words begin with each of those asked for."""
    before = _read_place(cursor)
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
    return Hits(items=items, next=_place(shown[-1].place) if len(found) > SEARCH_PAGE else None)


def _snippet(text: str, query: str) -> str:
    """Return the text about the first place where one of the words stands."""
    first, last = words.place(text, query)
    start, end = max(first - SNIPPET, 0), last + SNIPPET
    return ("…" if start else "") + " ".join(text[start:end].split()) + ("…" if end < len(text) else "")


@api.put("/messages/{message}/feedback", response={200: Message, **PROBLEMS}, summary="Thumbs")
async def give_feedback(request: Call, message: str, asked: Feedback) -> Message:
    """1, 0 or -1, for a reply."""
    session, changed = await threads.write(history.give_feedback, message, request.auth.id, asked.value)
    delivery.tell_session(session, protocol.MessageChanged(message=changed))
    return changed


# --- What is asked, checked ------------------------------------------------------------------------------------------


def _name(name: str) -> str:
    kept = " ".join(protocol.written(name).split())
    if not kept:
        raise Refused(Code.NAME_REQUIRED, "Say a name first.")
    limit = settings.LIMITS["name"]
    if protocol.utf16_length(kept) > limit:
        raise Refused(Code.TOO_LONG, f"A name may be {limit} characters long.")
    return kept


def _wanted(asked: SessionChange) -> history.Settings:
    if asked.model is not None and asked.model not in set(generators):
        choices = ", ".join(generators)
        raise Refused(Code.UNKNOWN_MODEL, f"The model {asked.model!r} is not configured. Choose one of: {choices}.")
    prompt = None if asked.system_prompt is None else protocol.written(asked.system_prompt).strip()
    if prompt is not None and protocol.utf16_length(prompt) > SYSTEM_PROMPT:
        raise Refused(Code.TOO_LONG, f"A system prompt may be {SYSTEM_PROMPT} characters long.")
    title = None if asked.title is None else " ".join(protocol.written(asked.title).split())
    if title is not None and len(title) > TITLE_LENGTH:  # NFC makes a few letters longer
        raise Refused(Code.TOO_LONG, f"A title may be {TITLE_LENGTH} characters long.")
    return history.Settings(title=title, model=asked.model, system_prompt=prompt, sampling=asked.sampling)


def _cursor(moment: datetime, key: UUID) -> str:
    return base64.urlsafe_b64encode(f"{moment.isoformat()} {key}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID] | None:
    if not cursor:
        return None
    try:
        moment, key = base64.urlsafe_b64decode(cursor).decode().split(" ")
        return datetime.fromisoformat(moment).astimezone(UTC), UUID(key)
    except (ValueError, OverflowError) as error:  # binascii.Error is a ValueError
        raise Refused(Code.BAD_REQUEST, "This cursor was not given out here.") from error


def _place(place: int) -> str:
    return base64.urlsafe_b64encode(str(place).encode()).decode()


def _read_place(cursor: str) -> int | None:
    if not cursor:
        return None
    try:
        place = base64.urlsafe_b64decode(cursor).decode()
    except ValueError:  # binascii.Error is one
        place = ""
    if not re.fullmatch(r"[1-9][0-9]{0,17}", place):
        raise Refused(Code.BAD_REQUEST, "This cursor was not given out here.")
    return int(place)


# --- Errors ----------------------------------------------------------------------------------------------------------


@api.exception_handler(Refused)
def _refused(request: HttpRequest, refused: Refused) -> HttpResponse:
    status = STATUS.get(refused.code, HTTPStatus.BAD_REQUEST)
    return failure(refused.code, refused.detail, status, retry_after_s=refused.retry_after_s)


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    detail = protocol.fault_told(first["loc"][2:] or first["loc"][1:], first["msg"])
    return failure(Code.BAD_REQUEST, detail, HTTPStatus.UNPROCESSABLE_ENTITY)


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if error.status_code == HTTPStatus.FORBIDDEN:  # Ninja's own is for CSRF alone
        return csrf_failure(request)
    return failure(Code.BAD_REQUEST, error.message, error.status_code)
