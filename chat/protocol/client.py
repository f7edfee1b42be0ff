"""What a client may say, and how it is read."""

from collections.abc import Iterable
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from chat.protocol.codes import Code, Refused

FRAME_BYTES = 32 * 1024  # a larger frame is answered with `too_large`; the server ends connections beyond 128 KiB
HELLO_S = 5  # for the first frame to come
BAD_FRAMES = 3  # this many end the connection
REPEATED = 64  # characters of a field's name that an error says again


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
    if fault["type"] == "union_tag_invalid":  # pydantic repeats the tag, however long
        return "type: There is no such frame."
    return fault_told(fault["loc"], fault["msg"])


def fault_told(place: Iterable[int | str], message: str) -> str:
    """Return what is wrong in what a client sent, and where; a name that it made up is repeated in part."""
    names = ".".join(str(part) for part in place)
    shown = names if len(names) <= REPEATED else f"{names[:REPEATED]}…"
    return f"{shown}: {message}." if shown else f"{message}."
