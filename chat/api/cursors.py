"""Cursors: where a page of a list ended, as a word that means nothing to a client."""

import base64
import re
from datetime import UTC, datetime
from uuid import UUID

from chat.protocol import Code, Refused


def moment_cursor(moment: datetime, key: UUID) -> str:
    """Return the cursor of what was last changed at a moment."""
    return base64.urlsafe_b64encode(f"{moment.isoformat()} {key}".encode()).decode()


def read_moment(cursor: str) -> tuple[datetime, UUID] | None:
    """Return what `moment_cursor` was given; None for the first page. Raises Refused."""
    if not cursor:
        return None
    try:
        moment, key = base64.urlsafe_b64decode(cursor).decode().split(" ")
        return datetime.fromisoformat(moment).astimezone(UTC), UUID(key)
    except (ValueError, OverflowError) as error:  # binascii.Error is a ValueError
        raise Refused(Code.BAD_REQUEST, "This cursor was not given out here.") from error


def place_cursor(place: int) -> str:
    """Return the cursor of a place in the index of words."""
    return base64.urlsafe_b64encode(str(place).encode()).decode()


def read_place(cursor: str) -> int | None:
    """Return what `place_cursor` was given; None for the first page. Raises Refused."""
    if not cursor:
        return None
    try:
        place = base64.urlsafe_b64decode(cursor).decode()
    except ValueError:  # binascii.Error is one
        place = ""
    if not re.fullmatch(r"[1-9][0-9]{0,17}", place):
        raise Refused(Code.BAD_REQUEST, "This cursor was not given out here.")
    return int(place)
