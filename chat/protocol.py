"""The frames of the WebSocket, both directions, the objects in them, and the codes. Pure: no Django, no clock."""

import unicodedata
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

FRAME_BYTES = 32 * 1024  # a larger frame is answered with `too_large`; the server ends connections beyond 128 KiB
SYNC_MESSAGES = 50  # messages a `sync` frame
SYNC_BEHIND = 500  # a client further behind than this starts anew
HELLO_S = 5  # for the first frame to come
BAD_FRAMES = 3  # this many end the connection


class Code(StrEnum):
    """What went wrong, for a program. What a model can do wrong has its codes in `gptj.exceptions`."""

    BAD_REQUEST = "bad_request"
    CSRF = "csrf"
    FORBIDDEN = "forbidden"
    NAME_REQUIRED = "name_required"
    UNKNOWN_MODEL = "unknown_model"
    BAD_FRAME = "bad_frame"
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    QUEUE_FULL = "queue_full"
    UNAUTHORIZED = "unauthorized"
    EXPIRED = "expired"
    NOT_FOUND = "not_found"
    UNAVAILABLE = "unavailable"
    CONTEXT_TOO_LONG = "context_too_long"
    INTERRUPTED = "interrupted"
    INTERNAL = "internal"


class Close(IntEnum):
    """Why the server ends a connection. From 4500 on a client does not come back."""

    DRAINING = 4000
    READS_TOO_SLOWLY = 4001
    SILENT = 4002
    NO_RIGHT = 4500
    DELETED = 4501
    BAD_FRAMES = 4503
    TOO_MANY_SOCKETS = 4504


class Refused(Exception):
    """A request that cannot be done, with its code and a sentence for a person."""

    def __init__(self, code: Code, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 code units, as JavaScript counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def written(text: str) -> str:
    """Return what a person wrote as it is kept: NFC, without what no database stores (NUL, lone surrogates)."""
    if not text.isascii():
        text = "".join(char for char in text if not 0xD800 <= ord(char) <= 0xDFFF)
    return unicodedata.normalize("NFC", text.replace("\0", ""))


# --- Objects ---------------------------------------------------------------------------------------------------------


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


# --- Client to server ------------------------------------------------------------------------------------------------


class ClientFrame(BaseModel):
    """What a client may say; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Hello(ClientFrame):
    """The first frame: how far this client is, 0 for nowhere."""

    type: Literal["hello"]
    after: Annotated[int, Field(ge=0, lt=2**63, strict=True)]


class Send(ClientFrame):
    """A new message after the current leaf, and a reply to it."""

    type: Literal["send"]
    client_id: UUID
    text: str


class Edit(ClientFrame):
    """A person's message said otherwise: a sibling with a reply of its own."""

    type: Literal["edit"]
    message: UUID
    client_id: UUID
    text: str


class Regenerate(ClientFrame):
    """Another reply to the same message."""

    type: Literal["regenerate"]
    message: UUID
    client_id: UUID


class Retry(ClientFrame):
    """Make a failed or stopped reply again, in place."""

    type: Literal["retry"]
    message: UUID
    attempt: Annotated[int, Field(ge=1, lt=2**31, strict=True)]


class Stop(ClientFrame):
    """End this reply now and keep what it has."""

    type: Literal["stop"]
    message: UUID
    attempt: Annotated[int, Field(ge=1, lt=2**31, strict=True)]


class Select(ClientFrame):
    """Show the branch that ends below this message."""

    type: Literal["select"]
    message: UUID


class ClientPing(ClientFrame):
    """Still here, and this far."""

    type: Literal["ping"]
    after: Annotated[int, Field(ge=0, lt=2**63, strict=True)]


class ClientPong(ClientFrame):
    """Answers the server's ping."""

    type: Literal["pong"]
    nonce: Annotated[str, Field(max_length=64)]


AnyClientFrame = Annotated[
    Hello | Send | Edit | Regenerate | Retry | Stop | Select | ClientPing | ClientPong, Field(discriminator="type")
]
_client_frames: TypeAdapter[AnyClientFrame] = TypeAdapter(AnyClientFrame)


def parse(text: str | None) -> AnyClientFrame:
    """Read one frame. `text` is None for a binary one.

    Raises Refused with `bad_frame` or `too_large`.
    """
    if text is None:
        raise Refused(Code.BAD_FRAME, "Frames are text, not binary.")
    if len(text) > FRAME_BYTES or (not text.isascii() and len(text.encode("utf-8", "surrogatepass")) > FRAME_BYTES):
        raise Refused(Code.TOO_LARGE, f"A frame may hold {FRAME_BYTES} bytes.")
    try:
        return _client_frames.validate_json(text)
    except ValidationError as error:
        raise Refused(Code.BAD_FRAME, _first_fault(error)) from error
    except UnicodeEncodeError as error:
        raise Refused(Code.BAD_FRAME, "The frame is not valid Unicode.") from error


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}." if place else f"{fault['msg']}."


