"""A session's turns in the cache, as the model is shown them, so that a reply need not read the branch again.

An entry holds the `head` and `leaf` that it was made at, and counts only if both match. All of it can be lost: a cache
that does not answer is a cache that holds nothing.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from django.conf import settings
from django.core.cache import cache

from chat.faults import redis_faults
from chat.memory import Said

logger = logging.getLogger(__name__)

KEPT_S = 86_400  # for sessions that never expire: after a day's rest the database is asked again


def recall(session: UUID, *, head: int, leaf: UUID | None) -> list[Said] | None:
    """Return the turns that the model was shown last, if nothing has changed since `head` and `leaf`."""
    try:
        entry = cache.get(_key(session))
    except redis_faults() as error:
        logger.warning("The cache does not answer: %s", error)
        return None
    if entry is None:
        return None
    kept = json.loads(entry)
    if kept["head"] != head or kept["leaf"] != str(leaf):
        return None
    return [Said(id=UUID(said["id"]), role=said["role"], text=said["text"]) for said in kept["said"]]


def keep(session: UUID, said: Sequence[Said], *, head: int, leaf: UUID) -> None:
    """Hold the turns as of `head` and `leaf`, as long as the session lives."""
    entry = json.dumps(
        {"head": head, "leaf": str(leaf), "said": [{**asdict(each), "id": str(each.id)} for each in said]}
    )
    try:
        cache.set(_key(session), entry, settings.SESSION_TTL_S or KEPT_S)
    except redis_faults() as error:
        logger.warning("The cache does not answer: %s", error)


def forget(sessions: Sequence[UUID]) -> None:
    """Drop what is held of these sessions."""
    try:
        cache.delete_many([_key(session) for session in sessions])
    except redis_faults() as error:
        logger.warning("The cache does not answer: %s", error)


def _key(session: UUID) -> str:
    return f"turns:{session}"
