"""The HTTP API: what each path answers, to whom, and in what shape it refuses."""

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from django.conf import LazySettings
from django.test import AsyncClient
from django.utils import timezone

from chat.models import ChatSession, Message, Visitor
from chat.tests.conftest import Person
from chat.tests.talking import Talk
from gptj.backends.scripted import Scripted

JSON = "application/json"
UNSAFE = [
    ("post", "/api/sessions"),
    ("delete", "/api/me"),
    ("patch", "/api/sessions/{session}"),
    ("delete", "/api/sessions/{session}"),
    ("put", "/api/messages/{message}/feedback"),
]
OF_A_SESSION = [
    ("get", "/api/sessions/{session}", None),
    ("patch", "/api/sessions/{session}", {"title": "Mine now"}),
    ("delete", "/api/sessions/{session}", None),
    ("get", "/api/sessions/{session}/messages", None),
    ("get", "/api/sessions/{session}/messages?before={message}", None),
    ("get", "/api/sessions/{session}/messages?around={message}", None),
    ("get", "/api/sessions/{session}/messages?leaf={message}", None),
    ("get", "/api/sessions/{session}/export", None),
    ("get", "/api/sessions/{session}/export?format=json", None),
    ("put", "/api/messages/{message}/feedback", {"value": 1}),
]


class BrowserAt(AsyncClient):
    """A browser at an address."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def _base_scope(self, **request: Any) -> dict[str, Any]:
        scope: dict[str, Any] = super()._base_scope(client=[self._address, 1], **request)  # type: ignore[misc]  # Django's own seam, not in the stubs
        return scope


async def ask(browser: AsyncClient, method: str, path: str, body: Any = None) -> Any:
    """Call the API."""
    call = getattr(browser, method)
    return await (call(path) if method == "get" else call(path, body, JSON))


def problem(response: Any, status: int, code: str) -> dict[str, str]:
    """Check that an answer is an error of that kind; return it."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == JSON
    found: dict[str, str] = json.loads(response.content)
    assert found.keys() == {"code", "detail"}
    assert found["code"] == code
    assert found["detail"]
    if status in {429, 503}:
        assert int(response["Retry-After"]) >= 1
    return found


async def talk_of(person: Person, *exchanges: tuple[str, str]) -> Talk:
    """Return a new session of this browser, with what was said in it."""
    session = UUID(await person.begin())

    def fill() -> Talk:
        talk = Talk(session, ChatSession.objects.get(id=session).visitor_id)
        for text, answer in exchanges:
            talk.exchange(text, answer)
        return talk

    return await sync_to_async(fill)()


# --- The visitor -----------------------------------------------------------------------------------------------------


async def test_me_is_nobody_at_first_and_then_somebody(ada: Person) -> None:
    me = (await ada.browser.get("/api/me")).json()
    assert me["visitor"] is None
    (model,) = me["models"]
    assert (model["alias"], model["state"], model["streams"]) == ("default", "ok", True)
    assert me["limits"] == {"text": 4000, "name": 50, "reply": 16_000, "sends_per_minute": 10, "sockets": 5}
    await ada.begin("Ada")
    visitor = (await ada.browser.get("/api/me")).json()["visitor"]
    assert visitor["name"] == "Ada"
    assert await Visitor.objects.filter(id=UUID(visitor["id"])).aexists()


async def test_me_renews_the_cookie_for_a_year(ada: Person) -> None:
    response = await ada.browser.get("/api/me")
    assert "sessionid" not in response.cookies
    assert response.cookies["csrftoken"]["samesite"] == "Lax"
    await ada.begin()
    cookie = (await ada.browser.get("/api/me")).cookies["sessionid"]
    assert (cookie["max-age"], cookie["httponly"], cookie["samesite"]) == (31_536_000, True, "Lax")


async def test_deleting_me_leaves_nobody_and_nothing(ada: Person) -> None:
    await talk_of(ada, ("A", "a"))
    assert (await ada.browser.delete("/api/me")).status_code == 204
    assert not await Visitor.objects.aexists()
    assert not await Message.objects.aexists()
    assert (await ada.browser.get("/api/me")).json()["visitor"] is None
    assert (await ada.browser.delete("/api/me")).status_code == 204


