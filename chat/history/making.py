"""A reply from queued to its end: claims, leases, checkpoints. Writes name the attempt, so a late owner is refused."""

import functools
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from chat import protocol
from chat.history import hot, searching
from chat.history.reading import said_before
from chat.history.rows import BEING_MADE, message_object
from chat.history.sessions import raise_head
from chat.history.sql import stored_key
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


@transaction.atomic
def begin(session: UUID, reply: protocol.Message, shown: Shown, *, queued_ms: int) -> protocol.Message | None:
    """Turn a reply from queued to streaming; return it as it is then, None if this attempt is over."""
    fields: dict[str, Any] = {
        "status": Status.STREAMING.value,
        "context_first_id": stored_key(shown.first),
        "context_tokens": shown.tokens,
        "context_window": shown.window,
        "template": shown.template,
        "queued_ms": queued_ms,
    }
    if shown.model != reply.model:  # it is in an index
        fields["model"] = shown.model
    kept = _change(session, reply, fields)
    return _changed(reply, kept, {"queued_ms": queued_ms}, status=fields["status"]) if kept else None


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


@transaction.atomic
def end(session: UUID, reply: protocol.Message, outcome: Outcome, said: Sequence[Said]) -> protocol.Message | None:
    """Store how a reply ended, and hold the session's turns hot; return it as it is then, None if this attempt is over.

    `reply` is as it was when it was queued, or begun.
    """
    text, status, code = outcome.text, Status(outcome.status), str(outcome.error_code)
    fields: dict[str, Any] = {
        "text": text,
        "status": status.value,
        "finish": str(outcome.finish),
        "error_code": code,
        "error_detail": outcome.error_detail,
        "model_name": outcome.model_name,
        **outcome.usage,
        **_RELEASED,
    }
    kept = _change(session, reply, fields)
    if kept is None:
        return None
    searching.keep(reply.id, kept.visitor, text)
    if said:  # else it ended before the conversation was read
        turns = list(said)
        if text and status != Status.FAILED:
            turns.append(Said(id=reply.id, role="assistant", text=text))
        hold = functools.partial(hot.keep, session, turns, head=kept.seq, leaf=reply.id)
        transaction.on_commit(hold, robust=True)
    error = protocol.Failure(code=code, detail=outcome.error_detail) if code else None
    finish = fields["finish"] or None
    return _changed(reply, kept, outcome.usage, text=text, status=status.value, finish=finish, error=error)


_RELEASED: dict[str, Any] = {"owner": "", "lease_until": None, "stop_wanted": False}


class _Kept(NamedTuple):
    """What of a changed reply is not known by whoever changes it: its number, and what others wrote."""

    visitor: UUID
    seq: int
    feedback: int
    model: str
    first: UUID | str | None
    tokens: int | None
    window: int | None


def _change(session: UUID, reply: protocol.Message, fields: Mapping[str, Any]) -> _Kept | None:
    """Change a reply that is being made, as one change of its session; None if this attempt is over.

    `fields` are by their columns and as the database takes them. Written in SQL: twice a reply, Django would take
    longer to compose the statements than the database to run them.
    """
    changes = ", ".join(f"{name} = %s" for name in fields)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_CHANGE, [_now(), stored_key(session)])
        found = cursor.fetchone()
        if found is None:
            return None
        head, visitor = found
        cursor.execute(
            f"UPDATE chat_message SET seq = %s, {changes} WHERE id = %s AND session_id = %s AND attempt = %s"  # noqa: S608 (names of columns)
            " AND status IN ('queued', 'streaming')"
            " RETURNING seq, feedback, model, context_first_id, context_tokens, context_window",
            [head, *fields.values(), stored_key(reply.id), stored_key(session), reply.attempt],
        )
        kept = cursor.fetchone()
    if kept is None:
        transaction.set_rollback(True)
        return None
    return _Kept(_uuid(visitor), *kept)


_COUNT_CHANGE = """
    UPDATE chat_chatsession SET head = head + 1, updated_at = %s WHERE id = %s RETURNING head, visitor_id
"""


def _now() -> Any:
    return connection.ops.adapt_datetimefield_value(timezone.now())


def _changed(reply: protocol.Message, kept: _Kept, usage: Mapping[str, int | None], **more: Any) -> protocol.Message:
    """Return a reply as the wire has it after a change."""
    context = None
    if kept.tokens is not None and kept.window is not None:
        context = protocol.Context(tokens=kept.tokens, window=kept.window, first=kept.first and _uuid(kept.first))
    known = {"seq": kept.seq, "feedback": kept.feedback, "model": kept.model or None, "context": context, **more}
    if reply.usage is not None:
        known["usage"] = reply.usage.model_copy(update=usage)
    return reply.model_copy(update=known)


def _uuid(stored: UUID | str) -> UUID:
    return stored if isinstance(stored, UUID) else UUID(stored)


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
