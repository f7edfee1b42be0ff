"""What a run cost, and how late its tokens came."""

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.load import Heard

PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


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
    memory_mb: float

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON."""
        return asdict(self)


def cpu_s(pid: int) -> float:
    """Return the seconds of processor time that a process has used, in all its threads, to the ns."""
    # The id of another process's clock, as clock_getcpuclockid(3) makes it on Linux; /proc counts in steps of 10 ms.
    return time.clock_gettime((~pid << 3) | 2)


def memory_mb(pid: int) -> float:
    """Return the memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KB / 1000


def cost(server: str, heard: Sequence[Heard], *, used_s: float, memory: float) -> Cost:
    """Sum a run up."""
    late = [late_s * 1000 for each in heard for late_s in each.late_s]
    first = [each.late_s[0] * 1000 for each in heard if each.late_s]
    acks = [each.acknowledged_s * 1000 for each in heard if each.acknowledged_s is not None]
    return Cost(
        server=server,
        people=len(heard),
        finished=sum(each.finished for each in heard) / len(heard),
        cpu_ms_per_1000_tokens=used_s * 1000 / max(len(late), 1) * 1000,
        first_p50_ms=percentile(first, 50),
        first_p99_ms=percentile(first, 99),
        token_p50_ms=percentile(late, 50),
        token_p99_ms=percentile(late, 99),
        ack_p99_ms=percentile(acks, 99) if acks else None,
        memory_mb=memory,
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile; that of nothing is no number."""
    if len(values) < 2:
        return values[0] if values else float("nan")
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
