"""The first page of the admin: how much is said, what goes wrong, how long people wait."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from chat.admin import figures
from chat.admin.charts import Bar, bars, lying


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the figures, for who may see sessions and messages; unfold calls this."""
    if not request.user.has_perms(["chat.view_chatsession", "chat.view_message"]):
        return context
    days = figures.days(timezone.now().date())
    times = figures.times()
    queue = figures.queue()
    return context | {
        "days": [day["day"] for day in days],
        "charts": [_chart(days, name, title) for name, title in _CHARTS.items()],
        "errors": lying(sorted(_errors(days).items(), key=lambda each: -each[1])),
        "percentiles": figures.PERCENTILES,
        "waits": [
            {"title": "First token", "models": _lines(times, "first_token_ms")},
            {"title": "Whole reply", "models": _lines(times, "total_ms")},
        ],
        "queue": queue,
        "waiting": sum(each["waiting"] for each in queue),
        "writing": sum(each["writing"] for each in queue),
    }


_CHARTS = {"sessions": "Sessions begun a day", "messages": "Messages a day", "tokens": "Tokens a day"}


def _chart(days: list[dict[str, Any]], name: str, title: str) -> dict[str, Any]:
    """Return a chart: its bars, their sum, and the greatest."""
    values = [(f"{day['day']:%b %d}", day[name]) for day in days]
    counted = [value for _, value in values]
    return {"title": title, "bars": bars(values), "sum": sum(counted), "most": max(counted), "today": counted[-1]}


def _errors(days: list[dict[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for day in days:
        for code, times in day["errors"].items():
            found[code] = found.get(code, 0) + times
    return found


def _lines(times: list[figures.Times], name: str) -> list[dict[str, Any]]:
    """Return each model's percentiles as bars on one scale."""
    flat = [(each, value) for each in times for value in getattr(each, name)]
    drawn: list[Bar] = lying([(each.model, value) for each, value in flat])
    found: list[dict[str, Any]] = []
    for each in times:
        own = [bar for (other, _), bar in zip(flat, drawn, strict=True) if other is each]
        found.append(
            {"model": each.model, "replies": each.replies, "bars": list(zip(figures.PERCENTILES, own, strict=False))}
        )
    return found
