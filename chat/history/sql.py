"""The SQL of every turn, written out: Django takes longer to compose these statements than the database to run them."""

import functools
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Model

from chat.models import ChatSession, Message, SystemPrompt, Visitor

_RAISE_HEAD = """
    UPDATE chat_chatsession SET head = head + %s WHERE id = %s
    RETURNING *, (SELECT name FROM chat_visitor WHERE chat_visitor.id = visitor_id) AS name_of_visitor,
        (SELECT text FROM chat_systemprompt WHERE chat_systemprompt.hash = system_prompt_id) AS text_of_prompt
"""
# Two halves, each by its own index: an OR, or an order, has SQLite read the whole session.
_IN_THE_WAY = """
    SELECT client_id, id, text FROM chat_message WHERE session_id = %s AND client_id = %s
    UNION ALL
    SELECT client_id, id, text FROM chat_message WHERE session_id = %s AND status IN ('queued', 'streaming')
"""


def raise_head(key: UUID, changes: int) -> ChatSession | None:
    """Count changes in a session and return it, with the name of its visitor and its prompt; None if there is none."""
    raised: list[Any] = list(ChatSession.objects.raw(_RAISE_HEAD, [changes, stored_key(key)]))
    if not raised:
        return None
    session: ChatSession = raised[0]
    # What is not given here is read when somebody asks for it.
    session.visitor = Visitor.from_db(None, ["id", "name"], [session.visitor_id, raised[0].name_of_visitor])
    if session.system_prompt_id is not None:
        prompt = [session.system_prompt_id, raised[0].text_of_prompt]
        session.system_prompt = SystemPrompt.from_db(None, ["hash", "text"], prompt)
    return session


def in_the_way(session: UUID, client_id: UUID) -> tuple[tuple[UUID, str] | None, bool]:
    """Return the message that has this client id, with its text, if one has; and whether one stands in the way.

    In the way of a turn is that message, and a reply in the making.
    """
    key, wanted = stored_key(session), stored_key(client_id)
    with connection.cursor() as cursor:
        cursor.execute(_IN_THE_WAY, [key, wanted, key])
        found = cursor.fetchall()
    known = next(((message, text) for known_id, message, text in found if known_id == wanted), None)
    if known is None:
        return None, bool(found)
    return (known[0] if isinstance(known[0], UUID) else UUID(known[0]), known[1]), True


def insert(messages: Sequence[Message]) -> None:
    """Insert new messages."""
    fields = Message._meta.concrete_fields
    values = [
        field.get_db_prep_save(field.pre_save(message, True), connection) for message in messages for field in fields
    ]
    with connection.cursor() as cursor:
        cursor.execute(_insertion(len(messages)), values)


def update(row: Model, names: Sequence[str]) -> None:
    """Store these columns of a row, by the names of its attributes."""
    columns = columns_of(type(row))
    values = [columns[name].get_db_prep_save(getattr(row, name), connection) for name in names]
    changes = ", ".join(f"{columns[name].column} = %s" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {row._meta.db_table} SET {changes} WHERE id = %s", [*values, stored_key(row.pk)])  # noqa: S608 (names of columns)


def stored_key(key: UUID) -> Any:
    """Return an id as this database keeps it, for SQL."""
    return Message._meta.pk.get_db_prep_value(key, connection)


@functools.cache
def _insertion(count: int) -> str:
    fields = Message._meta.concrete_fields
    row = f"({', '.join(['%s'] * len(fields))})"
    names = ", ".join(str(field.column) for field in fields)
    return f"INSERT INTO chat_message ({names}) VALUES {', '.join([row] * count)}"  # noqa: S608 (names of columns)


@functools.cache
def columns_of(model: type[Model]) -> dict[str, Any]:
    """Return a model's fields by the names of its attributes."""
    return {field.attname: field for field in model._meta.concrete_fields}
