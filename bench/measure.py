"""What a run cost, and how late its tokens came; medians of rounds, and ratios to the floor of the same round."""

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.load import Talk

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One server under one load. Delays count from when the model sent a token to when a person had it."""

    server: str
    people: int
    finished: float  # share of the replies, 0 to 1
    cpu_ms_per_1000_tokens: float
    first_p50_ms: float
    first_p99_ms: float
    token_p50_ms: float
    token_p99_ms: float
    ack_p99_ms: float | None
    start_mb: float
    memory_mb: float
    idle_socket_kb: float  # what each connection of the second half added
    load: float  # of the machine, as getloadavg(3) counts it over a minute

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def cpu_s(pid: int) -> float:
    """Return the seconds of processor time that a process has used, in all its threads, to the ns."""
    # The id of another process's clock, as clock_getcpuclockid(3) makes it on Linux; /proc counts in steps of 10 ms.
    return time.clock_gettime((~pid << 3) | 2)


def memory_mb(pid: int) -> float:
    """Return the memory that a process holds, what it shares with others included."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6


def cost(server: str, talk: Talk, *, start_mb: float) -> Cost:
    """Sum a run up, of which `used` is in seconds and what was held in MB."""
    heard = talk.heard
    late = [late_s * 1000 for each in heard for late_s in each.late_s]
    first = [each.late_s[0] * 1000 for each in heard if each.late_s]
    acks = [each.acknowledged_s * 1000 for each in heard if each.acknowledged_s is not None]
    return Cost(
        server=server,
        people=len(heard),
        finished=sum(each.finished for each in heard) / len(heard),
        cpu_ms_per_1000_tokens=talk.used * 1000 / max(len(late), 1) * 1000,
        first_p50_ms=percentile(first, 50),
        first_p99_ms=percentile(first, 99),
        token_p50_ms=percentile(late, 50),
        token_p99_ms=percentile(late, 99),
        ack_p99_ms=percentile(acks, 99) if acks else None,
        start_mb=start_mb,
        memory_mb=talk.end,
        idle_socket_kb=(talk.idle - talk.half) * 1000 / (len(heard) - len(heard) // 2),
        load=os.getloadavg()[0],
    )


def medians(rounds: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return each server's medians, and those of its ratios to the floor of the same round; the floor comes first."""
    rows = []
    for own in zip(*rounds, strict=True):
        floors = [beside[0] for beside in rounds]
        row = {name: _median([each[name] for each in own]) for name in own[0]}
        row["load"] = max(each["load"] for each in own)
        rows.append(row | {"to_floor": _ratios(own, floors), "rounds": len(rounds)})
    return rows


def _ratios(own: Sequence[Mapping[str, Any]], floors: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    names = [name for name, value in floors[0].items() if isinstance(value, float) and name not in {"finished", "load"}]
    return {
        name: statistics.median(each[name] / floor[name] for each, floor in zip(own, floors, strict=True))
        for name in names
        if all(floor[name] > 0 for floor in floors)
    }


def _median(values: Sequence[Any]) -> Any:
    return statistics.median(values) if isinstance(values[0], float) else values[0]


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile; that of nothing is no number."""
    if len(values) < 2:
        return values[0] if values else float("nan")
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
