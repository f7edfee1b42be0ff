"""What a process takes, read from /proc; and how a series of such figures runs."""

from collections.abc import Sequence
from pathlib import Path


def memory_kb(pid: int) -> int:
    """Return a process's resident memory."""
    return _status(pid, "VmRSS")


def threads(pid: int) -> int:
    """Return how many threads a process has."""
    return _status(pid, "Threads")


def descriptors(pid: int) -> int:
    """Return how many files and sockets a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def open_files(pid: int, name: str) -> int:
    """Return how many of them are the file of that name."""
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += link.readlink().name == name
        except OSError:  # closed meanwhile
            continue
    return found


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise LookupError(name)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return by how much a figure grows a unit of time, by least squares."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def p99(values: Sequence[float]) -> float:
    """Return what 99 of 100 do not exceed."""
    return sorted(values)[int(len(values) * 0.99)]
