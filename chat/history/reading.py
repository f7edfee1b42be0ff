"""The feed, branches and lists. Head first, then rows, and never inside a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from chat import protocol
from chat.history import hot
from chat.history.rows import BEING_MADE, message_object, message_objects, session_object
from chat.history.sql import stored_key
from chat.memory import Said
from chat.models import ChatSession, Message, Role, Status
from chat.protocol import Code, Refused

JOINED = 50  # messages a client gets that starts anew
MISSED = 256 * 1024  # characters a client gets that was away; beyond, it starts anew
PAGE = 100  # messages or sessions a page at most
AROUND = 25  # messages either side of the one asked for
DEEP = 4_001  # turns read for a prompt where no earlier reply says where it began; odd: from a person's to a person's


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What happened in a session after a point: its head then, and the rows that changed, ascending by `seq`."""

    session: protocol.Session
    messages: Sequence[protocol.Message]
    making: Sequence[protocol.Message]
    reset: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Messages of a branch, nearest last; whether there are more above."""

    items: Sequence[protocol.Message]
    more: bool


def not_found() -> Refused:
    """Return the one answer for what is unknown, deleted or another's."""
    return Refused(Code.NOT_FOUND, "There is no such conversation.")


def blocked() -> Refused:
    """Return the answer to everything that a blocked visitor asks."""
    return Refused(Code.FORBIDDEN, "You have been blocked here.")


def owned(session: UUID | str, visitor: UUID | None) -> ChatSession:
    """Return a visitor's session, with what `session_object` needs. Raises Refused: `not_found`, `forbidden`."""
    try:
        key = session if isinstance(session, UUID) else UUID(session)
    except ValueError as error:
        raise not_found() from error
    found = ChatSession.objects.filter(id=key, visitor=visitor).select_related("visitor", "system_prompt").first()
    if visitor is None or found is None or _past_retention(found):
        raise not_found()
    if found.visitor.blocked_at is not None:
        raise blocked()
    return found


def _past_retention(session: ChatSession) -> bool:
    days: int = settings.RETENTION_DAYS
    kept = timedelta(days=days, seconds=settings.SESSION_TTL_S)
    return bool(days) and timezone.now() - session.updated_at >= kept


def expired(session: ChatSession) -> bool:
    """Tell whether the session has become read-only."""
    return session.expires_at is not None and session.expires_at <= timezone.now()


def session(key: UUID | str, visitor: UUID | None) -> protocol.Session:
    """Return a visitor's session. Raises Refused with `not_found`."""
    return session_object(owned(key, visitor))


def head(key: UUID) -> int:
    """Return how many changes a session has seen. Raises Refused with `not_found`."""
    found = ChatSession.objects.filter(id=key).values_list("head", flat=True).first()
    if found is None:
        raise not_found()
    return found


def feed(key: UUID, visitor: UUID, after: int) -> Feed:
    """Return what changed after `after`; with `reset`, the end of the current branch instead.

    That is so for a client that holds nothing, is too far behind, missed too much text, or is ahead of what the
    database knows.
    """
    kept = owned(key, visitor)
    reset = after == 0 or after > kept.head or kept.head - after > protocol.SYNC_BEHIND
    if reset:
        rows = sorted(branch(kept.leaf_id, JOINED), key=lambda message: message.seq)
    else:
        rows = list(Message.objects.filter(session=key, seq__gt=after).order_by("seq"))
    if not reset and sum(len(row.text) for row in rows) > MISSED:
        return feed(key, visitor, 0)
    making = list(Message.objects.filter(BEING_MADE, session=key).order_by()) if kept.length else []
    for reply in making:
        attempt, text = hot.draft(reply.id)
        if attempt == reply.attempt and len(text) > len(reply.text):
            reply.text = text
    return Feed(
        session=session_object(kept), messages=message_objects(rows), making=message_objects(making), reset=reset
    )


def branch(end: UUID | None, limit: int, *, above: int = 0) -> list[Message]:
    """Return `end` and its nearest ancestors, `limit` at most and none at a depth below `above`; oldest first."""
    # No join: for one, SQLite reads all messages into a Bloom filter, where somebody has run ANALYZE.
    if end is None:
        return []
    return list(
        Message.objects.raw(
            """
            WITH RECURSIVE branch (id, depth, taken) AS (
                SELECT id, depth, 1 FROM chat_message WHERE id = %s
                UNION ALL
                SELECT (SELECT parent_id FROM chat_message below WHERE below.id = branch.id), depth - 1, taken + 1
                FROM branch WHERE taken < %s AND depth > %s
            )
            SELECT * FROM chat_message WHERE id IN (SELECT id FROM branch) ORDER BY depth
            """,
            [stored_key(end), limit, above],
        )
    )


def end_below(message: UUID, limit: int | None = None) -> UUID:
    """Return the end of the branch below `message`, always by the newest child; after `limit` steps at the latest."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE below (id, taken) AS (
                SELECT id, 0 FROM chat_message WHERE id = %s
                UNION ALL
                SELECT (SELECT child.id FROM chat_message child WHERE child.parent_id = below.id
                        ORDER BY child.n DESC LIMIT 1), below.taken + 1
                FROM below WHERE below.id IS NOT NULL AND below.taken < %s
            )
            SELECT id FROM below WHERE id IS NOT NULL ORDER BY taken DESC LIMIT 1
            """,
            [stored_key(message), limit or 1_000_000_000],
        )
        (found,) = cursor.fetchone()
    return found if isinstance(found, UUID) else UUID(found)


