"""Many people's conversations of a month, written straight into the database that the environment names.

Run as: DATABASE_URL=... python -m bench.filling MESSAGES
"""

import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

DAYS = 30
SIZES = (10, 100, 1_000, 10_000)  # messages of the sessions, and sessions of the visitors, that are looked at
A_SESSION = 10  # messages in each session of those visitors
OTHERS = (5, 20)  # sessions of everybody else, and messages in each
BATCH = 20_000
WORDS = 20_000
COMMON, RARE = "the", "zanzibar"
A_MESSAGE_S = 30  # from one message of a session to the next
SHOWN = 10  # messages that a model was shown

Row = dict[str, Any]
Stamp = Callable[[datetime], Any]  # a time as the database takes it


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A visitor's sessions, by how many messages each has."""

    name: str
    sessions: Sequence[int]


def visits(messages: int) -> Iterator[Visit]:
    """Return whose sessions add up to so many messages, as near as whole visitors come."""
    looked_at = [
        Visit(name="long", sessions=SIZES),
        *(Visit(name=f"{count} sessions", sessions=[A_SESSION] * count) for count in (1, *SIZES)),
    ]
    yield from looked_at
    rest = messages - sum(sum(visit.sessions) for visit in looked_at)
    for number in range(rest // (OTHERS[0] * OTHERS[1])):
        yield Visit(name=f"visitor {number}", sessions=[OTHERS[1]] * OTHERS[0])


class Writer:
    """Rows by the thousand, past the ORM. A SQLite takes times and ids as text."""

    def __init__(self, connection: "BaseDatabaseWrapper") -> None:
        self._connection = connection
        self._rows: dict[type[Any], list[tuple[Any, ...]]] = {}
        self._columns: dict[type[Any], Sequence[str]] = {}

    def add(self, model: type[Any], row: Row) -> None:
        """Take a row, by its columns; all of a model's rows have the same ones."""
        self._columns.setdefault(model, list(row))
        rows = self._rows.setdefault(model, [])
        rows.append(tuple(row.values()))
        if len(rows) >= BATCH:
            self.flush(model)

    def flush(self, *models: type[Any]) -> None:
        """Write what was taken, of these models or of all."""
        for model in models or tuple(self._rows):
            self._write(model._meta.db_table, self._columns[model], self._rows[model])
            self._rows[model].clear()

    def _write(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        names = ", ".join(columns)
        if self._connection.vendor == "sqlite":
            places = ", ".join("?" * len(columns))
            self._connection.connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)  # noqa: S608
            return
        with (
            self._connection.connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)


def sentences() -> list[str]:
    """Return sentences whose words are as common as words are: the first in half of them, most in hardly any."""
    letters = "bcdfghklmnprstvw", "aeiou"
    made = {COMMON: None}
    while len(made) < WORDS:
        made["".join(random.choice(letters[at % 2]) for at in range(random.randint(2, 9)))] = None
    weights = [1 / (rank + 1) for rank in range(len(made))]
    said = [" ".join(random.choices(list(made), weights, k=10)).capitalize() + "." for _ in range(20_000)]
    return [*said, *(f"Nobody from {RARE.capitalize()} was there." for _ in range(20))]


def fill(messages: int) -> dict[str, Any]:
    """Fill the database; return the ids of whom and what is looked at, by name."""
    from django.db import connection, transaction  # noqa: PLC0415 (Django is set up first)

    random.seed(7)
    looked_at: dict[str, Any] = {}
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for pragma in ("foreign_keys = OFF", "synchronous = OFF", "cache_size = -1000000"):
                cursor.execute(f"PRAGMA {pragma}")
        else:
            cursor.execute("SET session_replication_role = replica")  # no foreign key is looked at a million times
    with transaction.atomic():
        writer = Writer(connection)
        stamp = _stamp(connection.vendor)
        said = sentences()
        for number, visit in enumerate(visits(messages)):
            visitor, sessions = _write_visit(writer, visit, said, stamp)
            if number <= len(SIZES) + 1:
                looked_at[visit.name] = {"visitor": visitor, "sessions": sessions[: len(SIZES)]}
        writer.flush()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return looked_at


def _stamp(vendor: str) -> Stamp:
    return (lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S.%f")) if vendor == "sqlite" else (lambda moment: moment)


def _id() -> str:
    return f"{random.getrandbits(128):032x}"


def _write_visit(writer: Writer, visit: Visit, said: Sequence[str], stamp: Stamp) -> tuple[str, list[str]]:
    """Write a visitor with all sessions; return their ids."""
    from chat.models import ChatSession, Message, Visitor  # noqa: PLC0415

    visitor = _id()
    begun = datetime.now(UTC) - timedelta(days=DAYS)
    writer.add(Visitor, {"id": visitor, "name": visit.name, "created_at": stamp(begun), "blocked_at": None})
    made: list[str] = []
    for length in visit.sessions:
        key, model = _id(), "default" if random.random() < 0.9 else "other"
        took = timedelta(seconds=A_MESSAGE_S * length)
        first = begun + (timedelta(days=DAYS) - took) * random.random()
        above: list[str] = []
        for n in range(1, length + 1):
            at = stamp(first + timedelta(seconds=A_MESSAGE_S * n))
            row = _row(n, model, said) | {"session_id": key, "created_at": at}
            row |= {"parent_id": above[-1] if above else None}
            row |= {"context_first_id": above[max(-SHOWN, -len(above))] if n % 2 == 0 else None}
            writer.add(Message, row)
            above = [*above[1 - SHOWN :], str(row["id"])]
        session: Row = {"id": key, "visitor_id": visitor, "title": random.choice(said)[:60], "model": model}
        session |= {"head": length + 2, "seq": length + 2, "leaf_id": above[-1], "length": length, "sampling": "{}"}
        session |= {"created_at": stamp(first), "updated_at": stamp(first + took)}
        session |= {"ended_at": None, "system_prompt_id": None}
        writer.add(ChatSession, session)
        made.append(key)
    return visitor, made


def _row(n: int, model: str, said: Sequence[str]) -> Row:
    """Return a message of a session, but for where it stands; every second one is a reply, one in a hundred failed."""
    reply = n % 2 == 0
    chance = random.random()
    status = "complete" if not reply or chance > 0.02 else "failed" if chance < 0.01 else "stopped"
    row: Row = {"id": _id(), "depth": n - 1, "n": n, "seq": n + 1, "client_id": None if reply else _id()}
    row |= {"role": "assistant" if reply else "user", "text": " ".join(random.choices(said, k=4 if reply else 2))}
    row |= {"status": status, "feedback": 0, "attempt": int(reply), "owner": "", "lease_until": None, "takeovers": 0}
    row |= {"stop_wanted": False, "error_detail": "", "system_prompt_id": None, "sampling": "{}", "model_name": ""}
    row |= {"error_code": random.choice(("upstream_timeout", "interrupted")) if status == "failed" else ""}
    row |= {"finish": "stop" if reply and status == "complete" else "", "model": model if reply else ""}
    row |= {"template": "chat/1" if reply else "", "queued_at": None}
    figures = {"context_tokens": 300, "context_window": 4_096, "prompt_tokens": 300, "completion_tokens": 60}
    figures |= {"queued_ms": 1, "first_token_ms": random.randint(50, 400)}
    figures |= {"total_ms": int(random.lognormvariate(8, 0.6)) + 400}
    return row | {name: figure if reply else None for name, figure in figures.items()}


if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps(fill(int(sys.argv[1]))))
