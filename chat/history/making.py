"""A reply from queued to its end: claims, leases, checkpoints. Writes name the attempt, so a late owner is refused."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from chat import protocol
from chat.history import hot, searching
from chat.history.reading import said_before
from chat.history.rows import BEING_MADE, message_object
from chat.history.sessions import raise_head
from chat.history.sql import columns_of, stored_key
from chat.memory import Said
from chat.models import MAKING, Message, Status

TAKEOVERS = 1  # a reply whose owner is lost is taken up this often


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a reply is to be made from. `said` ends with what is to be answered."""

    said: Sequence[Said]
    system_prompt: str
    sampling: protocol.Sampling
    model: str
    queued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the model is shown, as it is kept with the reply."""

    model: str  # the alias that answers, which is another than was asked for where a fallback does
    first: UUID
    tokens: int
    window: int
    template: str


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How a reply ended."""

    text: str
    status: Status
    finish: str = ""
    error_code: str = ""
    error_detail: str = ""
    model_name: str = ""
    usage: dict[str, int | None] = field(default_factory=dict)


def task(key: UUID, attempt: int) -> Task | None:
    """Return what a reply is to be made from; None if this attempt is over."""
    found = Message.objects.filter(id=key, attempt=attempt, status__in=MAKING)
    reply = found.select_related("parent", "system_prompt").first()
    return task_of(reply) if reply else None


def task_of(reply: Message) -> Task:
    """Return what a reply is to be made from."""
    return Task(
        said=said_before(reply),
        system_prompt=reply.system_prompt.text if reply.system_prompt else "",
        sampling=protocol.Sampling(**reply.sampling),
        model=reply.model,
        queued_at=reply.queued_at or reply.created_at,
    )


def begin(
    session: UUID, key: UUID, attempt: int, shown: Shown, *, queued_ms: int, siblings: list[UUID] | None = None
) -> protocol.Message | None:
    """Turn a reply from queued to streaming; None if this attempt is over.

    `siblings` are the reply's, where they are known: while it is made there will be no others.
    """
    return _change(
        session,
        key,
        attempt,
        siblings,
        status=Status.STREAMING,
        model=shown.model,
        context_first_id=shown.first,
        context_tokens=shown.tokens,
        context_window=shown.window,
        template=shown.template,
        queued_ms=queued_ms,
    )


def checkpoint(texts: Mapping[UUID, tuple[int, str]]) -> set[UUID]:
    """Keep the texts so far, by reply with its attempt; return those whose attempt is over."""
    hot.keep_drafts(texts)
    sql = "UPDATE chat_message SET text = %s WHERE id = %s AND attempt = %s AND status = 'streaming'"
    over = set()
    with transaction.atomic(), connection.cursor() as cursor:
        for key, (attempt, text) in sorted(texts.items()):
            cursor.execute(sql, [text, stored_key(key), attempt])
            if not cursor.rowcount:
                over.add(key)
    return over


def end(
    session: UUID,
    key: UUID,
    attempt: int,
    outcome: Outcome,
    said: Sequence[Said],
    *,
    siblings: list[UUID] | None = None,
) -> protocol.Message | None:
    """Store how a reply ended, and hold the session's turns hot; None if this attempt is over."""
    fields: dict[str, Any] = {
        "text": outcome.text,
        "status": outcome.status,
        "finish": outcome.finish,
        "error_code": outcome.error_code,
        "error_detail": outcome.error_detail,
        "model_name": outcome.model_name,
        **outcome.usage,
    }
    ended = _change(session, key, attempt, siblings, **fields, **_RELEASED)
    if ended is None:
        return None
    turns = list(said)
    if outcome.text and outcome.status != Status.FAILED:
        turns.append(Said(id=key, role="assistant", text=outcome.text))
    if said:  # else it ended before the conversation was read
        hot.keep(session, turns, head=ended.seq, leaf=key)
    return ended


_RELEASED: dict[str, Any] = {"owner": "", "lease_until": None, "stop_wanted": False}


