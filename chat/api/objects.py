"""What is asked of the HTTP API, and what it answers, where the wire has no object for it yet."""

from typing import Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from chat import protocol
from chat.models import TITLE_LENGTH
from chat.protocol import Limits, Message, Model, Session


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
