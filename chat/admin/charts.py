"""Figures as shapes, in a drawing 100 units wide, so that a page needs no script to show them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 40.0  # units of a chart of bars


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One figure: what it is of, how much, and the rectangle that shows it."""

    label: str
    value: float
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of a reply's making: what happened, from when, and for how long."""

    name: str
    start_ms: int
    took_ms: int
    x: float
    width: float


def bars(figures: Sequence[tuple[str, float]]) -> list[Bar]:
    """Return upright bars, the greatest as high as the chart; one that is not nothing can be seen."""
    most = max((value for _, value in figures), default=0) or 1
    step = 100 / max(len(figures), 1)
    heights = [max(value / most * HEIGHT, 0.6 if value else 0) for _, value in figures]
    return [
        Bar(
            label=label,
            value=value,
            x=round(at * step, 2),
            y=round(HEIGHT - height, 2),
            width=round(step * 0.8, 2),
            height=round(height, 2),
        )
        for at, ((label, value), height) in enumerate(zip(figures, heights, strict=True))
    ]


def lying(figures: Sequence[tuple[str, float]]) -> list[Bar]:
    """Return bars that lie, the greatest as long as the chart is wide, each in a drawing of its own."""
    most = max((value for _, value in figures), default=0) or 1
    return [
        Bar(label=label, value=value, x=0, y=0, width=round(max(value / most * 100, 0.6 if value else 0), 2), height=4)
        for label, value in figures
    ]


def timeline(queued_ms: int | None, first_token_ms: int | None, total_ms: int | None) -> list[Stage]:
    """Return a reply's making as stages on one line; what did not happen is left out."""
    if not total_ms:
        return []
    ends = [("Waiting", queued_ms), ("Reading", first_token_ms), ("Writing", total_ms if first_token_ms else None)]
    stages: list[Stage] = []
    start = 0
    for name, end in ends:
        if end is None:
            continue
        took = max(min(end, total_ms) - start, 0)
        stages.append(
            Stage(
                name=name,
                start_ms=start,
                took_ms=took,
                x=round(start / total_ms * 100, 2),
                width=round(took / total_ms * 100, 2),
            )
        )
        start += took
    return stages
