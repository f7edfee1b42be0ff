"""What a person does to a conversation: says something, says it otherwise, asks again, turns to another branch."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chat import protocol, steps
from chat.history import searching, sql
from chat.history.making import Task
from chat.history.reading import end_below, expired, not_found, row, said_up_to
from chat.history.rows import BEING_MADE, message_object, message_objects, message_queued, message_said, session_object
from chat.history.sessions import raise_head
from chat.memory import Said
from chat.models import ChatSession, Message, Role, Status
from chat.protocol import Code, Refused
from chat.steps import Statement

TITLE = 60  # characters of the first message that become the title


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """The process that makes replies, the models that it knows, and those where the line is full."""

    owner: str
    aliases: Collection[str]
    full: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a write did: the messages and the session as they are now, and the reply that is to be made, if any.

    `duplicate` is the id of the message that a known `client_id` made before; then nothing changed.
    """

    messages: tuple[protocol.Message, ...] = ()
    session: protocol.Session | None = None
    reply: protocol.Message | None = None
    duplicate: UUID | None = None
    task: Task | None = None  # what `reply` is to be made from


class _Known(Exception):
    """The client id has been stored before, as this message. Rolls the transaction back."""

    def __init__(self, message: UUID) -> None:
        self.message = message


@steps.write(patience_s=steps.ACK_S)
def add_turn(key: UUID, client_id: UUID, text: str, maker: Maker) -> steps.Steps[Change]:
    """Store what a person says after the current leaf, and a queued reply to it.

    Raises Refused: `bad_frame` for a known `client_id` with other text, `busy`, `expired`, `unknown_model`,
    `queue_full`, `not_found`.
    """
    kept, others = yield steps.Ask([sql.session(key), sql.in_the_way(key, client_id)], session=key)
    session, found = sql.session_of(kept), sql.in_the_way_of(others)
    if session is None:
        raise not_found()
    session.head += 3
    try:
        _check(session, found, text, maker)
    except _Known as known:
        return Change(duplicate=known.message)
    depth = 0 if found.depth is None else found.depth + 1
    above, before = session.leaf_id, session.head - 3
    said, reply, storing = _turn(session, client_id, text, maker, above=above, depth=depth)
    yield steps.Ask(storing, last=True)
    task = Task(
        said=said_up_to(key, Said(id=said.id, role="user", text=text), above, before),
        system_prompt=session.system_prompt.text if session.system_prompt else "",
        sampling=protocol.Sampling(**session.sampling),
        model=session.model,
        queued_at=said.created_at,
    )
    return Change(messages=(said, reply), session=session_object(session), reply=reply, task=task)


def edit_turn(key: UUID, message: UUID, client_id: UUID, text: str, maker: Maker) -> Change:
    """Store another version of what a person said, beside it, and a queued reply. Raises as `add_turn`."""
    try:
        with transaction.atomic():
            session = _lock(key, 3, client_id, text, maker)
            old = row(message, key)
            if old.role != Role.USER:
                raise Refused(Code.BAD_FRAME, "Only what you said can be edited.")
            said, reply, storing = _turn(session, client_id, text, maker, above=old.parent_id, depth=old.depth)
            sql.run(*storing)
            stored = tuple(message_objects([row(said.id, key), row(reply.id, key)]))
            return Change(messages=stored, session=session_object(session), reply=stored[1])
    except _Known as known:
        return Change(duplicate=known.message)


def regenerate(key: UUID, message: UUID, client_id: UUID, maker: Maker) -> Change:
    """Store another queued reply to what a person said; `message` is that, or a reply to it. Raises as `add_turn`."""
    try:
        with transaction.atomic():
            session = _lock(key, 2, client_id, None, maker)
            asked = row(message, key)
            if asked.role == Role.ASSISTANT and asked.parent is not None:
                asked = asked.parent
            reply = _new_reply(session, asked, maker, seq=session.head - 1, client_id=client_id)
            reply.save(force_insert=True)
            _show(session, reply.id, reply.n)
            sql.run(sql.show(session))
            stored = message_object(reply)
            return Change(messages=(stored,), session=session_object(session), reply=stored)
    except _Known as known:
        return Change(duplicate=known.message)


def retry(key: UUID, message: UUID, attempt: int, maker: Maker) -> Change:
    """Make a failed or stopped reply with nothing below it again, in place, as the next attempt.

    Where that does not fit what the reply is now, nothing changes. Raises Refused: `busy`, `expired`, `unknown_model`.
    """
    with transaction.atomic():
        session = raise_head(key, 1)
        reply = row(message, key)
        ended = reply.status in {Status.FAILED, Status.STOPPED} and not reply.children.exists()
        if reply.attempt != attempt or not ended:
            unchanged = Change(messages=(message_object(reply),))
            transaction.set_rollback(True)
            return unchanged
        _refuse(session, maker, busy=Message.objects.filter(BEING_MADE, session=key).exists())
        fresh = _new_reply(session, reply.parent, maker, seq=session.head, client_id=reply.client_id)
        fresh.id, fresh.n, fresh.created_at = reply.id, reply.n, reply.created_at
        fresh.attempt = reply.attempt + 1
        fresh.feedback = reply.feedback
        fresh.save(force_update=True)
        searching.drop(fresh.id)
        ChatSession.objects.filter(id=key).update(updated_at=timezone.now())
        stored = message_object(fresh)
        return Change(messages=(stored,), reply=stored)


