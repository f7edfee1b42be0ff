"""A session's turns in the cache, as the model is shown them, so that a reply need not read the branch again.

An entry holds the `head` and `leaf` that it was made at, and counts only if both match. All of it can be lost: a cache
that does not answer is a cache that holds nothing.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.core.cache import cache

from chat.faults import Outage, redis_faults
from chat.memory import Said

outage = Outage("The cache", "cache")

DRAFT_S = 60  # a draft that is not renewed is of a lost process
KEPT_S = 86_400  # for sessions that never expire: after a day's rest the database is asked again


def recall(session: UUID, *, head: int, leaf: UUID | None) -> list[Said] | None:
    """Return the turns that the model was shown last, if nothing has changed since `head` and `leaf`."""
    entry = _try(cache.get, _key(session))
    if entry is None:
        return None
    kept = orjson.loads(entry)
    if kept["head"] != head or kept["leaf"] != str(leaf):
        return None
    return [Said(id=UUID(said["id"]), role=said["role"], text=said["text"]) for said in kept["said"]]


def keep(session: UUID, said: Sequence[Said], *, head: int, leaf: UUID) -> None:
    """Hold the turns as of `head` and `leaf`, as long as the session lives."""
    entry = orjson.dumps({"head": head, "leaf": leaf, "said": list(said)})
    _try(cache.set, _key(session), entry, settings.SESSION_TTL_S or KEPT_S)


def keep_drafts(texts: Mapping[UUID, tuple[int, str]]) -> None:
    """Hold the attempts and texts so far of replies in the making, for other processes: where there is a Redis."""
    if settings.REDIS_URL and texts:
        _try(cache.set_many, {f"draft:{key}": json.dumps(draft) for key, draft in texts.items()}, DRAFT_S)


def draft(reply: UUID) -> tuple[int, str]:
    """Return the attempt and text so far of a reply in the making; attempt 0 if nothing is held."""
    entry = _try(cache.get, f"draft:{reply}") if settings.REDIS_URL else None
    attempt, text = json.loads(entry) if entry else (0, "")
    return attempt, text


def forget(sessions: Sequence[UUID]) -> None:
    """Drop what is held of these sessions."""
    _try(cache.delete_many, [_key(session) for session in sessions])


def lately(key: str, seconds: int, count: Callable[[], Any]) -> Any:
    """Return what `count` returned at most so long ago, or what it does now."""
    held = _try(cache.get, f"figure:{key}")
    if held is None:
        held = count()
        _try(cache.set, f"figure:{key}", held, seconds)
    return held


def _try(call: Callable[..., Any], *args: Any) -> Any:
    """Return what the cache answers, or None if it does not, or did not a moment ago."""
    if outage.resting:
        return None
    try:
        answer = call(*args)
    except redis_faults() as error:
        outage.failed(error)
        return None
    outage.worked()
    return answer


def _key(session: UUID) -> str:
    return f"turns:{session}"
