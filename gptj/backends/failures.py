"""What a failed HTTP call to a model's server means."""

import json
import re
from collections.abc import Mapping
from typing import Any

from gptj.exceptions import (
    BackendTimeout,
    BackendUnreachable,
    ContextTooLong,
    GenerationError,
    RequestRejected,
    ResponseGarbled,
    StreamIncomplete,
)

LONGEST_NAMED_S = 86_400.0  # a day; of a wait that a server names
_TOO_LONG = re.compile(
    r"context.{0,20}(size|length|window)|maximum context|exceed_context|too many (input )?tokens"
    r"|inputs.{0,60}must (have|be)",  # Text Generation Inference
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class ModelLoading(BackendUnreachable):
    """The server is loading the model, and says for how long: `retry_after_s`."""


def error_in(body: bytes | str) -> Mapping[str, Any]:
    """Return the error object in an answer, or an empty one. Some servers nest it, some do not, some give a text."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(answer, dict):
        return {}
    error = answer.get("error", answer)
    if isinstance(error, dict):
        return error
    return {"message": str(error), "type": answer.get("error_type"), "estimated_time": answer.get("estimated_time")}


def failure(  # noqa: PLR0911 (a table)
    status: int, error: Mapping[str, Any], *, retry_after_s: float | None = None
) -> GenerationError:
    """Return what a failed call means. The server's own words may hold a key or what people wrote: they stay out."""
    words = f"{error.get('type')} {error.get('code')} {error.get('message')}"
    named = next((name for name in (error.get("type"), error.get("code")) if _is_name(name)), "")
    said = f"HTTP {status}, {named}" if named else f"HTTP {status}"
    if status in {413, 414, 431} or (400 <= status <= 500 and _TOO_LONG.search(words)):
        return ContextTooLong(f"The conversation is longer than the model can read ({said}).")
    if status in {401, 403}:
        return RequestRejected(f"The model's server refuses our key ({said}).", status=status)
    if status in {404, 405}:
        return RequestRejected(f"The model's server does not know this model or address ({said}).", status=status)
    if status in {408, 504}:
        return BackendTimeout(f"The model's server took too long ({said}).", retry_after_s=retry_after_s)
    if status == 429:
        return BackendUnreachable(f"The model's server is too busy ({said}).", retry_after_s=retry_after_s)
    if 400 <= status < 500:
        return RequestRejected(f"The model's server refuses the request ({said}).", status=status)
    if status == 503 and isinstance(loading_s := error.get("estimated_time"), int | float):
        return ModelLoading(f"The model is being loaded at its server ({said}).", retry_after_s=_wait_s(loading_s))
    if status >= 500:
        return BackendUnreachable(f"The model's server has a fault of its own ({said}).", retry_after_s=retry_after_s)
    if 300 <= status < 400:
        return ResponseGarbled(f"The model's server answers with a redirect, which is not followed ({said}).")
    return ResponseGarbled(f"The model's server answers in an unknown way ({said}).")


def broken(error: Mapping[str, Any]) -> GenerationError:
    """Return what an error object in the midst of a successful answer means."""
    status = error.get("code")
    if isinstance(status, int) and status >= 400:
        return failure(status, error)
    if _TOO_LONG.search(f"{error.get('type')} {error.get('code')} {error.get('message')}"):
        return failure(400, error)
    return StreamIncomplete("The model's server reports a fault in the middle of its answer.")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return a Retry-After in seconds, if there is one; its form as a date is left to the caller's own patience."""
    try:
        return _wait_s(float(headers.get("Retry-After", "")))
    except ValueError:
        return None


def _wait_s(seconds: float) -> float | None:
    """Return how long to wait, as a server says, if that is a time: it may be negative, or NaN."""
    return min(seconds, LONGEST_NAMED_S) if seconds >= 0 else None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(_NAME.fullmatch(value)) and not value.isdigit()
