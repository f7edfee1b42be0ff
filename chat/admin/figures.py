"""What the dashboard counts. A day is counted by itself, so that one that is over is counted once an hour at most."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce

from chat.history import hot
from chat.models import MAKING, ChatSession, Message, Role, Status

DAYS = 14
TIMED = 2_000  # replies, the newest, whose times make the percentiles
TODAY_S = 30  # how long what may still change is kept
PAST_S = 3_600  # how long a day that is over is: only deletions change it
PERCENTILES = (50, 90, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long a model's replies took, in ms at each of PERCENTILES; empty where nothing was timed."""

    model: str
    replies: int
    first_token_ms: list[int]
    total_ms: list[int]


def days(today: date) -> list[dict[str, Any]]:
    """Return sessions begun, messages, tokens, and errors by code, of each of the last days, oldest first."""
    return [_day(today - timedelta(days=ago), over=ago > 0) for ago in reversed(range(DAYS))]


def _day(day: date, *, over: bool) -> dict[str, Any]:
    found: dict[str, Any] = hot.lately(f"day:{day}", PAST_S if over else TODAY_S, lambda: _counted(day))
    return found


def _counted(day: date) -> dict[str, Any]:
    start = datetime.combine(day, time.min, UTC)
    within = Q(created_at__gte=start, created_at__lt=start + timedelta(days=1))
    messages = Message.objects.filter(within).order_by()
    spent = Coalesce(F("prompt_tokens"), 0) + Coalesce(F("completion_tokens"), 0)
    added = messages.aggregate(messages=Count("id"), tokens=Sum(spent))
    errors = messages.exclude(error_code="").values_list("error_code").annotate(Count("id"))
    sessions = ChatSession.objects.filter(within).count()
    return {
        "day": day,
        "sessions": sessions,
        "messages": added["messages"],
        "tokens": added["tokens"] or 0,
        "errors": dict(errors),
    }


def times() -> list[Times]:
    """Return how long the newest replies took, by model."""
    found: list[Times] = hot.lately("times", TODAY_S, _timed)
    return found


def _timed() -> list[Times]:
    rows = (
        Message.objects.filter(role=Role.ASSISTANT, status=Status.COMPLETE, total_ms__isnull=False)
        .order_by("-created_at", "-id")
        .values_list("model", "first_token_ms", "total_ms")[:TIMED]
    )
    by_model: dict[str, list[tuple[int | None, int]]] = defaultdict(list)
    for model, first, total in rows:
        by_model[model].append((first, total or 0))
    return [
        Times(
            model=model,
            replies=len(taken),
            first_token_ms=percentiles([first for first, _ in taken if first is not None]),
            total_ms=percentiles([total for _, total in taken]),
        )
        for model, taken in sorted(by_model.items())
    ]


def percentiles(values: list[int]) -> list[int]:
    """Return the values below or at which so many percent lie, by nearest rank."""
    ranked = sorted(values)
    return [ranked[max(-(-len(ranked) * percent // 100), 1) - 1] for percent in PERCENTILES] if ranked else []


def queue() -> list[dict[str, Any]]:
    """Return how many replies wait and how many are written now, by model, in all processes."""
    making = Message.objects.filter(lease_until__isnull=False, status__in=MAKING).order_by().values("model")
    waiting = Count("id", filter=Q(status=Status.QUEUED))
    found: Any = making.annotate(waiting=waiting, writing=Count("id") - waiting).order_by("model")
    return list(found)