async def test_who_was_deleted_elsewhere_begins_anew(ada: Person) -> None:
    await ada.begin()
    await Visitor.objects.all().adelete()
    assert (await ada.browser.get("/api/sessions")).json() == {"items": [], "next": None}
    problem(await ask(ada.browser, "post", "/api/sessions", {}), 422, "name_required")
    assert await ada.begin("Ada again")


# --- Who may, and how it is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), UNSAFE)
async def test_an_unsafe_call_without_the_token_is_refused(serving: Scripted, method: str, path: str) -> None:
    browser = AsyncClient(enforce_csrf_checks=True)
    path = path.format(session=uuid4(), message=uuid4())
    problem(await ask(browser, method, path, {"name": "Ada", "value": 1}), 403, "csrf")


@pytest.mark.parametrize(("method", "path"), UNSAFE)
async def test_an_unsafe_call_with_another_token_is_refused(serving: Scripted, method: str, path: str) -> None:
    browser = AsyncClient(enforce_csrf_checks=True, headers={"X-CSRFToken": "x" * 64})
    await browser.get("/api/me")
    path = path.format(session=uuid4(), message=uuid4())
    problem(await ask(browser, method, path, {"name": "Ada", "value": 1}), 403, "csrf")


async def test_with_the_token_it_goes_on(serving: Scripted) -> None:
    browser = AsyncClient(enforce_csrf_checks=True)
    await browser.get("/api/me")
    headers = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    response = await browser.post("/api/sessions", {"name": "Ada"}, JSON, headers=headers)
    assert response.status_code == 201


@pytest.mark.parametrize(("method", "path", "body"), OF_A_SESSION)
async def test_anothers_answers_byte_for_byte_as_an_unknown_one(
    people: Callable[[], Person], method: str, path: str, body: Any
) -> None:
    ada, bob = people(), people()
    talk = await talk_of(ada, ("A", "a"))
    await bob.begin("Bob")
    message = await Message.objects.aget(session=talk.session, n=2)
    answers = [
        await ask(browser, method, path.format(session=session, message=key), body)
        for browser in (bob.browser, AsyncClient())
        for session, key in ((talk.session, message.id), (uuid4(), uuid4()), ("no-uuid", message.id), ("%00", uuid4()))
    ]
    if "/messages/" in path:
        answers.append(await ask(bob.browser, method, path.format(session="", message="no-uuid"), body))
    problem(answers[0], 404, "not_found")
    assert len({(answer.status_code, answer.content, str(sorted(answer.items()))) for answer in answers}) == 1
    assert await Message.objects.filter(session=talk.session, feedback=0).acount() == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("get", "/api/nothing", None, 404, "not_found"),
        ("get", "/nothing", None, 404, "not_found"),
        ("put", "/api/sessions", {}, 405, "bad_request"),
        ("post", "/api/sessions", "no JSON", 400, "bad_request"),
        ("post", "/api/sessions", "[" * 50_000, 400, "bad_request"),
        ("post", "/api/sessions", b"\xff", 400, "bad_request"),
        ("post", "/api/sessions", [], 422, "bad_request"),
        ("post", "/api/sessions", {"name": "Ada", "more": 1}, 422, "bad_request"),
        ("post", "/api/sessions", {"name": 5}, 422, "bad_request"),
        ("post", "/api/sessions", '{"name": "\\ud800"}', 422, "name_required"),
        ("post", "/api/sessions", {}, 422, "name_required"),
        ("post", "/api/sessions", {"name": " \u0000\n "}, 422, "name_required"),
        ("post", "/api/sessions", {"name": "🗼" * 26}, 422, "too_long"),
        ("post", "/api/sessions", {"name": "Ada", "model": "gpt-9"}, 422, "unknown_model"),
        ("post", "/api/sessions", {"name": "Ada", "title": "x" * 201}, 422, "bad_request"),
        ("post", "/api/sessions", {"name": "Ada", "title": "\u0958" * 150}, 422, "too_long"),
        ("post", "/api/sessions", {"name": "Ada", "system_prompt": "x" * 16_001}, 422, "too_long"),
        ("post", "/api/sessions", {"name": "Ada", "sampling": {"temperature": 3}}, 422, "bad_request"),
        ("post", "/api/sessions", {"name": "Ada", "sampling": {"top_k": 3}}, 422, "bad_request"),
        ("post", "/api/sessions", '{"name": "Ada", "sampling": {"temperature": NaN}}', 422, "bad_request"),
        ("get", "/api/sessions/{session}/messages?limit=0", None, 422, "bad_request"),
        ("get", "/api/sessions/{session}/messages?limit=101", None, 422, "bad_request"),
        ("get", "/api/sessions/{session}/messages?before=x", None, 422, "bad_request"),
        ("get", "/api/sessions/{session}/messages?before={session}", None, 404, "not_found"),
        ("get", "/api/sessions/{session}/messages?leaf={session}", None, 404, "not_found"),
        ("get", "/api/sessions/{session}/messages?around={session}", None, 404, "not_found"),
        ("get", "/api/sessions/{session}/export?format=pdf", None, 422, "bad_request"),
        ("put", "/api/messages/{session}/feedback", {"value": 2}, 422, "bad_request"),
        ("get", "/api/search", None, 422, "bad_request"),
        ("get", "/api/search?q=" + "x" * 201, None, 422, "bad_request"),
    ],
)
async def test_what_is_asked_wrongly_is_told_so(  # noqa: PLR0917 (a table's columns)
    ada: Person, method: str, path: str, body: Any, status: int, code: str
) -> None:
    session = await ada.begin() if "{session}" in path else ""
    found = problem(await ask(ada.browser, method, path.format(session=session), body), status, code)
    if code == "unknown_model":
        assert "default" in found["detail"]


