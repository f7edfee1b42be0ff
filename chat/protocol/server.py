"""What the server says."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from chat.protocol.objects import Limits, Message, Model, Session

SYNC_MESSAGES = 50  # messages a `sync` frame
SYNC_BYTES = 64 * 1024  # of text in it, but for a single message; Daphne sends no frame beyond 128 KiB
SYNC_BEHIND = 500  # a client further behind than this starts anew


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


def pages(messages: Sequence[Message]) -> list[list[Message]]:
    """Return messages as the `sync` frames that hold them: at least one, each as full as it may be."""
    found: list[list[Message]] = [[]]
    room = SYNC_BYTES
    for message in messages:
        size = len(message.text.encode())
        if found[-1] and (size > room or len(found[-1]) == SYNC_MESSAGES):
            found.append([])
            room = SYNC_BYTES
        found[-1].append(message)
        room -= size
    return found


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


def deltas(message: UUID, attempt: int) -> Callable[[int, str], str]:
    """Return what encodes this attempt's deltas, of offset and text: as `Delta` does, in an eighth of the time."""
    head = Delta(message=message, attempt=attempt, offset=0, text="").encode().removesuffix('0,"text":""}')

    def encode(offset: int, text: str) -> str:
        return f'{head}{offset},"text":{_text.dump_json(text).decode()}}}'

    return encode


_text = TypeAdapter(str)


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
