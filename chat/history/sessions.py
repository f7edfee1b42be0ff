"""Visitors and their chat sessions: made, changed, deleted."""

import hashlib
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, ProtectedError, QuerySet
from django.utils import timezone

from chat import protocol
from chat.history import hot, sql
from chat.history.reading import not_found, owned
from chat.history.rows import message_object, session_object
from chat.models import ChatSession, Message, Replay, Role, SystemPrompt, Visitor
from chat.protocol import Code, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a person may set of a session; None leaves it as it is."""

    title: str | None = None
    model: str | None = None
    system_prompt: str | None = None
    sampling: protocol.Sampling | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What was deleted: one visitor's sessions."""

    visitor: UUID
    sessions: Sequence[UUID]


def visitor(key: UUID | None) -> Visitor | None:
    """Return the visitor whom a browser's cookie names, if there still is one."""
    return Visitor.objects.filter(id=key).first() if key else None


@transaction.atomic
def open_session(known: UUID | None, name: str | None, model: str, wanted: Settings) -> tuple[protocol.Session, UUID]:
    """Make a session, and its visitor where `known` is none; `name` given again renames the visitor.

    Returns the session and its visitor. Raises Refused with `name_required`.
    """
    who = visitor(known)
    if who is None:
        if name is None:
            raise Refused(Code.NAME_REQUIRED, "Say a name first.")
        who = Visitor.objects.create(name=name)
    elif name is not None and name != who.name:
        who.name = name
        who.save(update_fields=["name"])
    session = ChatSession(visitor=who, model=wanted.model or model, updated_at=timezone.now())
    _apply(session, wanted)
    session.save()
    return session_object(session), who.id


@transaction.atomic
def change_session(key: str, who: UUID | None, wanted: Settings) -> protocol.Session:
    """Change what is given, and tell it in the feed. Raises Refused with `not_found`."""
    session = raise_head(owned(key, who).id, 1)
    _apply(session, wanted)
    session.seq = session.head
    session.save(update_fields=["title", "model", "system_prompt", "sampling", "seq"])
    return session_object(session)


def _apply(session: ChatSession, wanted: Settings) -> None:
    if wanted.title is not None:
        session.title = wanted.title
    if wanted.model is not None:
        session.model = wanted.model
    if wanted.system_prompt is not None:
        session.system_prompt = kept_once(wanted.system_prompt)
    if wanted.sampling is not None:
        session.sampling = wanted.sampling.model_dump(exclude_none=True)


def kept_once(text: str) -> SystemPrompt | None:
    """Return a system prompt's one row; None for none."""
    if not text:
        return None
    key = hashlib.sha256(text.encode()).hexdigest()
    return SystemPrompt.objects.get_or_create(hash=key, defaults={"text": text})[0]


def raise_head(key: UUID, changes: int) -> ChatSession:
    """Count `changes` in a session, which locks it, and return it. The first statement of every write to a session.

    Raises Refused with `not_found`.
    """
    session = sql.raise_head(key, changes)
    if session is None:
        raise not_found()
    return session


def delete_session(key: str, who: UUID | None) -> UUID:
    """Delete a visitor's session with its messages. Raises Refused with `not_found`."""
    found = owned(key, who).id
    delete_any_session(found)
    return found


def delete_any_session(key: UUID) -> Deleted:
    """Delete a session, whoever's it is, with its messages. Raises Refused with `not_found`."""
    with transaction.atomic():
        session = raise_head(key, 1)
        deleted, prompts = Deleted(visitor=session.visitor_id, sessions=[key]), _prompts([key])
        session.delete()
    _forget_prompts(prompts)
    hot.forget([key])
    return deleted


def delete_visitor(who: UUID) -> Deleted:
    """Delete a visitor and all that is theirs."""
    with transaction.atomic():
        # Locked, or PostgreSQL takes a turn that comes in between, and then refuses to delete.
        theirs = ChatSession.objects.select_for_update(of=("self",)).filter(visitor=who)
        sessions = list(theirs.order_by("id").values_list("id", flat=True))
        prompts = _prompts(sessions)
        Visitor.objects.filter(id=who).delete()
    _forget_prompts(prompts)
    hot.forget(sessions)
    return Deleted(visitor=who, sessions=sessions)


def purge(before: datetime) -> list[Deleted]:
    """Delete the sessions without activity since `before`, and visitors who are left with none for a day."""
    old = ChatSession.objects.filter(updated_at__lt=before)
    found: dict[UUID, list[UUID]] = {}
    for who, key in old.values_list("visitor_id", "id"):
        found.setdefault(who, []).append(key)
    for keys in found.values():
        for key in keys:
            with transaction.atomic():
                ChatSession.objects.filter(id=key, updated_at__lt=before).delete()
        hot.forget(keys)
    Visitor.objects.filter(sessions=None, created_at__lt=min(before, timezone.now() - timedelta(days=1))).delete()
    _forget_prompts(SystemPrompt.objects.values_list("hash", flat=True))
    return [Deleted(visitor=who, sessions=keys) for who, keys in found.items()]


def _prompts(sessions: Sequence[UUID]) -> set[str]:
    """Return the hashes of the system prompts that these sessions, their messages and replays refer to."""
    users: tuple[QuerySet[Any], ...] = (
        ChatSession.objects.filter(id__in=sessions),
        Message.objects.filter(session__in=sessions),
        Replay.objects.filter(reply__session__in=sessions),
    )
    return {key for rows in users for key in rows.order_by().values_list("system_prompt", flat=True).distinct() if key}


def _forget_prompts(prompts: Collection[str]) -> None:
    """Delete those that nothing refers to any more: a system prompt is what somebody wrote, too."""
    unused = SystemPrompt.objects.filter(hash__in=prompts)
    for relation in SystemPrompt._meta.related_objects:
        users = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("hash")})  # noqa: SLF001 (documented, for want of a better name)
        unused = unused.filter(~Exists(users))
    with suppress(ProtectedError, IntegrityError), transaction.atomic():  # one is used again meanwhile
        unused.delete()


@transaction.atomic
def give_feedback(key: str, who: UUID | None, value: int) -> tuple[UUID, protocol.Message]:
    """Set a reply's thumb: 1, 0 or -1; return its session and the reply.

    Raises Refused with `not_found`, or `bad_request` for what is no reply.
    """
    try:
        found = Message.objects.filter(id=UUID(key), session__visitor=who).first()
    except ValueError as error:
        raise not_found() from error
    if who is None or found is None:
        raise not_found()
    if found.role != Role.ASSISTANT:
        raise Refused(Code.BAD_REQUEST, "Thumbs are for replies.")
    session = raise_head(found.session_id, 1)
    Message.objects.filter(id=found.id).update(feedback=value, seq=session.head)
    return session.id, message_object(Message.objects.get(id=found.id))
