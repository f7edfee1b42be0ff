"""What staff do: block a visitor, end or delete any session, and the log of what they were shown."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from chat import protocol
from chat.history.reading import not_found
from chat.history.rows import session_object
from chat.history.sessions import raise_head
from chat.models import MAKING, ChatSession, Message, Reveal, Visitor

REVEALED_S = 900  # how long a session's text stays open to who revealed it


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A session that was ended: its visitor, what it is now, and the reply and attempt that is to stop, if any."""

    visitor: UUID
    session: protocol.Session
    making: tuple[UUID, int] | None


def block(visitor: UUID) -> list[tuple[UUID, int]]:
    """Block a visitor, and wish their replies in the making stopped; return those with their attempts."""
    with transaction.atomic():
        if not Visitor.objects.filter(id=visitor).update(blocked_at=timezone.now()):
            raise not_found()
        making = Message.objects.filter(session__visitor=visitor, status__in=MAKING)
        stopped = list(making.values_list("id", "attempt"))
        Message.objects.filter(id__in=[key for key, _ in stopped], status__in=MAKING).update(stop_wanted=True)
    return stopped


def unblock(visitor: UUID) -> None:
    """Let a visitor in again."""
    Visitor.objects.filter(id=visitor).update(blocked_at=None)


def end_session(key: UUID) -> Ended:
    """Make a session read-only from now on, and wish its reply in the making stopped. Raises Refused, `not_found`."""
    with transaction.atomic():
        session = raise_head(key, 1)
        session.ended_at = session.ended_at or timezone.now()
        session.seq = session.head
        session.save(update_fields=["ended_at", "seq"])
        making = Message.objects.filter(session=key, status__in=MAKING)
        stopped = making.values_list("id", "attempt").first()
        making.update(stop_wanted=True)
    return Ended(visitor=session.visitor_id, session=session_object(session), making=stopped)


def reveal(staff: int, username: str, what: Reveal.What, session: UUID | None = None) -> None:
    """Log that one of the staff is shown what people wrote. Before it is shown."""
    Reveal.objects.create(staff_id=staff, username=username, what=what, session=session)


def revealed_until(staff: int, session: UUID) -> datetime | None:
    """Return until when a session's text is open to one of the staff; None if it is not."""
    since = timezone.now() - timedelta(seconds=REVEALED_S)
    kinds = (Reveal.What.TEXT, Reveal.What.EXPORT)
    found = Reveal.objects.filter(session=session, staff=staff, what__in=kinds, at__gt=since).first()
    return found.at + timedelta(seconds=REVEALED_S) if found else None


def session_of(key: UUID) -> ChatSession:
    """Return any session, with what `session_object` needs. Raises Refused with `not_found`."""
    found = ChatSession.objects.filter(id=key).select_related("visitor", "system_prompt").first()
    if found is None:
        raise not_found()
    return found
