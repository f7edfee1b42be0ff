"""How long each page and query takes in a filled database, and by what plan; the same requests that people send.

Run as: DATABASE_URL=... python -m bench.pages WHAT.json ROUNDS, with what `bench.filling` printed in the file.
"""

import json
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

from bench.filling import A_SESSION, COMMON, RARE, SIZES


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something that is timed. `group` holds what differs in size alone."""

    group: str
    name: str
    run: Callable[[], object]
    limit_ms: float = 100


def cases(looked_at: dict[str, Any]) -> Iterator[Case]:
    """Return all that is timed."""
    yield from _by_length(looked_at)
    yield from _by_sessions(looked_at)
    yield from _of_staff(looked_at)


def _browser(visitor: str) -> Callable[[str], None]:
    """Return what gets a path as that visitor; it fails unless the answer is a good one."""
    from django.conf import settings  # noqa: PLC0415
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    store = SessionStore()
    store["visitor"] = str(UUID(visitor))
    store.save()
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(store.session_key)
    return lambda path: _get(client, path)


def _get(client: Any, path: str) -> None:
    answer = client.get(path, headers={"host": "localhost"})
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code} {answer.content[:200]!r}")


def _by_length(looked_at: dict[str, Any]) -> Iterator[Case]:
    """By how many messages a session has."""
    from chat.models import Message  # noqa: PLC0415

    get = _browser(looked_at["long"]["visitor"])
    for size, session in zip(SIZES, looked_at["long"]["sessions"], strict=True):
        path = f"/api/sessions/{UUID(session)}/messages"
        ids = list(Message.objects.filter(session=session).order_by("n").values_list("id", flat=True))
        name = f"{size:,} messages"
        yield Case(group="open: the last 10 of a session", name=name, run=lambda path=path: get(f"{path}?limit=10"))  # type: ignore[misc]
        yield Case(group="a turn: send, begin, end", name=name, run=lambda session=session: _turn(UUID(session)))  # type: ignore[misc]
        if size > SIZES[0]:
            yield Case(group="open: the last 50 of a session", name=name, run=lambda path=path: get(path))  # type: ignore[misc]
            for place, key in (("middle", ids[size // 2]), ("beginning", ids[0])):
                where = f"{path}?around={key}"
                yield Case(group=f"around a message in the {place}", name=name, run=lambda where=where: get(where))  # type: ignore[misc]


def _turn(session: UUID) -> None:
    """Say something, and let it be answered in no time, as `chat.history` does."""
    from chat import history  # noqa: PLC0415

    maker = history.Maker(owner="bench", aliases=frozenset({"default", "other"}))
    said = history.add_turn(session, uuid4(), "How are you?", maker)
    reply, task = said.reply, said.task
    if reply is None or task is None:
        raise RuntimeError("No reply was made.")
    shown = history.Shown(model=task.model, first=task.said[-10].id, tokens=300, window=4_096, template="chat/1")
    history.begin(session, reply, shown, queued_ms=1)
    from chat.models import Status  # noqa: PLC0415

    history.end(session, reply, history.Outcome(text="Fine.", status=Status.COMPLETE), task.said)


def _by_sessions(looked_at: dict[str, Any]) -> Iterator[Case]:
    """By how many sessions a visitor has: the list, its later pages, and searches."""
    for count in (1, *SIZES):
        visitor = looked_at[f"{count} sessions"]
        get = _browser(visitor["visitor"])
        name = f"{count:,} sessions"
        yield Case(group="list: the newest 50", name=name, run=lambda get=get: get("/api/sessions"))  # type: ignore[misc]
        for group, words in (
            ("search: a common word", COMMON),
            ("search: a rare word", RARE),
            ("search: a letter", "t"),
            ("search: a common and a rare word", f"{COMMON} {RARE}"),
            ("search: a word nobody said", "qqqq"),
        ):
            yield Case(group=group, name=name, run=lambda get=get, words=words: get(f"/api/search?q={words}"))  # type: ignore[misc]


def _of_staff(looked_at: dict[str, Any]) -> Iterator[Case]:
    """The admin's pages."""
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.core.cache import cache  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    staff, _ = User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(staff, "django.contrib.auth.backends.ModelBackend")

    def first_page() -> None:
        cache.clear()
        _get(client, "/admin/")

    yield Case(group="admin", name="the dashboard, nothing in the cache", run=first_page, limit_ms=1_000)
    for name, path in admin_paths(looked_at).items():
        yield Case(group="admin", name=name, run=lambda path=path: _get(client, f"/admin/chat/{path}"))  # type: ignore[misc]


