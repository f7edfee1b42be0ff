"""What every way to a model has in common: turns go in, pieces of text come out."""

import abc
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

from django.core.checks import CheckMessage


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


class Backend(abc.ABC):
    """One configured model, reached one way. Made from settings by the registry, once per process.

    Options are keyword arguments. All take `alias`, `label`, `context_window` (tokens, prompt and reply together),
    `max_new_tokens`, `temperature`, `top_p`, `concurrency` (replies at once in this process) and `timeout_s`
    (a whole reply).
    """

    streams: ClassVar[bool] = True
    template: ClassVar[str]  # name and version of how turns become a prompt, kept with every reply

    alias: str
    label: str
    context_window: int
    max_new_tokens: int
    concurrency: int

    @property
    @abc.abstractmethod
    def state(self) -> State:
        """Whether it can answer now."""

    @abc.abstractmethod
    def stream(self, turns: Sequence[Turn], sampling: Sampling) -> AsyncIterator[Event]:
        """Answer the last turn: any number of `Piece`, then exactly one `Finished`, or a GenerationError.

        Closing the iterator (`aclose`, or cancelling the task that reads it) ends the work at the server too.
        """

    @abc.abstractmethod
    async def count(self, turns: Sequence[Turn]) -> list[int]:
        """Tokens that each turn takes up in a prompt, labels and separators included; never too few."""

    async def start(self) -> None:
        """Begin to load, or to watch, the model; returns at once."""

    async def close(self) -> None:
        """Let go of connections and child processes."""

    @abc.abstractmethod
    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener`, on the event loop, whenever `state` has changed."""

    def check(self) -> list[CheckMessage]:
        """What `manage.py check` has to say of its options."""
        return []
