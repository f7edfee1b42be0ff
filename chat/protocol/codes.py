"""The codes of errors and closes, and the one exception that carries them."""

from enum import IntEnum, StrEnum


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