async def test_405_says_what_is_allowed(serving: Scripted) -> None:
    response = await AsyncClient().put("/api/sessions")
    assert set(response["Allow"].split(", ")) == {"GET", "POST"}


async def test_a_body_that_is_too_large_is_refused(ada: Person) -> None:
    response = await ask(ada.browser, "post", "/api/sessions", {"name": "Ada", "system_prompt": "x" * 140_000})
    assert response.status_code in {400, 413}
    problem(response, response.status_code, "bad_request" if response.status_code == 400 else "too_large")


@pytest.mark.parametrize("path", ["/api/sessions?cursor=", "/api/search?q=a&cursor="])
@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "\0",
        "====",
        base64.urlsafe_b64encode(b"one two three").decode(),
        base64.urlsafe_b64encode(b"0001-01-01T00:00:00+23:59 " + str(uuid4()).encode()).decode(),
        base64.urlsafe_b64encode(b"9999-12-31T23:59:59-23:59 " + str(uuid4()).encode()).decode(),
        base64.urlsafe_b64encode(b"2026-01-01T00:00:00+00:00 no-uuid").decode(),
    ],
)
async def test_a_cursor_that_was_not_given_out_is_refused(ada: Person, path: str, cursor: str) -> None:
    await ada.begin()
    problem(await ada.browser.get(path + cursor), 400, "bad_request")


async def test_too_many_new_sessions_from_one_address_are_refused(serving: Scripted, settings: LazySettings) -> None:
    settings.LIMITS = {**settings.LIMITS, "sessions_per_hour": 2}
    statuses = []
    for address in ("203.0.113.7", "203.0.113.7", "203.0.113.7", "203.0.113.8", "127.0.0.1"):
        response = await ask(BrowserAt(address), "post", "/api/sessions", {"name": "Ada"})
        statuses.append(response.status_code)
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            problem(response, 429, "rate_limited")
            assert 3000 < int(response["Retry-After"]) <= 3600
    assert statuses == [201, 201, 429, 201, 201]


# --- Sessions --------------------------------------------------------------------------------------------------------


async def test_a_session_is_made_with_what_is_asked(ada: Person) -> None:
    asked = {"title": " A\n title ", "system_prompt": " Be brief. ", "sampling": {"temperature": 0.5, "seed": 7}}
    response = await ask(ada.browser, "post", "/api/sessions", {"name": " Ada \t L. ", **asked})
    session = response.json()
    assert session == {
        "id": session["id"],
        "seq": 1,
        "head": 1,
        "title": "A title",
        "visitor_name": "Ada L.",
        "model": "default",
        "system_prompt": "Be brief.",
        "sampling": {"temperature": 0.5, "top_p": None, "max_new_tokens": None, "seed": 7},
        "leaf": None,
        "created_at": session["created_at"],
        "updated_at": session["updated_at"],
        "expires_at": None,
    }
    assert session["created_at"].endswith("Z")
    assert (await ada.browser.get(f"/api/sessions/{session['id']}")).json() == session


