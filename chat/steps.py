"""The writes of every turn as the statements that they run, so that many take one commit and few round trips.

Such a write is a generator. It yields an Ask, is sent the rows of each statement, and returns its answer. Whoever runs
several in one transaction runs what each asks for next: on PostgreSQL all of it in one round trip.
"""

import functools
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.protocol import Refused

if TYPE_CHECKING:
    from psycopg import Connection

P = ParamSpec("P")
R = TypeVar("R")

# s that a write waits for others to share a commit with, while so many come that there will be some.
ACK_S = 0.008  # where a person waits for it to be stored
FIRST_TOKEN_S = 0.016  # where the first of a reply waits for it
LATER_S = 0.04  # where all has been shown

Statement = tuple[str, Sequence[Any]]  # SQL, and its values as the database takes them
Rows = list[Any]


class Ask(NamedTuple):
    """Statements to be run one after another. The first that a write asks names the session whose row it locks.

    What follows the `last` comes after the commit. A write that is refused before has changed nothing.
    """

    statements: Sequence[Statement]
    session: UUID | None = None
    last: bool = False


Steps = Generator[Ask, list[Rows], R]


class Write(Generic[P, R]):
    """A write of a turn. Called, it runs by itself, in one transaction."""

    def __init__(self, steps: Callable[P, Steps[R]], patience_s: float) -> None:
        functools.update_wrapper(self, steps)
        self.steps = steps
        self.patience_s = patience_s

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it. Raises Refused, and what the database raises."""
        (answer,) = run([self.steps(*args, **kwargs)])
        if isinstance(answer, Exception):
            raise answer
        found: R = answer
        return found


def write(*, patience_s: float) -> Callable[[Callable[P, Steps[R]]], Write[P, R]]:
    """Make a generator a write. `patience_s` is how long it waits for others to share a commit with."""
    return lambda steps: Write(steps, patience_s)


@dataclass(slots=True, eq=False)
class _Running:
    """A write, and how far it is."""

    steps: Steps[Any]
    ask: Ask | None = None  # None: it is over
    rows: list[Rows] = field(default_factory=list)
    answer: Any = None

    def go_on(self) -> None:
        """Let it have the rows of what it asked, and ask for more."""
        try:
            self.ask = self.steps.send(self.rows) if self.ask else next(self.steps)
        except StopIteration as end:
            self.ask, self.answer = None, end.value
        except Refused as refused:
            self.ask, self.answer = None, refused


def run(writes: Sequence[Steps[Any]], *, lock_timeout_ms: int = 0) -> list[Any]:
    """Run writes in one transaction; return the answer of each, the Refused that it raised, or what after the commit.

    If anything else goes wrong, that is raised, and nothing of any is stored. `lock_timeout_ms` is how long PostgreSQL
    waits for another's lock, 0 for ever.
    """
    running = [_Running(steps) for steps in writes]
    for each in running:
        each.go_on()
    if all(each.ask is None for each in running):
        return [each.answer for each in running]
    connection = connections[DEFAULT_DB_ALIAS]
    connection.ensure_connection()
    with connection.wrap_database_errors:
        if connection.vendor != "postgresql":
            with transaction.atomic():
                _one_by_one(connection, running)
        elif connection.in_atomic_block:
            with transaction.atomic():
                _side_by_side(connection.connection, running, 0, within=True)
        else:
            _side_by_side(connection.connection, running, lock_timeout_ms, within=False)
    for each in running:
        if each.ask is not None:
            try:
                each.go_on()
            except Exception as error:  # noqa: BLE001 (what is stored is not run again, whatever comes after)
                each.answer = error
    return [each.answer for each in running]


def _one_by_one(connection: BaseDatabaseWrapper, running: Sequence[_Running]) -> None:
    """Run each to its last statement, in SQLite."""
    cursor = connection.connection.cursor()
    for each in running:
        while each.ask is not None:
            each.rows = [cursor.execute(_qmark(sql), values).fetchall() for sql, values in each.ask.statements]
            if each.ask.last:
                break
            each.go_on()
    cursor.close()


@functools.lru_cache(maxsize=256)
def _qmark(sql: str) -> str:
    """Return a statement with its parameters as SQLite writes them."""
    return sql.replace("%s", "?")


# In one order, or two processes could each wait for the other. What comes after sees all that was waited for.
_LOCK = "SELECT FROM chat_chatsession WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_LOCK_TIMEOUT = "SELECT set_config('lock_timeout', %s, true)"


def _side_by_side(
    connection: "Connection[Any]", running: Sequence[_Running], lock_timeout_ms: int, *, within: bool
) -> None:
    """Run all that is asked for at a time in one round trip to PostgreSQL.

    Where one is enough, it is a transaction by itself; else there is one unless this is `within` one. PostgreSQL ends
    that if this process freezes between the two: a sync that is answered says that it is idle.
    """
    from psycopg import Cursor  # noqa: PLC0415 (loaded only where there is PostgreSQL)

    def execute(sql: str, values: Sequence[Any] = ()) -> "Cursor[Any]":
        return Cursor(connection).execute(sql, values, prepare=True)

    asking = [each for each in running if each.ask is not None]
    # Those that lock messages alone come last: others hold a session while they wait for a message of it.
    asking.sort(key=lambda each: each.ask is None or each.ask.session is None)
    sessions = [each.ask.session for each in asking if each.ask is not None and each.ask.session is not None]
    open_ended = not within and not _all_last(asking)
    try:
        with connection.pipeline() as pipeline:
            if open_ended:
                execute("BEGIN")
            if lock_timeout_ms:
                execute(_LOCK_TIMEOUT, [str(lock_timeout_ms)])
            if sessions:
                execute(_LOCK, [sessions])
            while asking:
                asked = [(each, [execute(*one) for one in each.ask.statements]) for each in asking if each.ask]
                if open_ended and _all_last(asking):
                    execute("COMMIT")
                    open_ended = False
                pipeline.sync()
                for each, cursors in asked:
                    each.rows = [cursor.fetchall() if cursor.description else [] for cursor in cursors]
                asking = [each for each in asking if each.ask is not None and not each.ask.last]
                for each in asking:
                    each.go_on()
                asking = [each for each in asking if each.ask is not None]
            if open_ended:
                execute("COMMIT")
    except BaseException:
        if not within and not connection.closed:
            connection.rollback()
        raise


def _all_last(asking: Sequence[_Running]) -> bool:
    return all(each.ask is None or each.ask.last for each in asking)
