"""The SQL of every turn, written out: Django takes longer to compose these statements than the database to run them."""

import functools
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import BooleanField, CharField, IntegerField, Model, TextField, UUIDField
from django.utils import timezone

from chat.models import ChatSession, Message, SystemPrompt, Visitor

_RAISE_HEAD = """
    UPDATE chat_chatsession SET head = head + %s WHERE id = %s
    RETURNING (SELECT name FROM chat_visitor WHERE chat_visitor.id = visitor_id),
        (SELECT text FROM chat_systemprompt WHERE chat_systemprompt.hash = system_prompt_id), {}
"""
# Two halves, each by its own index: an OR, or an order, has SQLite read the whole session.
_IN_THE_WAY = """
    SELECT client_id, id, text FROM chat_message WHERE session_id = %s AND client_id = %s
    UNION ALL
    SELECT client_id, id, text FROM chat_message WHERE session_id = %s AND status IN ('queued', 'streaming')
"""


def raise_head(key: UUID, changes: int) -> ChatSession | None:
    """Count changes in a session and return it, with the name of its visitor and its prompt; None if there is none."""
    names, readers = _reading(ChatSession)
    with connection.cursor() as cursor:
        cursor.execute(_RAISE_HEAD.format(", ".join(names)), [changes, stored_key(key)])
        found = cursor.fetchone()
    if found is None:
        return None
    name_of_visitor, text_of_prompt, *values = found
    for at, read in readers:
        values[at] = read(values[at])
    session = ChatSession.from_db(DEFAULT_DB_ALIAS, names, values)
    # What is not given here is read when somebody asks for it.
    session.visitor = Visitor.from_db(DEFAULT_DB_ALIAS, ["id", "name"], [session.visitor_id, name_of_visitor])
    if session.system_prompt_id is not None:
        prompt = [session.system_prompt_id, text_of_prompt]
        session.system_prompt = SystemPrompt.from_db(DEFAULT_DB_ALIAS, ["hash", "text"], prompt)
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
    writers = _writers(Message)
    values: list[Any] = []
    for message in messages:
        message.created_at = timezone.now()
        held = vars(message)
        values += [held[name] if write is None else write(held[name]) for name, write in writers]
    with connection.cursor() as cursor:
        cursor.execute(_insertion(len(messages)), values)


def update(row: Model, names: Sequence[str]) -> None:
    """Store these columns of a row, by the names of its attributes."""
    writers = dict(_writers(type(row)))
    values = [write(getattr(row, name)) if (write := writers[name]) else getattr(row, name) for name in names]
    changes = ", ".join(f"{name} = %s" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {row._meta.db_table} SET {changes} WHERE id = %s", [*values, stored_key(row.pk)])  # noqa: S608 (names of columns)


def stored_key(key: UUID) -> Any:
    """Return an id as this database keeps it, for SQL."""
    return key if connection.features.has_native_uuid_field else key.hex


@functools.cache
def _insertion(count: int) -> str:
    fields = Message._meta.concrete_fields
    row = f"({', '.join(['%s'] * len(fields))})"
    names = ", ".join(str(field.attname) for field in fields)
    return f"INSERT INTO chat_message ({names}) VALUES {', '.join([row] * count)}"  # noqa: S608 (names of columns)


@functools.cache
def _writers(model: type[Model]) -> list[tuple[str, Callable[[Any], Any] | None]]:
    """Return, by the names of a row's attributes, how each is made what the database takes; None: it is that already.

    The columns are named as the attributes are.
    """
    return [(field.attname, _writer(field)) for field in model._meta.concrete_fields]


def _writer(field: Any) -> Callable[[Any], Any] | None:
    meant = field.target_field if field.is_relation else field
    if isinstance(meant, (CharField, TextField, IntegerField, BooleanField)):
        return None
    if isinstance(meant, UUIDField):
        return lambda key: key and stored_key(key)
    return lambda value: None if value is None else field.get_db_prep_save(value, connection)


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