def _change(
    session: UUID, key: UUID, attempt: int, siblings: list[UUID] | None, **fields: Any
) -> protocol.Message | None:
    """Change a reply that is being made, as one change of its session; None if this attempt is over.

    Written in SQL: twice a reply, Django would take longer to compose the statements than the database to run them.
    """
    columns = columns_of(Message)
    values = [columns[name].get_db_prep_save(value, connection) for name, value in fields.items()]
    changes = ", ".join(f"{columns[name].column} = %s" for name in fields)
    with transaction.atomic():
        head, visitor = _next_head(session)
        if visitor is None:
            return None
        changed = list(
            Message.objects.raw(
                f"UPDATE chat_message SET seq = %s, {changes} WHERE id = %s AND session_id = %s AND attempt = %s"  # noqa: S608 (names of columns)
                " AND status IN ('queued', 'streaming') RETURNING *",
                [head, *values, stored_key(key), stored_key(session), attempt],
            )
        )
        if not changed:
            transaction.set_rollback(True)
            return None
        if changed[0].status not in MAKING:
            searching.keep(key, visitor, changed[0].text)
        return message_object(changed[0], siblings)


def _next_head(session: UUID) -> tuple[int, UUID | None]:
    """Count one change in a session, which locks it; return its head and its visitor, None if there is no session."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE chat_chatsession SET head = head + 1, updated_at = %s WHERE id = %s RETURNING head, visitor_id",
            [now, stored_key(session)],
        )
        head, visitor = cursor.fetchone() or (0, None)
    return head, UUID(visitor) if isinstance(visitor, str) else visitor


def want_stop(session: UUID, key: UUID, attempt: int) -> bool:
    """Note the wish that a reply end now; False if that attempt is over."""
    making = Message.objects.filter(id=key, session=session, attempt=attempt, status__in=MAKING)
    return bool(making.update(stop_wanted=True))


def renew(owner: str, replies: Collection[UUID]) -> list[UUID]:
    """Renew the leases of the replies that a process makes; return those that somebody wants stopped.

    One that is under its name but not among `replies` was lost on the way, and its lease runs out.
    """
    mine = Message.objects.filter(owner=owner, id__in=replies, status__in=MAKING)
    with transaction.atomic():
        # By their ids, as checkpoints go, or in PostgreSQL the two may each wait for the other.
        held = dict(mine.select_for_update().order_by("id").values_list("id", "stop_wanted"))
        Message.objects.filter(id__in=held).update(lease_until=_lease())
    return [key for key, stop_wanted in held.items() if stop_wanted]


def hand_on(owner: str) -> int:
    """End the leases of all of a process's replies, so that another takes them up at once; return how many."""
    return Message.objects.filter(owner=owner, status__in=MAKING).update(lease_until=timezone.now())


def _lease() -> datetime:
    return timezone.now() + timedelta(seconds=settings.LEASE_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A reply whose owner was lost, as it is now; still to be made if it is queued."""

    session: UUID
    reply: protocol.Message


def take_over(owner: str) -> list[Taken]:
    """Take up the replies whose lease has run out, as the next attempt.

    One that somebody wants stopped is stopped; one that was taken up before has failed, and keeps its text.
    """
    lost = Message.objects.filter(BEING_MADE, lease_until__lt=timezone.now()).order_by("lease_until")
    taken: list[Taken] = []
    for session, key in lost.values_list("session_id", "id"):
        with suppress(protocol.Refused):  # deleted meanwhile
            taken += _take(owner, session, key)
    return taken


@transaction.atomic
def _take(owner: str, session: UUID, key: UUID) -> list[Taken]:
    kept = raise_head(session, 1)
    now = timezone.now()
    # Locked, or PostgreSQL lets a wish to stop come in between, which saving would undo.
    lost = Message.objects.select_for_update().filter(id=key, status__in=MAKING, lease_until__lt=now)
    reply = lost.first()
    if reply is None:
        transaction.set_rollback(True)
        return []
    reply.seq = kept.head
    if reply.stop_wanted:
        reply.status = Status.STOPPED
        _release(reply)
    elif reply.status == Status.STREAMING and reply.takeovers >= TAKEOVERS:
        reply.status = Status.FAILED
        reply.error_code = protocol.Code.INTERRUPTED
        reply.error_detail = "The server was interrupted while it wrote this."
        _release(reply)
    else:
        reply.takeovers += reply.status == Status.STREAMING
        reply.attempt += 1
        reply.status = Status.QUEUED
        reply.text = ""
        reply.owner = owner
        reply.lease_until = _lease()
    reply.save()
    if reply.status not in MAKING:
        searching.keep(key, kept.visitor_id, reply.text)
    return [Taken(session=session, reply=message_object(reply))]


def _release(reply: Message) -> None:
    for name, value in _RELEASED.items():
        setattr(reply, name, value)