def _ancestor(end: UUID | None, depth: int) -> UUID | None:
    """Return the message at `depth` on the branch that ends in `end`; `end` itself if that is not so deep."""
    if end is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE up (id, depth) AS (
                SELECT id, depth FROM chat_message WHERE id = %s
                UNION ALL
                SELECT (SELECT parent_id FROM chat_message below WHERE below.id = up.id), depth - 1
                FROM up WHERE depth > %s
            )
            SELECT id FROM up ORDER BY depth LIMIT 1
            """,
            [stored_key(end), depth],
        )
        (found,) = cursor.fetchone()
    return found if isinstance(found, UUID) else UUID(found)


def message(key: UUID, session: UUID) -> protocol.Message:
    """Return a message of this session. Raises Refused with `not_found`."""
    return message_object(row(key, session))


def row(key: UUID, session: UUID) -> Message:
    """Return a message of this session as its row. Raises Refused with `not_found`."""
    found = Message.objects.filter(id=key, session=session).first()
    if found is None:
        raise Refused(Code.NOT_FOUND, "There is no such message in this conversation.")
    return found


def page(kept: ChatSession, *, before: UUID | None, leaf: UUID | None, limit: int) -> Page:
    """Return the ancestors of `before`; without it the end of the branch that ends in `leaf`, or of the current one."""
    if before is not None:
        end = row(before, kept.id).parent_id
    else:
        end = row(leaf, kept.id).id if leaf is not None else kept.leaf_id
    found = branch(end, limit + 1)
    return Page(items=message_objects(found[-limit:]), more=len(found) > limit)


def around(kept: ChatSession, key: UUID) -> Page:
    """Return a message with its neighbours: on the current branch if it stands there, else on the newest below it."""
    wanted = row(key, kept.id)
    below = branch(end_below(key, AROUND), AROUND + 1, above=wanted.depth)
    if _forks(below):  # else it does not matter which is shown, and the way up from its leaf may be long
        shown = branch(_ancestor(kept.leaf_id, wanted.depth + AROUND), AROUND + 1, above=wanted.depth)
        below = shown if shown and shown[0].id == wanted.id else below
    above = branch(wanted.parent_id, AROUND + 1)
    return Page(items=message_objects([*above[-AROUND:], *below]), more=len(above) > AROUND)


def _forks(below: Sequence[Message]) -> bool:
    """Tell whether there is another way down from any of these."""
    children = Message.objects.filter(parent__in=[message.id for message in below]).order_by()
    parents = list(children.values_list("parent", flat=True))
    return len(set(parents)) < len(parents)


def current(kept: ChatSession) -> list[protocol.Message]:
    """Return the whole branch that is shown."""
    return message_objects(branch(kept.leaf_id, 1_000_000_000))


def whole(kept: ChatSession) -> list[protocol.Message]:
    """Return every message of a session, in the order of their insertion."""
    return message_objects(list(Message.objects.filter(session=kept).order_by("n")))


def sessions(visitor: UUID, *, before: tuple[datetime, UUID] | None, limit: int) -> list[protocol.Session]:
    """Return a visitor's sessions, latest activity first, from after `before` on."""
    found = ChatSession.objects.filter(visitor=visitor).select_related("visitor", "system_prompt")
    if before is not None:
        moment, key = before
        found = found.filter(Q(updated_at__lt=moment) | Q(updated_at=moment, id__lt=key))
    return [session_object(each) for each in found.order_by("-updated_at", "-id")[:limit]]


def said_before(reply: Message) -> list[Said]:
    """Return the turns that lead to `reply`, from where the reply above on its branch began; the last is answered."""
    asked = reply.parent
    if asked is None:
        return []
    before = asked.seq - 1 if reply.seq == asked.seq + 1 else None  # made by the same change: nothing came in between
    return said_up_to(reply.session_id, Said(id=asked.id, role="user", text=asked.text), asked.parent_id, before)


def said_up_to(session: UUID, asked: Said, above: UUID | None, before: int | None) -> list[Said]:
    """Return the turns that lead to what is `asked` below `above`, and that, from where the reply above began.

    From the cache if that knows the session as it was at the head `before`, else from the database.
    """
    if above is None:
        return [asked]
    if before is not None:
        kept = hot.recall(session, head=before, leaf=above)
        if kept is not None:
            return [*kept, asked]
    return said(branch(asked.id, DEEP, above=_where_the_reply_above_began(above)))


def said(rows: Sequence[Message]) -> list[Said]:
    """Return those of a branch's rows that a model is shown, as its turns."""
    return [
        Said(id=row.id, role="user" if row.role == Role.USER else "assistant", text=row.text)
        for row in rows
        if is_shown(row)
    ]


def _where_the_reply_above_began(end: UUID) -> int:
    """Return the depth of the oldest message that the nearest reply on the branch that ends there was shown."""
    for above in reversed(branch(end, 10)):
        if above.context_first_id is not None:
            first = Message.objects.filter(id=above.context_first_id).values_list("depth", flat=True).first()
            return first or 0
    return 0


def is_shown(message: Message) -> bool:
    """A failed reply is not shown to the model; a stopped one is, if it has text."""
    return message.role == Role.USER or (message.text != "" and message.status in {Status.COMPLETE, Status.STOPPED})
