"""Who may open a socket: whose session it is, and whether there is room for one more."""

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any
from uuid import UUID

from django.conf import settings

from chat import history
from chat.census import LOST_S, census
from chat.delivery import delivery
from chat.protocol import Close, Code, Refused

LOOK_S = 0.5  # between two looks whether sockets at a process that was lost still count


def identify(scope: Mapping[str, Any]) -> tuple[UUID, UUID]:
    """Return the session and its visitor, if the cookie gives a right to it. Raises Refused. For a database thread."""
    cookie = scope["session"].get("visitor")
    if cookie is None:
        raise Refused(Code.UNAUTHORIZED, "Start at the first page: nobody knows you here yet.")
    visitor = UUID(cookie)
    return history.session(scope["url_route"]["kwargs"]["session"], visitor).id, visitor


def closing(refused: Refused) -> Close:
    """Return the code to close with when a tab cannot join: it comes back if the database was at fault."""
    return Close.DRAINING if refused.code == Code.UNAVAILABLE else Close.NO_RIGHT


def counted_as(session: UUID, group: str | None) -> tuple[str, ...]:
    """Return what a socket counts for, in all processes."""
    return f"session:{session}", *([f"address:{group}"] if group is not None else ())


async def too_many(session: UUID, group: str | None) -> bool:
    """Tell whether there are as many sockets as there may be. Those of a lost process count until it is known."""
    until = monotonic() + LOST_S + LOOK_S
    while True:
        elsewhere = await census.elsewhere(*counted_as(session, group))
        if not _full(session, group, elsewhere):
            return False
        if not any(elsewhere) or monotonic() > until:
            return True
        await asyncio.sleep(LOOK_S)


def _full(session: UUID, group: str | None, elsewhere: Sequence[int]) -> bool:
    of_session, *of_address = elsewhere
    limits = settings.LIMITS
    return delivery.listening(session) + of_session >= limits["sockets"] or (
        group is not None and delivery.connected(group) + sum(of_address) >= limits["sockets_per_address"]
    )
