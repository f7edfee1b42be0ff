"""A reply from queued to its end: claims, leases, checkpoints. Writes name the attempt, so a late owner is refused."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chat import protocol, steps
from chat.history import hot, searching, sql
from chat.history.reading import said_before
from chat.history.rows import BEING_MADE, message_object
from chat.history.sessions import raise_head
from chat.history.sql import stored_key
from chat.memory import Said
from chat.models import MAKING, Message, Status
from chat.steps import Statement

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
    if reply is None:
        return None
    return Task(
        said=said_before(reply),
        system_prompt=reply.system_prompt.text if reply.system_prompt else "",
        sampling=protocol.Sampling(**reply.sampling),
        model=reply.model,
        queued_at=reply.queued_at or reply.created_at,
    )


@steps.write(patience_s=steps.FIRST_TOKEN_S)
def begin(
    session: UUID, reply: protocol.Message, shown: Shown, *, queued_ms: int
) -> steps.Steps[protocol.Message | None]:
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
    *_, kept = yield steps.Ask(_change(session, reply, fields, moved=False), session=session, last=True)
    return _changed(reply, kept, {"queued_ms": queued_ms}, status=fields["status"])


@steps.write(patience_s=steps.LATER_S)
def checkpoint(texts: Mapping[UUID, tuple[int, str]]) -> steps.Steps[set[UUID]]:
    """Keep the texts so far, by reply with its attempt; return those whose attempt is over."""
    hot.keep_drafts(texts)
    changes = [(_KEEP_TEXT, [text, stored_key(key), attempt]) for key, (attempt, text) in sorted(texts.items())]
    kept = yield steps.Ask(changes, last=True)
    return {key for key, rows in zip(sorted(texts), kept, strict=True) if not rows}


_KEEP_TEXT = """
    UPDATE chat_message SET text = %s WHERE id = %s AND attempt = %s AND status = 'streaming' RETURNING attempt
"""


@steps.write(patience_s=steps.LATER_S)
def end(
    session: UUID, reply: protocol.Message, outcome: Outcome, said: Sequence[Said]
) -> steps.Steps[protocol.Message | None]:
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
    found = searching.kept_if(text, _MAKING, _making(session, reply))
    *_, kept = yield steps.Ask([*found, *_change(session, reply, fields, moved=True)], session=session, last=True)
    error = protocol.Failure(code=code, detail=outcome.error_detail) if code else None
    finish = fields["finish"] or None
    ended = _changed(reply, kept, outcome.usage, text=text, status=status.value, finish=finish, error=error)
    if ended is not None and said:  # else it ended before the conversation was read
        turns = list(said)
        if text and status != Status.FAILED:
            turns.append(Said(id=reply.id, role="assistant", text=text))
        hot.keep(session, turns, head=ended.seq, leaf=reply.id)
    return ended


_RELEASED: dict[str, Any] = {"owner": "", "lease_until": None, "stop_wanted": False}
_MAKING = """
    chat_message.id = %s AND chat_message.session_id = %s AND attempt = %s AND status IN ('queued', 'streaming')
"""


def _making(session: UUID, reply: protocol.Message) -> list[Any]:
    """Return the values of `_MAKING`, which a reply meets while this attempt at it is made."""
    return [stored_key(reply.id), stored_key(session), reply.attempt]


def _change(session: UUID, reply: protocol.Message, fields: Mapping[str, Any], *, moved: bool) -> list[Statement]:
    """Return what changes a reply that is being made, as one change of its session; nothing if this attempt is over.

    `fields` are by their columns and as the database takes them. `moved`: the session moves up in its lists, which has
    four indexes written.
    """
    changes = ", ".join(f"{name} = %s" for name in fields)
    making, key = _making(session, reply), stored_key(session)
    now = [sql.stored_time(timezone.now())] if moved else []
    return [
        (_COUNT_AND_MOVE if moved else _COUNT, [*now, key, *making]),
        (_CHANGE.format(changes), [key, *fields.values(), *making]),
    ]


_COUNT = f"""
    UPDATE chat_chatsession SET head = head + 1 WHERE id = %s AND EXISTS (SELECT 1 FROM chat_message WHERE {_MAKING})
"""  # noqa: S608 (constants of ours)
_COUNT_AND_MOVE = _COUNT.replace("SET head", "SET updated_at = %s, head")
_CHANGE = f"""
    UPDATE chat_message SET seq = (SELECT head FROM chat_chatsession WHERE id = %s), {{}} WHERE {_MAKING}
    RETURNING seq, feedback, model, context_first_id, context_tokens, context_window
"""  # noqa: S608 (constants of ours)


def _changed(
    reply: protocol.Message, kept: steps.Rows, usage: Mapping[str, int | None], **more: Any
) -> protocol.Message | None:
    """Return a reply as the wire has it after a change, which gave these rows; None if it changed nothing."""
    if not kept:
        return None
    ((seq, feedback, model, first, tokens, window),) = kept
    context = None
    if tokens is not None and window is not None:
        context = protocol.Context(tokens=tokens, window=window, first=first and sql.uuid(first))
    known = {"seq": seq, "feedback": feedback, "model": model or None, "context": context, **more}
    if reply.usage is not None:
        known["usage"] = reply.usage.model_copy(update=usage)
    return reply.model_copy(update=known)


def want_stop(session: UUID, key: UUID, attempt: int) -> bool:
    """Note the wish that a reply end now; False if that attempt is over."""
    making = Message.objects.filter(id=key, session=session, attempt=attempt, status__in=MAKING)
    return bool(making.update(stop_wanted=True))


@steps.write(patience_s=steps.LATER_S)
def renew(owner: str, replies: Collection[UUID]) -> steps.Steps[list[UUID]]:
    """Renew the leases of the replies that a process makes; return those that somebody wants stopped.

    One that is under its name but not among `replies` was lost on the way, and its lease runs out.
    """
    lease = sql.stored_time(_lease())
    renewals = [(_RENEW, [lease, stored_key(key), owner]) for key in sorted(replies)]
    renewed = yield steps.Ask(renewals, last=True)
    return [key for key, rows in zip(sorted(replies), renewed, strict=True) if rows and rows[0][0]]


_RENEW = """
    UPDATE chat_message SET lease_until = %s WHERE id = %s AND owner = %s AND status IN ('queued', 'streaming')
    RETURNING stop_wanted
"""


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