async def test_a_name_given_again_renames_and_none_keeps(ada: Person) -> None:
    await ada.begin("Ada")
    assert (await ask(ada.browser, "post", "/api/sessions", {})).json()["visitor_name"] == "Ada"
    assert (await ask(ada.browser, "post", "/api/sessions", {"name": "Ida"})).json()["visitor_name"] == "Ida"
    assert await Visitor.objects.acount() == 1


async def test_a_session_is_changed_in_part_and_told_to_every_tab(ada: Person) -> None:
    first, second = await ada.begin(system_prompt="Be brief."), await ada.begin()
    tab = await ada.open(second)
    changed = (await ask(ada.browser, "patch", f"/api/sessions/{first}", {"title": "Renamed"})).json()
    assert (changed["title"], changed["system_prompt"], changed["seq"]) == ("Renamed", "Be brief.", 2)
    assert (await tab.until("session"))["session"] == changed
    problem(await ask(ada.browser, "patch", f"/api/sessions/{first}", {"model": "gone"}), 422, "unknown_model")


async def test_a_new_session_is_told_to_the_tabs_that_are_open(ada: Person) -> None:
    tab = await ada.open(await ada.begin())
    fresh = await ada.begin()
    assert (await tab.until("session"))["session"]["id"] == fresh


async def test_sessions_come_in_pages(ada: Person) -> None:
    talk = await talk_of(ada)

    def more() -> list[str]:
        now = timezone.now()
        rows = [
            ChatSession(visitor_id=talk.visitor, model="default", updated_at=now + timedelta(seconds=index // 2))
            for index in range(119)
        ]
        ChatSession.objects.bulk_create(rows)
        kept = ChatSession.objects.order_by("-updated_at", "-id").values_list("id", flat=True)
        return [str(key) for key in kept]

    expected = await sync_to_async(more)()
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await ada.browser.get("/api/sessions", {"cursor": cursor})).json()
        found += [session["id"] for session in page["items"]]
        cursor = page["next"]
    assert found == expected
    assert len(found) == 120


async def test_a_deleted_session_is_gone(ada: Person) -> None:
    talk = await talk_of(ada, ("A", "a"))
    assert (await ada.browser.delete(f"/api/sessions/{talk.session}")).status_code == 204
    problem(await ada.browser.get(f"/api/sessions/{talk.session}"), 404, "not_found")
    problem(await ask(ada.browser, "delete", f"/api/sessions/{talk.session}"), 404, "not_found")


# --- Messages --------------------------------------------------------------------------------------------------------


@pytest.fixture
async def long(ada: Person) -> tuple[str, list[str]]:
    """A session of 130 messages: its path and their ids."""
    talk = await talk_of(ada)
    ids = await sync_to_async(talk.grow)(130)
    return f"/api/sessions/{talk.session}/messages", [str(key) for key in ids]


async def test_messages_come_nearest_last_and_page_upwards(ada: Person, long: tuple[str, list[str]]) -> None:
    path, ids = long
    page = (await ada.browser.get(path)).json()
    assert ([message["id"] for message in page["items"]], page["more"]) == (ids[-50:], True)
    page = (await ada.browser.get(f"{path}?before={ids[80]}&limit=100")).json()
    assert ([message["id"] for message in page["items"]], page["more"]) == (ids[:80], False)
    page = (await ada.browser.get(f"{path}?leaf={ids[9]}&limit=3")).json()
    assert [message["id"] for message in page["items"]] == ids[7:10]
    page = (await ada.browser.get(path, {"around": ids[50]})).json()
    assert ([message["id"] for message in page["items"]], page["more"]) == (ids[25:76], True)


async def test_a_reply_in_the_making_is_listed_with_its_text_so_far(serving: Scripted, ada: Person) -> None:
    gate = asyncio.Event()
    serving.script("so far", gate)
    session = await ada.begin()
    tab = await ada.open(session)
    await tab.send("Go")
    await tab.until("delta")
    items = (await ada.browser.get(f"/api/sessions/{session}/messages")).json()["items"]
    assert [(message["text"], message["status"]) for message in items] == [("Go", "complete"), ("so far", "streaming")]
    gate.set()
    await tab.until_status("complete")


async def test_feedback_is_kept_and_told(ada: Person) -> None:
    talk = await talk_of(ada, ("A", "a"))
    tab = await ada.open(str(talk.session))
    said, reply = [message async for message in Message.objects.order_by("n")]
    for value in (1, -1, 0):
        changed = (await ask(ada.browser, "put", f"/api/messages/{reply.id}/feedback", {"value": value})).json()
        assert changed["feedback"] == value
        assert (await tab.until("message"))["message"] == changed
    problem(await ask(ada.browser, "put", f"/api/messages/{said.id}/feedback", {"value": 1}), 400, "bad_request")


async def test_an_export_holds_the_branch_as_markdown_and_everything_as_json(ada: Person) -> None:
    talk = await talk_of(ada, ("What is <b>?", "Bold."), ("And *?", "A star."))
    path = f"/api/sessions/{talk.session}/export"
    response = await ada.browser.get(path)
    text = response.content.decode()
    assert response["Content-Type"] == "text/markdown; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="What-is-b.md"'
    assert text.startswith("# What is <b>?\n\n")
    assert "## Ada\n\nAnd *?\n\n## Assistant\n\nA star.\n" in text
    response = await ada.browser.get(path, {"format": "json"})
    document = response.json()
    assert response["Content-Disposition"].endswith('.json"')
    assert document["session"] == (await ada.browser.get(f"/api/sessions/{talk.session}")).json()
    assert document["messages"] == (await ada.browser.get(f"/api/sessions/{talk.session}/messages")).json()["items"]


async def test_search_gives_hits_with_the_words_in_their_place(ada: Person) -> None:
    before, after = "b" * 100, "a" * 100
    talk = await talk_of(ada, (f"{before} The\nTOWER of {after}", "High."))
    (hit,) = (await ada.browser.get("/api/search", {"q": "tower  of"})).json()["items"]
    assert hit["session"]["id"] == str(talk.session)
    assert hit["message"]["n"] == 1
    assert hit["snippet"].startswith("…b")
    assert hit["snippet"].endswith("a…")
    assert "The TOWER of" in hit["snippet"]


async def test_search_pages_and_is_anyones_own(people: Callable[[], Person]) -> None:
    ada, bob = people(), people()
    talk = await talk_of(ada)
    await sync_to_async(talk.grow)(60)
    await talk_of(bob, ("turn of Bob", "turn"))
    found: list[str] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        page = (await ada.browser.get("/api/search", {"q": "turn", "cursor": cursor})).json()
        found += [hit["message"]["id"] for hit in page["items"]]
        cursor, pages = page["next"], pages + 1
    assert (len(found), len(set(found)), pages) == (60, 60, 3)


@pytest.mark.parametrize("words", ["", "  ", "\0", "nowhere", "%", "_", "'", "\\"])
async def test_search_takes_any_words(ada: Person, words: str) -> None:
    await talk_of(ada, ("Hello", "there"))
    assert (await ada.browser.get("/api/search", {"q": words})).json() == {"items": [], "next": None}


async def test_nobody_has_nothing(serving: Scripted) -> None:
    for path in ("/api/sessions", "/api/search?q=x"):
        assert (await AsyncClient().get(path)).json() == {"items": [], "next": None}


# --- Its description -------------------------------------------------------------------------------------------------


async def test_the_api_is_described(serving: Scripted) -> None:
    described = (await AsyncClient().get("/api/openapi.json")).json()
    assert set(described["paths"]) == {
        "/api/me",
        "/api/sessions",
        "/api/sessions/{session}",
        "/api/sessions/{session}/messages",
        "/api/sessions/{session}/export",
        "/api/search",
        "/api/messages/{message}/feedback",
    }
    for operations in described["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
    page = await AsyncClient().get("/api/docs")
    assert page.status_code == 200
    assert b"https://cdn" not in page.content
