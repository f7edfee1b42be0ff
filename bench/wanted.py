"""What was wanted of the figures, what was seen, and whether that is met; for 64-token replies on one core."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

CPU_TO_FLOOR = {50: 1.3, 200: 1.2, 500: 1.2}  # by people at once
CPU_AIM = {50: 1.1, 200: 1.0, 500: 1.0}
TOKEN_P99_MS = {50: 60.0, 200: 80.0, 500: 400.0}
TWICE = 1.3  # times these, for two processes and what stands between them
PEER_CPU, PEER_FIRST = 4.0, 5.0  # times this project's; the first token where so many are there:
MANY = 200
ACK_P99_MS, ACK_RATE = 50.0, 50  # on SQLite, at so many sends a second
SOCKET_KB = 45.0
START_MB = 120.0

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One target: how many were there, what was wanted and seen, and in what unit."""

    what: str
    among: str
    wanted: float
    seen: float
    unit: str
    least: bool = False  # wanted is the least, else the most
    aim: bool = False  # not a must

    @property
    def met(self) -> bool:
        """Tell whether it is; what is no number is not."""
        return self.seen >= self.wanted if self.least else self.seen <= self.wanted

    def cells(self) -> list[str]:
        """Return it for a table."""
        sign = "at least" if self.least else "at most"
        return [
            self.what,
            self.among,
            f"{sign} {_said(self.wanted, self.unit)}",
            _said(self.seen, self.unit),
            "yes" if self.met else "**no**",
        ]


def _said(value: float, unit: str) -> str:
    match unit:
        case "x":
            return f"{value:.2f}x"
        case "%":
            return f"{value:.1%}"
    return f"{value:,.1f} {unit}" if value < 10 else f"{value:,.0f} {unit}"


def relayed(rows: Rows) -> Iterator[Wish]:
    """Yield what was wanted of the chat, in one process and in two."""
    for server, name, times in (("chat", "", 1.0), ("twice", "two processes, Redis: ", TWICE)):
        own = {row["people"]: row for row in rows if row["server"] == server}
        for people in sorted(own.keys() & CPU_TO_FLOOR.keys()):
            row, among = own[people], f"{people} people"
            cpu = row["to_floor"]["cpu_ms_per_1000_tokens"]
            wanted = CPU_TO_FLOOR[people] * times
            yield Wish(what=f"{name}CPU a token to the floor", among=among, wanted=wanted, seen=cpu, unit="x")
            if server == "chat":
                yield Wish(what="the same, aimed at", among=among, wanted=CPU_AIM[people], seen=cpu, unit="x", aim=True)
            late, most = row["token_p99_ms"], TOKEN_P99_MS[people] * times
            yield Wish(what=f"{name}a token late, p99", among=among, wanted=most, seen=late, unit="ms")
            finished = row["finished"]
            yield Wish(what=f"{name}finished", among=among, wanted=1.0, seen=finished, unit="%", least=True)
    chats = [row for row in rows if row["server"] == "chat"]
    if chats:
        row = max(chats, key=lambda row: int(row["people"]))
        among = f"{row['people']} people"
        yield Wish(what="an idle socket", among=among, wanted=SOCKET_KB, seen=row["idle_socket_kb"], unit="KB")
        yield Wish(what="the process at start", among="nobody", wanted=START_MB, seen=row["start_mb"], unit="MB")


def turned(rows: Rows) -> Iterator[Wish]:
    """Yield what was wanted of a turn."""
    for row in rows:
        if row["store"] == "sqlite" and row["sends_per_s"] == ACK_RATE:
            among = f"{ACK_RATE} sends a second"
            yield Wish(what="`send` to `ack`, p99", among=among, wanted=ACK_P99_MS, seen=row["ack_p99_ms"], unit="ms")


def beside(rows: Rows) -> Iterator[Wish]:
    """Yield what was wanted of the chat beside each peer."""
    chats = {row["people"]: row for row in rows if row["server"] == "chat"}
    for row in rows:
        if row["server"] in {"floor", "chat"}:
            continue
        chat, among = chats[row["people"]], f"{row['people']} people"
        cpu = row["cpu_ms_per_1000_tokens"] / chat["cpu_ms_per_1000_tokens"]
        what = f"{row['server']}: its CPU a token to this project's"
        yield Wish(what=what, among=among, wanted=PEER_CPU, seen=cpu, unit="x", least=True)
        if row["people"] == MANY:
            first = row["wait_p50_ms"] / chat["wait_p50_ms"]
            what = f"{row['server']}: its first token's time to this project's, p50"
            yield Wish(what=what, among=among, wanted=PEER_FIRST, seen=first, unit="x", least=True)
