"""Messages by their words. An entry is written in the transaction that ends its message, and by no checkpoint."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from chat import words
from chat.history.sql import stored_key, uuid
from chat.models import ChatSession, Message, SearchEntry
from chat.steps import Statement

HIGHEST = 2**63 - 1  # a place beyond all
NEWEST = 2_000  # entries that PostgreSQL looks at first: what is common stands among them, and what is rare does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A message that a search found, with its session, and its place in the order of what was found."""

    message: Message
    session: ChatSession
    place: int


# The visitor stands before each word, so that a search reads what is that visitor's alone, however common its words.
_SEARCH = {
    "sqlite": """
        SELECT entry.id, entry.message_id
        FROM chat_searchindex CROSS JOIN chat_searchentry entry ON entry.id = chat_searchindex.rowid
        WHERE chat_searchindex MATCH %s AND chat_searchindex.rowid < %s AND entry.visitor = %s
        ORDER BY chat_searchindex.rowid DESC LIMIT %s
    """,
    # Materialized: else PostgreSQL may read all entries from the highest on, in hope of an early end.
    "postgresql": """
        WITH found AS MATERIALIZED (
            SELECT id, message_id FROM chat_searchentry
            WHERE chat_search_lexemes(words, visitor) @@ %s::tsquery AND id < %s AND visitor = %s
        )
        SELECT id, message_id FROM found ORDER BY id DESC LIMIT %s
    """,
}
# PostgreSQL finds all of a common word before it sorts them.
_AMONG_THE_NEWEST = """
    WITH newest AS MATERIALIZED (
        SELECT id, message_id, words FROM chat_searchentry WHERE visitor = %s AND id < %s ORDER BY id DESC LIMIT %s
    )
    SELECT id, message_id FROM newest WHERE ' ' || words LIKE ALL (%s) ORDER BY id DESC LIMIT %s
"""
_WORD = {"sqlite": ('"{}" *', " AND "), "postgresql": ("'{}':*", " & ")}


_KEEP = "INSERT INTO chat_searchentry (message_id, visitor, words) VALUES (%s, %s, %s)"
_KEEP_IF = """
    INSERT INTO chat_searchentry (message_id, visitor, words)
    SELECT chat_message.id, visitor_id, %s FROM chat_message
    JOIN chat_chatsession ON chat_chatsession.id = chat_message.session_id WHERE {}
"""


def keep(message: UUID, visitor: UUID, text: str) -> None:
    """Let a message that has ended be found."""
    keep_all([(message, visitor, text)])


def keep_all(said: Iterable[tuple[UUID, UUID, str]]) -> None:
    """Let messages be found, each given with its visitor and text, the oldest first. In SQL, as it is in every turn."""
    rows = [values for message, visitor, text in said for _, values in kept(message, visitor, text)]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_KEEP, rows)


def kept(message: UUID, visitor: UUID, text: str) -> list[Statement]:
    """Return what lets a message be found: nothing if there are no words in it."""
    found = words.indexed(text)
    return [(_KEEP, [stored_key(message), stored_key(visitor), " ".join(found)])] if found else []


def kept_if(text: str, condition: str, values: Sequence[Any]) -> list[Statement]:
    """Return what lets a message that meets a condition be found by the words of `text`."""
    found = words.indexed(text)
    return [(_KEEP_IF.format(condition), [" ".join(found), *values])] if found else []


def drop(message: UUID) -> None:
    """Let a message be found no more, as its text is to change."""
    SearchEntry.objects.filter(message=message).delete()


def search(visitor: UUID, query: str, *, before: int | None, limit: int) -> list[Found]:
    """Return a visitor's messages in which words begin with each of the query's, what was said last first.

    `before` is the place to go on from.
    """
    wanted = words.wanted(query)
    if not wanted:
        return []
    places: dict[UUID, int] = {}
    for sql, parameters in statements(visitor, wanted, before=before or HIGHEST, limit=limit):
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            places = {uuid(message): place for place, message in cursor.fetchall()}
        if len(places) == limit:
            break
    rows = Message.objects.select_related("session__visitor", "session__system_prompt").in_bulk(places)
    return [
        Found(message=rows[message], session=rows[message].session, place=place)
        for message, place in places.items()
        if message in rows
    ]


def statements(visitor: UUID, wanted: Sequence[str], *, before: int, limit: int) -> Iterator[tuple[str, list[Any]]]:
    """Return the SQL that finds the places, and its parameters: each to be asked until one finds as many as `limit`.

    No word holds what the index's language reads, or LIKE.
    """
    quoted, joint = _WORD[connection.vendor]
    asked = joint.join(quoted.format(f"{visitor.hex[:8]}{word}") for word in wanted)
    key = stored_key(visitor)
    if connection.vendor == "postgresql":
        yield _AMONG_THE_NEWEST, [key, before, NEWEST, [f"% {word}%" for word in wanted], limit]
    yield _SEARCH[connection.vendor], [asked, before, key, limit]
