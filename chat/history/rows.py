"""Database rows as the wire's objects."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import itemgetter
from uuid import UUID

from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from chat import protocol
from chat.history.sql import Queued, Said
from chat.models import MAKING, ChatSession, Message, Role

# Written out: SQLite does not see that a partial index on these statuses fits where they are parameters.
BEING_MADE = RawSQL(  # noqa: S611 (constants of ours)
    "chat_message.status IN ({})".format(", ".join(f"'{status.value}'" for status in MAKING)),
    (),
    output_field=BooleanField(),
)


def session_object(session: ChatSession) -> protocol.Session:
    """`session` needs its visitor and system prompt selected."""
    return protocol.Session(
        id=session.id,
        seq=session.seq,
        head=session.head,
        title=session.title,
        visitor_name=session.visitor.name,
        model=session.model,
        system_prompt=session.system_prompt.text if session.system_prompt else "",
        sampling=protocol.Sampling(**session.sampling),
        leaf=session.leaf_id,
        created_at=session.created_at,
        updated_at=session.updated_at,
        expires_at=session.expires_at,
    )


def message_objects(messages: Sequence[Message]) -> list[protocol.Message]:
    """The siblings of all of them take one query."""
    siblings = _siblings(messages) if messages else {}
    return [_message_object(message, siblings[message.parent_id or message.session_id]) for message in messages]


def message_object(message: Message, siblings: list[UUID] | None = None) -> protocol.Message:
    """Return one message as the wire has it; `siblings`, itself among them, where they are known."""
    return message_objects([message])[0] if siblings is None else _message_object(message, siblings)


def _siblings(messages: Iterable[Message]) -> dict[UUID, list[UUID]]:
    """Return, by parent, the ids of all messages below it, oldest first; by session, of those below none."""
    found: dict[UUID, list[UUID]] = defaultdict(list)
    below = Q(parent__in={message.parent_id for message in messages} - {None})
    roots = {message.session_id for message in messages if message.parent_id is None}
    if roots:
        below |= Q(depth=0, session__in=roots)
    # Put in order here: SQLite would read the whole session for it.
    rows = Message.objects.filter(below).order_by().values_list("n", "parent_id", "session_id", "id")
    for _, parent, session, child in sorted(rows, key=itemgetter(0)):
        found[parent or session].append(child)
    return found


def _message_object(message: Message, siblings: list[UUID]) -> protocol.Message:
    reply = message.role == Role.ASSISTANT
    return protocol.Message(
        id=message.id,
        seq=message.seq,
        n=message.n,
        client_id=message.client_id,
        role=Role(message.role).value,
        parent=message.parent_id,
        siblings=siblings,
        text=message.text,
        status=message.status,
        attempt=message.attempt,
        finish=message.finish or None,
        error=protocol.Failure(code=message.error_code, detail=message.error_detail) if message.error_code else None,
        model=message.model or None,
        created_at=message.created_at,
        context=_context(message),
        usage=_usage(message) if reply else None,
        feedback=message.feedback,
    )


def message_said(said: Said) -> protocol.Message:
    """Return what a person has said just now, with no sibling."""
    return protocol.Message(
        id=said.id,
        seq=said.seq,
        n=said.n,
        client_id=said.client_id,
        role="user",
        parent=said.above,
        siblings=[said.id],
        text=said.text,
        status="complete",
        attempt=0,
        finish=None,
        error=None,
        model=None,
        created_at=said.at,
        context=None,
        usage=None,
        feedback=0,
    )


def message_queued(said: Said, reply: Queued) -> protocol.Message:
    """Return the reply that is to be made to it, with no sibling."""
    return protocol.Message(
        id=reply.id,
        seq=said.seq + 1,
        n=said.n + 1,
        client_id=None,
        role="assistant",
        parent=said.id,
        siblings=[reply.id],
        text="",
        status="queued",
        attempt=1,
        finish=None,
        error=None,
        model=reply.model,
        created_at=said.at,
        context=None,
        usage=protocol.Usage(
            prompt_tokens=None, completion_tokens=None, queued_ms=None, first_token_ms=None, total_ms=None
        ),
        feedback=0,
    )


def _context(message: Message) -> protocol.Context | None:
    if message.context_tokens is None or message.context_window is None:
        return None
    return protocol.Context(
        tokens=message.context_tokens, window=message.context_window, first=message.context_first_id
    )


def _usage(message: Message) -> protocol.Usage:
    return protocol.Usage(
        prompt_tokens=message.prompt_tokens,
        completion_tokens=message.completion_tokens,
        queued_ms=message.queued_ms,
        first_token_ms=message.first_token_ms,
        total_ms=message.total_ms,
    )
