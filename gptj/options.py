"""The options in a model's URL: their names, types and ranges."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gptj.exceptions import Misconfigured


class Options(BaseModel):
    """What every backend takes. Tokens are the model's own; a reply's are counted in `context_window` too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str = Field("", max_length=60)
    context_window: int = Field(2048, ge=64, le=10_000_000)
    max_new_tokens: int = Field(512, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    concurrency: int = Field(4, ge=1, le=10_000)
    timeout_s: float | None = Field(None, gt=0, le=86_400)

    @model_validator(mode="before")
    @classmethod
    def reply_fits_a_small_window(cls, given: Any) -> Any:
        """Let a reply have at most half of a window that was set without it."""
        if not isinstance(given, dict) or "max_new_tokens" in given or "context_window" not in given:
            return given
        try:
            half = int(given["context_window"]) // 2
        except ValueError:
            return given
        return {**given, "max_new_tokens": max(1, min(half, cls.model_fields["max_new_tokens"].default))}

    @model_validator(mode="after")
    def reply_leaves_room_for_a_prompt(self) -> "Options":
        """Refuse a reply that takes up the whole window."""
        if self.max_new_tokens >= self.context_window:
            raise ValueError(f"max_new_tokens must be below context_window, which is {self.context_window}")
        return self


AnyOptions = TypeVar("AnyOptions", bound=Options)


def parse(cls: type[AnyOptions], given: Mapping[str, object]) -> AnyOptions:
    """Return `given` as options of that class. Raises Misconfigured, which names the valid ones, never a value."""
    try:
        return cls.model_validate(dict(given))
    except ValidationError as error:
        wrong = [_said(problem["type"], problem["loc"], problem["msg"]) for problem in error.errors()]
        raise Misconfigured(
            "; ".join(wrong) + ".", hint=f"The options are {', '.join(cls.model_fields)}.", check_id="gptj.E002"
        ) from None  # the cause shows what was given, which may be a key


def _said(kind: str, location: tuple[int | str, ...], message: str) -> str:
    """Return one problem as a part of a sentence."""
    name = ".".join(str(part) for part in location)
    if kind == "extra_forbidden":
        return f"there is no option {name!r}"
    return f"{name}: {message}" if name else message.removeprefix("Value error, ")
