"""The SQL of every turn, written out: Django takes longer to compose these statements than the database to run them."""

import functools
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model

from chat.models import ChatSession, SystemPrompt, Visitor
from chat.steps import Rows, Statement

_READ = """
    (SELECT name FROM chat_visitor WHERE chat_visitor.id = visitor_id),
    (SELECT text FROM chat_systemprompt WHERE chat_systemprompt.hash = system_prompt_id), {}
"""
_SESSION = f"SELECT {_READ} FROM chat_chatsession WHERE id = %s"  # noqa: S608 (constants of ours)
_RAISE_HEAD = f"UPDATE chat_chatsession SET head = head + %s WHERE id = %s RETURNING {_READ}"  # noqa: S608
# Each part by its own index: an OR, or an order, has SQLite read the whole session.
_IN_THE_WAY = """
    SELECT 'known', id, text, depth FROM chat_message WHERE session_id = %s AND client_id = %s
    UNION ALL
    SELECT 'busy', id, '', depth FROM chat_message WHERE session_id = %s AND status IN ('queued', 'streaming')
    UNION ALL
    SELECT 'leaf', id, '', depth FROM chat_message
    WHERE id = (SELECT leaf_id FROM chat_chatsession WHERE chat_chatsession.id = %s)
"""


class InTheWay(NamedTuple):
    """What may stand in the way of a turn: the message that has its client id, and a reply in the making."""

    known: tuple[UUID, str] | None  # its id and text
    busy: bool
    depth: int | None  # of the current leaf, which what is said may stand below


def raise_head(key: UUID, changes: int) -> ChatSession | None:
    """Count changes in a session and return it, with the name of its visitor and its prompt; None if there is none."""
    names, _ = _reading(ChatSession)
    with connection.cursor() as cursor:
        cursor.execute(_RAISE_HEAD.format(", ".join(names)), [changes, stored_key(key)])
        return session_of(cursor.fetchall())


def session(key: UUID) -> Statement:
    """Return what reads a session for `session_of`."""
    names, _ = _reading(ChatSession)
    return _SESSION.format(", ".join(names)), [stored_key(key)]


def session_of(rows: Rows) -> ChatSession | None:
    """Return the session that was read, with the name of its visitor and its prompt; None if there is none."""
    if not rows:
        return None
    names, readers = _reading(ChatSession)
    name_of_visitor, text_of_prompt, *values = rows[0]
    for at, read in readers:
        values[at] = read(values[at])
    found = ChatSession.from_db(DEFAULT_DB_ALIAS, names, values)
    # What is not given here is read when somebody asks for it.
    found.visitor = Visitor.from_db(DEFAULT_DB_ALIAS, ["id", "name"], [found.visitor_id, name_of_visitor])
    if found.system_prompt_id is not None:
        prompt = [found.system_prompt_id, text_of_prompt]
        found.system_prompt = SystemPrompt.from_db(DEFAULT_DB_ALIAS, ["hash", "text"], prompt)
    return found


def in_the_way(session: UUID, client_id: UUID) -> Statement:
    """Return what reads for `in_the_way_of` what may stand in the way of a turn."""
    key = stored_key(session)
    return _IN_THE_WAY, [key, stored_key(client_id), key, key]


def in_the_way_of(rows: Rows) -> InTheWay:
    """Return what may stand in the way of a turn."""
    found = {kind: (key, text, depth) for kind, key, text, depth in rows}
    known, leaf = found.get("known"), found.get("leaf")
    return InTheWay(
        known=(uuid(known[0]), known[1]) if known else None, busy="busy" in found, depth=leaf[2] if leaf else None
    )


class Said(NamedTuple):
    """A message that a person said, to be stored."""

    id: UUID
    session: UUID
    above: UUID | None
    depth: int
    n: int
    seq: int
    client_id: UUID
    text: str
    at: datetime


class Queued(NamedTuple):
    """A reply that is to be made to it, in the next place, by the process that holds the lease."""

    id: UUID
    owner: str
    lease_until: datetime
    model: str
    system_prompt: str | None  # its hash
    sampling: Mapping[str, Any]


_INSERT_TURN = """
    INSERT INTO chat_message (id, session_id, parent_id, depth, n, seq, client_id, role, text, status, created_at,
        attempt, owner, lease_until, model, system_prompt_id, sampling, queued_at, feedback, takeovers, stop_wanted,
        finish, error_code, error_detail, model_name, template)
    VALUES
        (%s, %s, %s, %s, %s, %s, %s, 'user', %s, 'complete', %s, 0,
            '', NULL, '', NULL, '{}', NULL, 0, 0, FALSE, '', '', '', '', ''),
        (%s, %s, %s, %s, %s, %s, NULL, 'assistant', '', 'queued', %s, 1,
            %s, %s, %s, %s, %s, %s, 0, 0, FALSE, '', '', '', '', '')
"""


def turn(said: Said, reply: Queued) -> Statement:
    """Return what inserts what a person said, and the reply to it."""
    key, session, at = stored_key(said.id), stored_key(said.session), stored_time(said.at)
    above = said.above and stored_key(said.above)
    place = (said.depth, said.n, said.seq)
    below = (said.depth + 1, said.n + 1, said.seq + 1)
    lease, sampling = stored_time(reply.lease_until), json.dumps(reply.sampling)
    return _INSERT_TURN, (
        *(key, session, above, *place, stored_key(said.client_id), said.text, at),
        *(stored_key(reply.id), session, key, *below, at),
        *(reply.owner, lease, reply.model, reply.system_prompt, sampling, at),
    )


_SHOW = """
    UPDATE chat_chatsession SET head = %s, leaf_id = %s, length = %s, title = %s, seq = %s, updated_at = %s
    WHERE id = %s
"""


def show(session: ChatSession) -> Statement:
    """Return what stores where a session has come to."""
    leaf, at = session.leaf_id and stored_key(session.leaf_id), stored_time(session.updated_at)
    return _SHOW, (session.head, leaf, session.length, session.title, session.seq, at, stored_key(session.id))


def run(*statements: Statement) -> list[Rows]:
    """Run statements now; return the rows of each."""
    rows: list[Rows] = []
    with connection.cursor() as cursor:
        for sql, values in statements:
            cursor.execute(sql, values)
            rows.append(cursor.fetchall() if cursor.description else [])
    return rows


def uuid(stored: UUID | str) -> UUID:
    """Return an id that this database gave."""
    return stored if isinstance(stored, UUID) else UUID(stored)


def stored_key(key: UUID) -> Any:
    """Return an id as this database keeps it, for SQL."""
    return key if _postgresql() else key.hex


def stored_time(moment: datetime) -> Any:
    """Return a time, in UTC, as this database keeps it, for SQL."""
    return moment if _postgresql() else str(moment.replace(tzinfo=None))


@functools.cache
def _postgresql() -> bool:
    return connection.vendor == "postgresql"


@functools.cache
def _reading(model: type[Model]) -> tuple[list[str], list[tuple[int, Callable[[Any], Any]]]]:
    """Return the names of a row's attributes, and how what the database gives for each, by its place, is made it."""
    fields = model._meta.concrete_fields
    found: list[tuple[int, Callable[[Any], Any]]] = []
    for at, field in enumerate(fields):
        column = field.get_col(model._meta.db_table)
        converters = (*connection.ops.get_db_converters(column), *column.get_db_converters(connection))
        found += [(at, functools.partial(_converted, convert, column)) for convert in converters]
    return [field.attname for field in fields], found


def _converted(convert: Callable[..., Any], column: Any, value: Any) -> Any:
    return convert(value, column, connection)
