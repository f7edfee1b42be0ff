"""What each process shows, as it says itself, so that the others tell it nothing in vain.

Each numbers the changes of what it shows. Of one that is not known well, since a change was missed, or it is of a
version that says nothing of this, it is taken that everything is shown there.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any

LOST_S = 5.0  # a process of which nothing was heard for so long shows nothing; each says something every second
ASK_S = 1.0  # between two times that a process is asked for the whole


class Shown:
    """What this process shows: ids of sessions and of visitors."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._changed: set[str] = set()  # since it was said
        self._number = 0
        self._whole = False

    @property
    def changed(self) -> bool:
        """Whether there is something to say."""
        return self._whole or bool(self._changed)

    def add(self, *keys: str) -> None:
        """Show more."""
        anew = set(keys) - self._keys
        self._keys |= anew
        self._changed ^= anew

    def discard(self, *keys: str) -> None:
        """Show less."""
        gone = self._keys.intersection(keys)
        self._keys -= gone
        self._changed ^= gone

    def say_whole(self) -> None:
        """Say all of it the next time."""
        self._whole = True

    def news(self) -> dict[str, Any]:
        """Return what is to be said now: `number` of the last change, `more` and `less` since then, or `whole`."""
        changed, self._changed = self._changed, set()
        whole, self._whole = self._whole, False
        self._number += bool(changed)
        if whole:
            return {"number": self._number, "whole": list(self._keys)}
        if changed:
            return {"number": self._number, "more": list(changed & self._keys), "less": list(changed - self._keys)}
        return {"number": self._number}


class Other:
    """What another process shows."""

    def __init__(self) -> None:
        self.keys: set[str] | None = None  # None: not known, so everything
        self.heard_at = 0.0
        self._number: int | None = None
        self._asked_at = 0.0

    def hear(self, news: Mapping[str, Any]) -> set[str]:
        """Take in what it says; return what it shows anew, as far as that is known."""
        self.heard_at = monotonic()
        before, self._number = self._number, news.get("number")
        if "whole" in news:
            known, self.keys = self.keys or set(), set(news["whole"])
            return self.keys - known
        if self.keys is None or before is None or self._number != before + ("more" in news):
            self.keys = None
            return set()
        self.keys.update(news.get("more", ()))
        self.keys.difference_update(news.get("less", ()))
        return set(news.get("more", ()))

    def to_be_asked(self) -> bool:
        """Whether it is time to ask it for the whole; counts as asked."""
        if self.keys is not None or self._number is None or self.heard_at - self._asked_at < ASK_S:
            return False
        self._asked_at = self.heard_at
        return True


class Audience:
    """What the other processes show."""

    def __init__(self) -> None:
        self._others: dict[str, Other] = {}

    def hear(self, sender: str, news: Mapping[str, Any]) -> tuple[set[str], bool]:
        """Take in what a process says of itself; return what it shows anew, and whether to ask it for the whole."""
        other = self._others.get(sender)
        if other is None:
            other = self._others[sender] = Other()
        anew = other.hear(news)
        return anew, other.to_be_asked()

    def shows(self, key: str) -> bool:
        """Whether any may show it."""
        return any(other.keys is None or key in other.keys for other in self._others.values())

    def forget_lost(self) -> None:
        """Forget the processes that say nothing any more."""
        now = monotonic()
        self._others = {name: other for name, other in self._others.items() if now - other.heard_at < LOST_S}


class Untold:
    """What nobody elsewhere showed when it was to be told, for a while: it is told to who comes to show it then.

    A tab joins, then reads the database. What changes after that it has to hear, also while others do not know of it.
    """

    def __init__(self) -> None:
        self._count = itertools.count()
        self._latest: dict[str, list[tuple[int, Sequence[Any]]]] = {}
        self._older: dict[str, list[tuple[int, Sequence[Any]]]] = {}

    def keep(self, key: str, item: Sequence[Any]) -> None:
        """Keep an item until `age` was called twice."""
        self._latest.setdefault(key, []).append((next(self._count), item))

    def take(self, keys: Iterable[str]) -> list[Sequence[Any]]:
        """Return what is kept under these keys, in the order in which it came, and keep it no longer."""
        kept = [numbered for key in keys for half in (self._older, self._latest) for numbered in half.pop(key, ())]
        return [item for _, item in sorted(kept)]

    def age(self) -> None:
        """Drop what was kept before the last call."""
        self._older, self._latest = self._latest, {}
