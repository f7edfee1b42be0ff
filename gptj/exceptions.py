"""What can go wrong between a conversation and a model.

GenerationError
├── UnknownModel            no model is configured under that alias
├── Misconfigured           a model's URL or options cannot be used
├── ContextTooLong          the prompt exceeds what the model can read
├── BackendUnreachable      no connection, or the server says that it cannot serve now
│   └── NotLoaded           a model on this machine whose process cannot be started just now
├── BackendTimeout          connected, but too slow: to the first token, between two, or in all
├── RequestRejected         the server understood and refuses (HTTP 4xx)
├── ResponseGarbled         an answer came that is not what the contract says
└── StreamIncomplete        the answer broke off before its end

Each has a `code`, fixed for programs, and a sentence for a person as its message. The sentence never holds what people
wrote, nor a key.
"""

from typing import ClassVar


class GenerationError(Exception):
    """No reply, or not a whole one. `retry_after_s` is set where the server named a time."""

    code: ClassVar[str] = "internal"

    def __init__(self, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s


class UnknownModel(GenerationError):
    """No model is configured under that alias."""

    code = "unknown_model"


class Misconfigured(GenerationError):
    """A model's URL or options cannot be used. `hint` says how to mend it; `check_id` names it in `manage.py check`."""

    code = "unavailable"

    def __init__(self, detail: str, *, hint: str = "", check_id: str = "gptj.E001") -> None:
        super().__init__(detail)
        self.hint = hint
        self.check_id = check_id


class ContextTooLong(GenerationError):
    """The prompt exceeds what the model can read."""

    code = "context_too_long"


class BackendUnreachable(GenerationError):
    """No connection, or the server says that it cannot serve now."""

    code = "upstream_unavailable"


class NotLoaded(BackendUnreachable):
    """A model on this machine whose process cannot be started just now; its supervisor goes on trying."""


class BackendTimeout(GenerationError):
    """Connected, but too slow."""

    code = "upstream_timeout"


class RequestRejected(GenerationError):
    """The server understood and refuses. `status` is HTTP's, where it was told by one."""

    code = "upstream_rejected"

    def __init__(self, detail: str, *, status: int | None = None) -> None:
        super().__init__(detail)
        self.status = status


class ResponseGarbled(GenerationError):
    """An answer came that is not what the contract says."""

    code = "upstream_garbage"


class StreamIncomplete(GenerationError):
    """The answer broke off before its end."""

    code = "upstream_incomplete"