def admin_paths(looked_at: dict[str, Any]) -> dict[str, str]:
    """Return the lists and pages of the admin that are timed, by name."""
    from chat.models import Message  # noqa: PLC0415

    long = UUID(looked_at["long"]["sessions"][-1])
    end = Message.objects.filter(session=long).order_by("-n").values_list("id", flat=True)[0]
    sessions, messages = "chatsession/", "message/"
    return {
        "sessions": sessions,
        "sessions, page 200": f"{sessions}?p=200",
        "sessions of the second model": f"{sessions}?model=other",
        "sessions of a model that none has": f"{sessions}?model=none",
        **{f"sessions, {state}": f"{sessions}?state={state}" for state in ("making", "errors", "ended", "blocked")},
        "sessions of the last 7 days": f"{sessions}?updated_at__gte={_days_ago(7)}",
        "sessions, by a visitor's name": f"{sessions}?q=visitor+77",
        "sessions, by a name that nobody has": f"{sessions}?q=qqqq",
        "a session of 10,000 messages": f"{sessions}{long}/change/",
        "messages": messages,
        "messages, page 200": f"{messages}?p=200",
        **{f"messages, {role}": f"{messages}?role__exact={role}" for role in ("user", "assistant")},
        **{
            f"messages, {status}": f"{messages}?status__exact={status}"
            for status in ("complete", "failed", "stopped", "queued")
        },
        "messages with any error": f"{messages}?error=any",
        "messages with one error": f"{messages}?error=interrupted",
        "messages with an error that none has": f"{messages}?error=internal",
        "messages, failed, slower than 15 s": f"{messages}?status__exact=failed&slower_s=15",
        "messages slower than 2 s": f"{messages}?slower_s=2",
        "messages slower than 60 s": f"{messages}?slower_s=60",
        "messages of the second model": f"{messages}?model=other",
        "messages of a model that none has": f"{messages}?model=none",
        "messages of the last 7 days": f"{messages}?created_at__gte={_days_ago(7)}",
        "messages of a session": f"{messages}?session__id__exact={long}",
        "a reply": f"{messages}{end}/change/",
        "visitors": "visitor/",
        "visitors, by name": "visitor/?q=visitor+77",
        "visitors, blocked": "visitor/?blocked_at__isempty=0",
    }


def _days_ago(days: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%d+00:00:00%%2B00:00")


def timed(chosen: list[Case], rounds: int) -> list[dict[str, Any]]:
    """Run all in turn, so many times; return the times of each in ms. What is too slow for more is run once."""
    took: dict[int, list[float]] = {at: [] for at in range(len(chosen))}
    for _ in range(rounds + 1):  # the first warms up
        for at, case in enumerate(chosen):
            if took[at] and max(took[at]) > 5_000:
                continue
            began = perf_counter()
            case.run()
            took[at].append((perf_counter() - began) * 1000)
    rows = []
    for case, times in zip(chosen, took.values(), strict=True):
        ran = times[1:] or times
        median = round(statistics.median(ran), 1)
        best, worst = round(min(ran), 1), round(max(ran), 1)
        rows.append({"group": case.group, "name": case.name, "median_ms": median, "min_ms": best, "max_ms": worst})
        rows[-1] |= {"limit_ms": case.limit_ms, "first_ms": round(times[0], 1)}
    return rows


def growth(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return, of each group by length, how many times longer the greatest takes than the smallest."""
    found: dict[str, float] = {}
    for group in dict.fromkeys(row["group"] for row in rows if row["group"] != "admin"):
        same = [row for row in rows if row["group"] == group]
        if same[0]["name"].endswith("messages"):
            found[group] = round(same[-1]["median_ms"] / same[0]["median_ms"], 2)
    return found


def explained(looked_at: dict[str, Any]) -> list[dict[str, str]]:
    """Return the plans of the main queries, as the database gives them."""
    from django.core.cache import cache  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from chat import history  # noqa: PLC0415
    from chat.admin import figures  # noqa: PLC0415
    from chat.history import searching  # noqa: PLC0415
    from chat.models import ChatSession, Message  # noqa: PLC0415

    visitor = UUID(looked_at[f"{SIZES[-1]} sessions"]["visitor"])
    long = ChatSession.objects.get(id=looked_at["long"]["sessions"][-1])
    asked: list[tuple[str, Any]] = []

    def seen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    def stopped() -> object:
        return list(Message.objects.exclude(status="complete").filter(status="stopped").order_by("-created_at")[:50])

    queries: dict[str, Callable[[], object]] = {
        "A visitor's list": lambda: history.sessions(visitor, before=None, limit=51),
        "A session is opened": lambda: history.page(long, before=None, leaf=None, limit=50),
        "A search": lambda: searching.search(visitor, RARE, before=None, limit=26),
        "The admin's list of stopped messages": stopped,
        "The dashboard's percentiles": figures.times,
        "A day of the dashboard": lambda: figures.days(datetime.now(UTC).date()),
    }
    plans: list[dict[str, str]] = []
    for name, call in queries.items():
        asked.clear()
        cache.clear()
        with connection.execute_wrapper(seen):
            call()
        for sql, params in dict(asked).items():
            plans.append({"name": name, "sql": " ".join(sql.split()), "plan": plan(sql, params)})
    return plans


def plan(sql: str, params: Any) -> str:
    """Return how the database runs a statement."""
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            return "\n".join(row[-1] for row in cursor.fetchall())
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, SUMMARY OFF, BUFFERS OFF) {sql}", params)
        return "\n".join(row[0] for row in cursor.fetchall())


def main(looked_at: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Time and explain everything."""
    chosen = list(cases(looked_at))
    rows = timed(chosen, rounds)
    return {"rows": rows, "growth": growth(rows), "plans": explained(looked_at), "a_session": A_SESSION}


if __name__ == "__main__":
    import logging

    import django

    django.setup()
    logging.disable(logging.INFO)
    print(json.dumps(main(json.loads(Path(sys.argv[1]).read_text()), int(sys.argv[2]))))
