"""What goes to a model and what comes back: turns, sampling, pieces, states. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one side said."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the next token is chosen. None leaves it to the model's own setting.

    temperature: 0 to 2; top_p: above 0, to 1; max_new_tokens: at least 1; seed: 0 to 2**31 - 1.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_new_tokens: int | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of the reply's text, as it comes."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The reply's end: `stop` if the model ended it, `length` if `max_new_tokens` did. Token counts where known.

    `model` is the name by which the server calls what answered, where it says so.
    """

    reason: Literal["stop", "length"]
    prompt_tokens: int | None = None
    cached_tokens: int | None = None  # of the prompt: read before, and not again
    completion_tokens: int | None = None
    model: str | None = None


Event = Piece | Finished


class Condition(StrEnum):
    """Whether a model can answer now."""

    OK = "ok"
    LOADING = "loading"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A model's condition; `progress` of loading from 0 to 1 where known; `detail` says for a person what to do."""

    condition: Condition
    progress: float | None = None
    detail: str = ""
