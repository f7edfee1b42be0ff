"""A session's turns in the cache, as the model is shown them, so that a reply need not read the branch again.

An entry holds the `head` and `leaf` that it was made at, and counts only if both match. All of it can be lost: a cache
that does not answer is a cache that holds nothing. Where that is Redis, what is to be held is gathered, and written
once a second: for each write, a thread would wait, and then for the others.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Lock
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.core.cache import cache

from chat.faults import Outage, redis_faults
from chat.memory import Said
from chat.models import ChatSession

outage = Outage("The cache", "cache")

DRAFT_S = 60  # a draft that is not renewed is of a lost process
KEPT_S = 86_400  # for sessions that never expire: after a day's rest the database is asked again


class Gathered:
    """What is to be held, until it is written: by how long in seconds, then by key."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._entries: dict[int, dict[str, bytes]] = defaultdict(dict)
        self._sessions: set[UUID] = set()  # whose turns are among them

    def add(self, key: str, entry: bytes, seconds: int, session: UUID | None = None) -> None:
        """Add an entry, in place of an older one."""
        with self._lock:
            self._entries[seconds][key] = entry
            if session is not None:
                self._sessions.add(session)

    def get(self, key: str) -> bytes | None:
        """Return what is to be held under a key."""
        with self._lock:
            return next((entries[key] for entries in self._entries.values() if key in entries), None)

    def drop(self, key: str) -> None:
        """Leave an entry out."""
        with self._lock:
            for entries in self._entries.values():
                entries.pop(key, None)

    def take(self) -> tuple[dict[int, dict[str, bytes]], set[UUID]]:
        """Return all, and the sessions whose turns are among it; begin anew."""
        with self._lock:
            taken = self._entries, self._sessions
            self._entries, self._sessions = defaultdict(dict), set()
        return taken

    def __bool__(self) -> bool:
        return bool(self._entries)


gathered = Gathered()


def recall(session: UUID, *, head: int, leaf: UUID | None) -> list[Said] | None:
    """Return the turns that the model was shown last, if nothing has changed since `head` and `leaf`."""
    entry = gathered.get(_key(session)) or _try(cache.get, _key(session))
    if entry is None:
        return None
    kept = orjson.loads(entry)
    if kept["head"] != head or kept["leaf"] != str(leaf):
        return None
    return [Said(id=UUID(said["id"]), role=said["role"], text=said["text"]) for said in kept["said"]]


def keep(session: UUID, said: Sequence[Said], *, head: int, leaf: UUID) -> None:
    """Hold the turns as of `head` and `leaf`, as long as the session lives."""
    entry, seconds = orjson.dumps({"head": head, "leaf": leaf, "said": list(said)}), settings.SESSION_TTL_S or KEPT_S
    if settings.REDIS_URL:
        gathered.add(_key(session), entry, seconds, session)
    else:
        _try(cache.set, _key(session), entry, seconds)


def keep_drafts(texts: Mapping[UUID, tuple[int, str]]) -> None:
    """Hold the attempts and texts so far of replies in the making, for other processes: where there is a Redis."""
    if settings.REDIS_URL:
        for key, draft in texts.items():
            gathered.add(_draft_key(key), orjson.dumps(draft), DRAFT_S)


def write() -> None:
    """Write what has gathered. Of a session that is deleted nothing stays, whichever process deleted it, and when."""
    taken, sessions = gathered.take()
    for seconds, entries in taken.items():
        _try(cache.set_many, entries, seconds)
    gone = sessions
    try:
        # Whoever deletes one after this look forgets it after that.
        gone = sessions - set(ChatSession.objects.filter(id__in=sessions).values_list("id", flat=True))
    finally:
        forget(gone)


def draft(reply: UUID) -> tuple[int, str]:
    """Return the attempt and text so far of a reply in the making; attempt 0 if nothing is held."""
    entry = _try(cache.get, _draft_key(reply)) if settings.REDIS_URL else None
    attempt, text = orjson.loads(entry) if entry else (0, "")
    return attempt, text


def forget(sessions: Collection[UUID]) -> None:
    """Drop what is held of these sessions."""
    keys = [_key(session) for session in sessions]
    for key in keys:
        gathered.drop(key)
    if keys:
        _try(cache.delete_many, keys)


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


def _draft_key(reply: UUID) -> str:
    return f"draft:{reply}"