def known(key: UUID, client_id: UUID, text: str | None) -> UUID | None:
    """Return the message that a `client_id` has made, None for a new one. Refuses other text: `bad_frame`."""
    made = Message.objects.filter(session=key, client_id=client_id).first()
    if made is None:
        return None
    _refuse_other(text, made.text)
    return made.id


def select(key: UUID, message: UUID) -> Change:
    """Show the branch that ends below `message`. Raises Refused with `not_found`."""
    with transaction.atomic():
        session = raise_head(key, 1)
        leaf = end_below(row(message, key).id)
        if leaf == session.leaf_id:
            transaction.set_rollback(True)
            return Change()
        session.leaf_id = leaf
        session.seq = session.head
        session.save(update_fields=["leaf", "seq"])
        return Change(session=session_object(session))


def _lock(key: UUID, changes: int, client_id: UUID, text: str | None, maker: Maker) -> ChatSession:
    """Lock the session for a turn. Raises _Known for a client id seen before, and Refused."""
    session = raise_head(key, changes)
    (others,) = sql.run(sql.in_the_way(key, client_id))
    _check(session, sql.in_the_way_of(others), text, maker)
    return session


def _check(session: ChatSession, found: sql.InTheWay, text: str | None, maker: Maker) -> None:
    """Raise _Known for a client id seen before, and Refused where there can be no turn now."""
    if found.known is not None:
        message, known_text = found.known
        _refuse_other(text, known_text)
        raise _Known(message)
    _refuse(session, maker, busy=found.busy)


def _refuse_other(text: str | None, known_text: str) -> None:
    if text is not None and known_text != text:
        raise Refused(Code.BAD_FRAME, "This client_id has been used for another text.")


def _refuse(session: ChatSession, maker: Maker, *, busy: bool) -> None:
    """Raise Refused where no reply can be made now. `session` holds a head that was raised already."""
    if busy:
        raise Refused(Code.BUSY, "A reply is being made; wait for it, or stop it.")
    if expired(session):
        raise Refused(Code.EXPIRED, "This conversation has expired; it can be read, and a new one can be begun.")
    if session.model not in maker.aliases:
        choices = ", ".join(sorted(maker.aliases))
        raise Refused(Code.UNKNOWN_MODEL, f"The model {session.model!r} is not configured. Choose one of: {choices}.")
    if session.model in maker.full:
        raise Refused(Code.QUEUE_FULL, "Too many are waiting for this model; try again in a while.", retry_after_s=30)


def _turn(
    session: ChatSession, client_id: UUID, text: str, maker: Maker, *, above: UUID | None, depth: int
) -> tuple[protocol.Message, protocol.Message, list[Statement]]:
    """Return what was said and a queued reply below it, each with no sibling, and what stores and shows both."""
    now = timezone.now()
    said = sql.Said(uuid4(), session.id, above, depth, session.length + 1, session.head - 2, client_id, text, now)
    lease = now + timedelta(seconds=settings.LEASE_S)
    reply = sql.Queued(uuid4(), maker.owner, lease, session.model, session.system_prompt_id, session.sampling)
    session.title = session.title or _title(text)
    _show(session, reply.id, said.n + 1)
    storing = [sql.turn(said, reply), *searching.kept(said.id, session.visitor_id, text), sql.show(session)]
    return message_said(said), message_queued(said, reply), storing


def _new_reply(
    session: ChatSession, asked: Message | None, maker: Maker, *, seq: int, client_id: UUID | None
) -> Message:
    now = timezone.now()
    return Message(
        session=session,
        parent=asked,
        depth=asked.depth + 1 if asked else 0,
        n=session.length + 1,
        seq=seq,
        client_id=client_id,
        role=Role.ASSISTANT,
        status=Status.QUEUED,
        attempt=1,
        owner=maker.owner,
        lease_until=now + timedelta(seconds=settings.LEASE_S),
        model=session.model,
        system_prompt=session.system_prompt,
        sampling=session.sampling,
        queued_at=now,
    )


def _show(session: ChatSession, leaf: UUID, length: int) -> None:
    """Move the leaf to a reply, which is the last of so many messages."""
    session.leaf_id = leaf
    session.length = length
    session.seq = session.head
    session.updated_at = timezone.now()


def _title(text: str) -> str:
    """Return the beginning of the first message, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= TITLE:
        return line
    head, _, _ = line[: TITLE + 1].rpartition(" ")
    return (head or line[:TITLE]) + "…"