# --- Server to client ------------------------------------------------------------------------------------------------


class ServerFrame(BaseModel):
    """What the server says."""

    model_config = ConfigDict(frozen=True)

    def encode(self) -> str:
        """Return the frame as JSON text, not `\\u`-escaped."""
        return self.model_dump_json()


class Ready(ServerFrame):
    """Answers `hello`."""

    type: Literal["ready"] = "ready"
    session: Session
    models: list[Model]
    limits: Limits


class Sync(ServerFrame):
    """What a client missed, ascending by `seq`; with `reset` it drops what it holds."""

    type: Literal["sync"] = "sync"
    messages: list[Message]
    head: int
    leaf: UUID | None
    reset: bool
    more: bool


class Ack(ServerFrame):
    """What a client sent is stored; sent after the commit, never before."""

    type: Literal["ack"] = "ack"
    client_id: UUID
    message: UUID
    duplicate: bool


class MessageChanged(ServerFrame):
    """The whole message, at each change of it."""

    type: Literal["message"] = "message"
    message: Message


class Delta(ServerFrame):
    """More of a reply's text, from `offset` in UTF-16 code units on. May be lost; never the truth."""

    type: Literal["delta"] = "delta"
    message: UUID
    attempt: int
    offset: int
    text: str


class Queue(ServerFrame):
    """Waiting for the model; position 1 is next."""

    type: Literal["queue"] = "queue"
    message: UUID
    position: int
    eta_s: float | None


class SessionChanged(ServerFrame):
    """A session of this visitor was made or changed."""

    type: Literal["session"] = "session"
    session: Session


class Gone(ServerFrame):
    """A session of this visitor was deleted or has expired."""

    type: Literal["gone"] = "gone"
    session: UUID


class ModelChanged(ServerFrame):
    """A model's state changed."""

    type: Literal["model"] = "model"
    model: Model


class Error(ServerFrame):
    """What went wrong, for a program and for a person; what it does not concern is left out."""

    type: Literal["error"] = "error"
    code: str
    detail: str
    client_id: UUID | None = None
    message: UUID | None = None
    retry_after_s: float | None = None

    def encode(self) -> str:
        """Return the frame as JSON text, absent fields left out."""
        return self.model_dump_json(exclude_none=True)


class ServerPing(ServerFrame):
    """Asks whether the client still reads."""

    type: Literal["ping"] = "ping"
    nonce: str


class ServerPong(ServerFrame):
    """Answers a client's ping: the session's head."""

    type: Literal["pong"] = "pong"
    head: int


class Bye(ServerFrame):
    """This process is going down: come back after that long."""

    type: Literal["bye"] = "bye"
    retry_in_s: float


AnyServerFrame = Annotated[
    Ready
    | Sync
    | Ack
    | MessageChanged
    | Delta
    | Queue
    | SessionChanged
    | Gone
    | ModelChanged
    | Error
    | ServerPing
    | ServerPong
    | Bye,
    Field(discriminator="type"),
]
server_frames: TypeAdapter[Any] = TypeAdapter(AnyServerFrame)
