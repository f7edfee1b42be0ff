"""The objects that frames and the HTTP API speak of."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class Sampling(BaseModel):
    """How the model chooses; null leaves it to the model's own setting."""

    model_config = ConfigDict(extra="forbid")

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_new_tokens: Annotated[int, Field(ge=1, le=100_000)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None


class Session(BaseModel):
    """One conversation."""

    id: UUID
    seq: int
    head: int
    title: str
    visitor_name: str
    model: str
    system_prompt: str
    sampling: Sampling
    leaf: UUID | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None


class Failure(BaseModel):
    """Why a reply failed."""

    code: str
    detail: str


class Context(BaseModel):
    """What the model was shown: tokens of prompt, of its window, and the oldest message among them."""

    tokens: int
    window: int
    first: UUID | None


class Usage(BaseModel):
    """What a reply took; null where unknown."""

    prompt_tokens: int | None
    completion_tokens: int | None
    queued_ms: int | None
    first_token_ms: int | None
    total_ms: int | None


class Message(BaseModel):
    """One message; a reply if `role` is assistant."""

    id: UUID
    seq: int
    n: int
    client_id: UUID | None
    role: Literal["user", "assistant"]
    parent: UUID | None
    siblings: list[UUID]
    text: str
    status: Literal["complete", "queued", "streaming", "stopped", "failed"]
    attempt: int
    finish: Literal["stop", "length", "cap"] | None
    error: Failure | None
    model: str | None
    created_at: datetime
    context: Context | None
    usage: Usage | None
    feedback: int


class Model(BaseModel):
    """A model one can talk with; `progress` of loading from 0 to 1, `detail` what a person should know of its state."""

    alias: str
    label: str
    context_window: int
    max_new_tokens: int
    streams: bool
    state: Literal["ok", "loading", "degraded", "down"]
    progress: float | None
    detail: str = ""


class Limits(BaseModel):
    """How much one visitor may: lengths in UTF-16 code units."""

    text: int
    name: int
    reply: int
    sends_per_minute: int
    sockets: int
