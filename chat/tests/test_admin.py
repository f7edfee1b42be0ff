"""What staff see of sessions and messages, what stays hidden until it is revealed, and what they may do."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.test import AsyncClient, Client
from django.utils import timezone
from unfold.templatetags.unfold_list import items_for_result

from chat import history, protocol
from chat.admin.differences import difference
from chat.admin.figures import percentiles
from chat.history.staff import REVEALED_S
from chat.models import ChatSession, Message, Replay, Reveal, Status, SystemPrompt, Visitor
from chat.protocol import Close
from chat.tests.conftest import Person
from chat.tests.talking import Talk
from gptj.backends.scripted import Scripted

pytestmark = pytest.mark.django_db

SESSIONS = "/admin/chat/chatsession/"
MESSAGES = "/admin/chat/message/"
LISTS = (SESSIONS, MESSAGES, "/admin/chat/replay/", "/admin/chat/visitor/", "/admin/chat/reveal/")
USED = {"queued_ms": 10, "first_token_ms": 100, "total_ms": 1100, "prompt_tokens": 30, "completion_tokens": 20}


@pytest.fixture(autouse=True)
def nothing_cached() -> None:
    """The dashboard keeps its figures for a while."""
    cache.clear()


@pytest.fixture
def talk() -> Talk:
    """A conversation that holds markup."""
    talk = Talk.begin("Ada", system_prompt="Be brief.")
    talk.exchange("What is <script>alert(1)</script>?", "A tower & more.")
    return talk


@pytest.fixture
def staff(admin_user: User) -> Client:
    """A browser in which staff is logged in."""
    client = Client()
    client.force_login(admin_user)
    return client


def one_who(*permissions: str) -> Client:
    """Return a browser in which somebody with these permissions is logged in."""
    user = User.objects.create_user(f"staff {uuid4()}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def session_page(talk: Talk) -> str:
    """Return the address of a session's page."""
    return f"{SESSIONS}{talk.session}/change/"


def reply_of(talk: Talk, n: int = 2) -> Message:
    """Return a session's message."""
    return Message.objects.get(session=talk.session, n=n)


def shown(client: Client, path: str, query: dict[str, str] | None = None) -> str:
    """Return a page."""
    response = client.get(path, query or {})
    assert response.status_code == 200, (path, response.status_code)
    return response.content.decode()


def reveal(client: Client, talk: Talk) -> None:
    """Reveal a session's text."""
    assert client.post(f"{SESSIONS}{talk.session}/reveal/").status_code == 302


# --- Lists -----------------------------------------------------------------------------------------------------------


def test_sessions_are_listed_with_their_figures(staff: Client, talk: Talk) -> None:
    asked = talk.say("And?").messages[1]
    talk.start(asked.id)
    talk.end(asked.id, "no", status=Status.FAILED, usage=USED)
    page = shown(staff, SESSIONS)
    for part in (str(talk.session)[:8], "Ada", ">default<", ">4<", ">50<", ">1<", "chat-open"):
        assert part in page, part


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "tower"}, True),
        ({"q": "ada"}, True),
        ({"q": "is script"}, True),
        ({"q": "Rome"}, False),
        ({"q": str(uuid4())}, False),
        ({"model": "default"}, True),
        ({"state": "errors"}, False),
        ({"state": "making"}, False),
        ({"state": "ended"}, False),
        ({"state": "blocked"}, False),
    ],
)
def test_sessions_are_found_by_words_model_and_state(
    staff: Client, talk: Talk, query: dict[str, str], found: bool
) -> None:
    assert (str(talk.session) in shown(staff, SESSIONS, query)) == found


def test_a_session_is_found_by_the_id_of_anything_in_it(staff: Client, talk: Talk) -> None:
    Talk.begin("Bob")
    for key in (talk.session, talk.visitor, reply_of(talk).id):
        page = shown(staff, SESSIONS, {"q": str(key)})
        assert page.count(f"{SESSIONS}{talk.session}/change/") == 1
        assert "Bob" not in page


def test_sessions_are_found_by_what_goes_on_in_them(staff: Client, talk: Talk) -> None:
    other = Talk.begin("Bob")
    asked = other.say().messages[1]
    assert str(other.session) in shown(staff, SESSIONS, {"state": "making"})
    other.start(asked.id)
    other.end(asked.id, status=Status.FAILED)
    for state in ("errors", "ended", "blocked"):
        if state == "ended":
            history.end_session(other.session)
        elif state == "blocked":
            history.block(other.visitor)
        page = shown(staff, SESSIONS, {"state": state})
        assert str(other.session) in page
        assert str(talk.session) not in page


def test_who_may_not_reveal_text_cannot_probe_it_by_searching(talk: Talk) -> None:
    looker, reader = one_who("view_chatsession"), one_who("view_chatsession", "reveal_text")
    assert str(talk.session) not in shown(looker, SESSIONS, {"q": "tower"})
    assert Reveal.objects.count() == 0
    assert str(talk.session) in shown(reader, SESSIONS, {"q": "tower"})
    assert Reveal.objects.get().what == "search"


def test_replies_are_found_by_error_slowness_model_and_session(staff: Client, talk: Talk) -> None:
    asked = talk.say("And?").messages[1]
    talk.start(asked.id)
    talk.end(asked.id, "", status=Status.FAILED, error_code="upstream_timeout", usage={"total_ms": 6000})
    for query in ({"error": "any"}, {"error": "upstream_timeout"}, {"slower_s": "5"}, {"status__exact": "failed"}):
        page = shown(staff, MESSAGES, query)
        assert str(asked.id) in page
        assert str(reply_of(talk).id) not in page
    assert str(asked.id) not in shown(staff, MESSAGES, {"slower_s": "15"})
    assert str(asked.id) not in shown(staff, MESSAGES, {"error": "internal"})
    assert str(asked.id) not in shown(staff, MESSAGES, {"session__id__exact": str(Talk.begin().session)})
    assert str(asked.id) in shown(staff, MESSAGES, {"session__id__exact": str(talk.session)})


def test_the_lists_ask_no_more_for_more_rows(
    staff: Client, talk: Talk, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for _ in range(20):
        Talk.begin(visitor=talk.visitor).exchange()
    for path in LISTS:
        with django_assert_max_num_queries(9):  # type: ignore[attr-defined]  # a context manager
            shown(staff, path)


def test_no_list_counts_further_than_anybody_pages(staff: Client, talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.admin.lists.COUNTED", 60)
    talk.grow(100)
    page = shown(staff, MESSAGES)
    assert page.count('name="_selected_action"') == 50
    assert "60 messages" in page
    assert "102 messages" not in page


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", [{}, {"created_at__gte": "2020-01-01 00:00:00+00:00"}])
def test_each_row_of_a_list_is_drawn_as_unfold_would(
    staff: Client, admin_user: User, talk: Talk, path: str, query: dict[str, str]
) -> None:
    Visitor.objects.update(name="<b>Ada</b> & 'Bob'")
    talk.end(talk.say("And?").messages[1].id, "no", status=Status.FAILED, usage=USED)
    history.ask_replay(
        reply_of(talk).id, admin_user.id, model="default", system_prompt=None, sampling=protocol.Sampling()
    )
    Replay.objects.update(asked_by=None)
    reveal(staff, talk)
    changes = staff.get(path, query if "reveal" not in path else {}).context["cl"]
    assert changes.rows
    for row in changes.rows:
        assert row.cells == "".join(items_for_result(changes, row.instance, None))


def test_a_page_is_found_and_read_in_its_lists_order_however_deep(staff: Client, talk: Talk) -> None:
    talk.grow(120)
    ordered = list(Message.objects.order_by("-created_at", "-id").values_list("id", flat=True))
    for page in (1, 2, 3):
        listed = [row.pk for row in staff.get(MESSAGES, {"p": page}).context["cl"].result_list]
        assert listed == ordered[50 * (page - 1) : 50 * page]


def test_a_long_session_is_listed_with_what_it_took_at_least(
    staff: Client, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.admin.session_list.SUMMED", 2)
    Talk.begin("Bob").exchange()
    failed = talk.say("And?").messages[1]
    talk.start(failed.id)
    talk.end(failed.id, "no", status=Status.FAILED, usage=USED)
    Message.objects.filter(session=talk.session).exclude(id=failed.id).update(prompt_tokens=1_000)
    page = shown(staff, SESSIONS)
    for part in (">\u2265 1050<", ">\u2265 1<", ">0<"):
        assert part in page, part


def test_a_long_session_whose_old_reply_is_made_again_is_not_listed_as_idle(
    staff: Client, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.admin.session_list.SUMMED", 1)
    Message.objects.filter(id=reply_of(talk).id).update(status=Status.QUEUED, lease_until=timezone.now())
    talk.grow(4)
    assert "chat-queued" in shown(staff, SESSIONS)


def test_the_figures_of_sessions_and_messages_come_as_files_without_text(staff: Client, talk: Talk) -> None:
    for path, key in ((SESSIONS, talk.session), (MESSAGES, reply_of(talk).id)):
        answer = staff.post(path, {"action": "export_figures", "_selected_action": [str(key)]})
        assert answer["Content-Type"].startswith("text/csv")
        head, row = answer.content.decode().splitlines()
        assert row.startswith(str(key))
        assert "text" not in head
        assert "tower" not in row


# --- What people wrote -----------------------------------------------------------------------------------------------


def test_text_is_hidden_until_it_is_revealed_and_that_is_logged(staff: Client, admin_user: User, talk: Talk) -> None:
    reply = reply_of(talk)
    replay = history.ask_replay(
        reply.id, admin_user.id, model="default", system_prompt=None, sampling=protocol.Sampling()
    )
    Replay.objects.filter(id=replay).update(status=Status.COMPLETE, text="A tower & less.")
    pages = (session_page(talk), f"{MESSAGES}{reply.id}/change/", f"/admin/chat/replay/{replay}/change/")
    for page in (*pages, *LISTS, "/admin/"):
        assert not any(word in shown(staff, page) for word in ("What is", "tower", "Be brief")), page
    assert Reveal.objects.count() == 0
    reveal(staff, talk)
    logged = Reveal.objects.get()
    assert (logged.staff, logged.username, logged.what, logged.session) == (admin_user, "admin", "text", talk.session)
    for page in pages:
        assert "tower" in shown(staff, page), page
    assert '<pre class="chat-text">What is &lt;script&gt;alert(1)&lt;/script&gt;?</pre>' in shown(staff, pages[0])
    assert "Be brief." in shown(staff, pages[1])
    assert "<script>alert(1)" not in "".join(shown(staff, page) for page in pages)


def test_a_reveal_opens_one_session_to_one_person_for_a_while(staff: Client, talk: Talk) -> None:
    other = Talk.begin("Bob")
    other.exchange("hello", "tower")
    reveal(staff, talk)
    assert "tower" not in shown(staff, session_page(other))
    assert "tower" not in shown(one_who("view_chatsession", "reveal_text"), session_page(talk))
    Reveal.objects.update(at=timezone.now() - timedelta(seconds=REVEALED_S + 1))
    assert "tower" not in shown(staff, session_page(talk))


def test_who_loses_the_permission_sees_no_more(talk: Talk) -> None:
    reader = one_who("view_chatsession", "reveal_text")
    reveal(reader, talk)
    assert "tower" in shown(reader, session_page(talk))
    User.objects.get().user_permissions.remove(Permission.objects.get(codename="reveal_text"))
    assert "tower" not in shown(reader, session_page(talk))


def test_a_reveal_goes_back_to_the_page_it_came_from_and_nowhere_else(staff: Client, talk: Talk) -> None:
    path = f"{SESSIONS}{talk.session}/reveal/"
    inside = f"{MESSAGES}{reply_of(talk).id}/change/?a=1"
    assert staff.post(path, {"next": inside})["Location"] == inside
    for outside in ("https://example.org/", "//example.org", "/admin/..//example.org", "/admin/\\example.org", "/"):
        assert staff.post(path, {"next": outside})["Location"] == session_page(talk)


def test_a_session_is_exported_whole_and_that_is_logged(staff: Client, talk: Talk) -> None:
    answer = staff.post(f"{SESSIONS}{talk.session}/export/")
    document = json.loads(answer.content)
    assert document["session"]["id"] == str(talk.session)
    assert [message["text"] for message in document["messages"]][1] == "A tower & more."
    assert Reveal.objects.get().what == "export"


# --- One session, one reply ------------------------------------------------------------------------------------------


def test_the_branches_of_a_session_can_be_walked(staff: Client, talk: Talk) -> None:
    first = reply_of(talk, 1)
    history.edit_turn(talk.session, first.id, uuid4(), "Otherwise?", talk.maker)
    reveal(staff, talk)
    shown_now = shown(staff, session_page(talk))
    assert "Otherwise?" in shown_now
    assert "tower" not in shown_now
    assert f"?at={first.id}" in shown_now
    other = shown(staff, session_page(talk), {"at": str(first.id)})
    assert "tower" in other
    assert "Otherwise?" not in other


def test_a_long_session_is_shown_from_its_end_and_leads_on(staff: Client, talk: Talk) -> None:
    keys = talk.grow(200)
    page = shown(staff, session_page(talk))
    assert page.count("<article") == 50
    assert f"?before={keys[150]}" in page
    before = shown(staff, session_page(talk), {"before": str(keys[150])})
    assert f"?before={keys[100]}" in before


@pytest.mark.parametrize("query", [{"at": "x"}, {"before": "x"}, {"at": str(uuid4())}, {"before": str(uuid4())}])
def test_what_is_in_no_session_is_not_found(staff: Client, talk: Talk, query: dict[str, str]) -> None:
    assert staff.get(session_page(talk), query).status_code == 404
    for key in ("x", str(uuid4())):
        assert staff.get(f"{SESSIONS}{key}/change/").status_code == 404
        assert staff.post(f"{SESSIONS}{key}/end/").status_code == 404


def test_a_reply_says_how_it_was_made(staff: Client, talk: Talk) -> None:
    asked = talk.say("And?").messages[1]
    talk.start(asked.id)
    talk.end(asked.id, "Yes.", usage=USED, model_name="its own name")
    page = shown(staff, f"{MESSAGES}{asked.id}/change/")
    for part in (
        "Waiting 10 ms",
        "Reading 90 ms",
        "Writing 1000 ms",
        "20.0",
        "test/1",
        "its own name",
        "3 messages and",
    ):
        assert part in page, part


def test_a_reply_that_failed_before_it_was_begun_can_be_looked_at(staff: Client) -> None:
    talk = Talk.begin()
    asked = talk.say().messages[1]
    talk.end(asked.id, "", status=Status.FAILED, error_code="context_too_long", error_detail="Too long.")
    page = shown(staff, f"{MESSAGES}{asked.id}/change/")
    assert "Too long." in page
    assert "never begun" in page
    assert f"{asked.id}/replay/" not in page
    assert staff.post(f"{MESSAGES}{asked.id}/replay/", {"model": "default"})["Location"].endswith(f"{asked.id}/change/")
    assert Replay.objects.count() == 0


def test_an_empty_session_and_a_persons_message_can_be_looked_at(staff: Client, talk: Talk) -> None:
    assert "Nothing has been said" in shown(staff, session_page(Talk.begin()))
    page = shown(staff, f"{MESSAGES}{reply_of(talk, 1).id}/change/")
    assert f"{MESSAGES}{reply_of(talk).id}/change/" in page


# --- Replays ---------------------------------------------------------------------------------------------------------


def test_a_replay_is_asked_for_and_not_made_within_the_request(staff: Client, admin_user: User, talk: Talk) -> None:
    answer = staff.post(
        f"{MESSAGES}{reply_of(talk).id}/replay/", {"model": "default", "temperature": "0.5", "seed": "7"}
    )
    replay = Replay.objects.get()
    assert answer["Location"] == f"/admin/chat/replay/{replay.id}/change/"
    assert (replay.status, replay.sampling, replay.asked_by) == ("queued", {"temperature": 0.5, "seed": 7}, admin_user)
    assert replay.system_prompt is not None  # the reply's own, which is hidden
    assert 'http-equiv="refresh"' in shown(staff, answer["Location"])


def test_a_replay_may_have_another_system_prompt_once_that_is_revealed(staff: Client, talk: Talk) -> None:
    path = f"{MESSAGES}{reply_of(talk).id}/replay/"
    staff.post(path, {"model": "default", "system_prompt": "Be long."})
    reveal(staff, talk)
    staff.post(path, {"model": "default", "system_prompt": "Be long."})
    staff.post(path, {"model": "default", "system_prompt": ""})
    prompts = [
        replay.system_prompt.text if replay.system_prompt else "" for replay in Replay.objects.order_by("created_at")
    ]
    assert prompts == ["Be brief.", "Be long.", ""]


@pytest.mark.parametrize("wrong", [{"model": "none"}, {"temperature": "3"}, {"seed": "-1"}, {"max_new_tokens": "x"}])
def test_settings_that_no_model_takes_are_refused(staff: Client, talk: Talk, wrong: dict[str, str]) -> None:
    answer = staff.post(f"{MESSAGES}{reply_of(talk).id}/replay/", {"model": "default", **wrong})
    assert b"errorlist" in answer.content
    assert Replay.objects.count() == 0


def test_a_replay_stands_beside_its_reply(staff: Client, talk: Talk) -> None:
    staff.post(f"{MESSAGES}{reply_of(talk).id}/replay/", {"model": "default", "top_p": "0.5"})
    Replay.objects.update(status=Status.COMPLETE, text="A lighthouse & more.", **USED)
    replay = Replay.objects.get()
    path = f"/admin/chat/replay/{replay.id}/change/"
    page = shown(staff, path)
    assert 'http-equiv="refresh"' not in page
    assert '<tr class="chat-differs"><th scope="row">top_p</th><td>—</td><td>0.5</td></tr>' in page
    assert "The texts differ." in page
    reveal(staff, talk)
    page = shown(staff, path)
    assert "A <del>tower </del>&amp; more." in page
    assert "A <ins>lighthouse </ins>&amp; more." in page


def test_a_difference_loses_nothing() -> None:
    left, right = "one two  three\nfour", "one 2  three\n\nfive"
    ours, theirs = difference(left, right)
    assert ("".join(each.text for each in ours), "".join(each.text for each in theirs)) == (left, right)
    assert [each.text for each in ours if each.same] == [each.text for each in theirs if each.same] == ["one "]
    assert difference("", "") == ([], [])


# --- What staff do ---------------------------------------------------------------------------------------------------


def test_a_session_is_ended_for_its_visitor_too(staff: Client, talk: Talk) -> None:
    staff.post(f"{SESSIONS}{talk.session}/end/")
    assert "chat-ended" in shown(staff, session_page(talk))
    with pytest.raises(protocol.Refused, match="expired"):
        talk.say()
    assert LogEntry.objects.get().object_id == str(talk.session)


def test_a_session_is_deleted_with_all_that_is_in_it(staff: Client, talk: Talk) -> None:
    reveal(staff, talk)
    staff.post(f"{MESSAGES}{reply_of(talk).id}/replay/", {"model": "default", "system_prompt": "Be long."})
    assert SystemPrompt.objects.count() == 2
    staff.post(f"{SESSIONS}{talk.session}/remove/")
    assert (ChatSession.objects.count(), Message.objects.count(), Replay.objects.count()) == (0, 0, 0)
    assert SystemPrompt.objects.count() == 0
    assert "tower" not in LogEntry.objects.get().object_repr


@pytest.mark.django_db(transaction=True)  # the API reads in threads of its own
def test_a_visitor_is_blocked_and_let_in_again(staff: Client, talk: Talk) -> None:
    visitor = Client()
    session = visitor.session
    session["visitor"] = str(talk.visitor)
    session.save()
    staff.post(f"{SESSIONS}{talk.session}/block/")
    for path in ("/api/me", "/api/sessions", f"/api/sessions/{talk.session}"):
        answer = visitor.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "chat-blocked" in shown(staff, session_page(talk))
    staff.post(f"{SESSIONS}{talk.session}/unblock/")
    assert visitor.get(f"/api/sessions/{talk.session}").status_code == 200
    assert Visitor.objects.get(id=talk.visitor).blocked_at is None


def test_each_thing_needs_its_own_permission(talk: Talk) -> None:
    needed = {
        f"{SESSIONS}{talk.session}/reveal/": "reveal_text",
        f"{SESSIONS}{talk.session}/export/": "reveal_text",
        f"{SESSIONS}{talk.session}/block/": "block_visitor",
        f"{SESSIONS}{talk.session}/unblock/": "block_visitor",
        f"{SESSIONS}{talk.session}/end/": "end_chatsession",
        f"{MESSAGES}{reply_of(talk).id}/replay/": "add_replay",
        f"{SESSIONS}{talk.session}/remove/": "delete_chatsession",
    }
    everything = {"view_chatsession", "view_message", *needed.values()}
    for path, permission in needed.items():
        assert one_who(*(everything - {permission})).post(path).status_code == 403, path
        assert one_who(permission).get(path).status_code == 403, path
    assert (ChatSession.objects.count(), Reveal.objects.count(), Replay.objects.count()) == (1, 0, 0)
    for path, permission in needed.items():
        assert one_who(permission, "view_message").post(path, {"model": "default"}).status_code in {200, 302}, path


def test_nobody_else_gets_in(talk: Talk) -> None:
    visitor, helper, reader = Client(), one_who(), one_who("view_chatsession")
    for path in (*LISTS, session_page(talk)):
        answer = visitor.get(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/admin/login/")
        assert helper.get(path).status_code == 403
    assert reader.get(SESSIONS).status_code == 200
    assert reader.get(MESSAGES).status_code == 403
    assert "chat-bars" not in shown(reader, "/admin/")


def test_nothing_can_be_added_changed_or_deleted_by_a_form(staff: Client, talk: Talk) -> None:
    reply = reply_of(talk)
    reveal(staff, talk)
    for path in (f"{SESSIONS}{talk.session}", f"{MESSAGES}{reply.id}", f"/admin/chat/reveal/{Reveal.objects.get().id}"):
        assert staff.post(f"{path}/change/", {"title": "x", "text": "x"}).status_code == 403
        assert staff.post(f"{path}/delete/", {"post": "yes"}).status_code == 403
    for path in LISTS:
        assert staff.get(f"{path}add/").status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": [str(talk.session), str(reply.id)], "post": "yes"}
        staff.post(path, chosen)
    assert (ChatSession.objects.count(), Message.objects.count(), Reveal.objects.count()) == (1, 2, 1)
    assert reply_of(talk).text == "A tower & more."


# --- The dashboard ---------------------------------------------------------------------------------------------------


def test_the_dashboard_draws_what_was_counted(staff: Client, talk: Talk) -> None:
    for first, total in ((100, 1000), (200, 2000), (300, 3000)):
        asked = talk.say().messages[1]
        talk.start(asked.id)
        talk.end(asked.id, usage={**USED, "first_token_ms": first, "total_ms": total})
    asked = talk.say().messages[1]
    talk.start(asked.id)
    talk.end(asked.id, status=Status.FAILED, error_code="upstream_timeout")
    talk.say()
    page = " ".join(shown(staff, "/admin/").split())
    for part in (
        "Sessions begun a day",
        "12 <small>today",
        "150 <small>today",
        ">upstream_timeout<",
        "200 ms",
        "3000 ms",
    ):
        assert part in page, part
    assert '<h3>Waiting now</h3><p class="chat-figure">1</p>' in page


def test_the_dashboard_of_an_empty_house_is_drawn(staff: Client) -> None:
    assert "No replies yet." in shown(staff, "/admin/")


def test_the_dashboard_asks_the_database_no_second_time(
    staff: Client, talk: Talk, django_assert_max_num_queries: Callable[..., object]
) -> None:
    shown(staff, "/admin/")
    with django_assert_max_num_queries(6):  # type: ignore[attr-defined]  # a context manager
        shown(staff, "/admin/")


@pytest.mark.parametrize(
    ("values", "expected"), [([], []), ([7], [7, 7, 7]), (list(range(1, 101)), [50, 90, 99]), ([3, 1, 2], [2, 3, 3])]
)
def test_percentiles_are_by_nearest_rank(values: list[int], expected: list[int]) -> None:
    assert percentiles(values) == expected


# --- Who visits, and who is staff ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)  # the API reads in threads of its own
def test_who_logs_in_or_out_stays_the_visitor_under_a_new_key(settings: LazySettings, talk: Talk) -> None:
    User.objects.create_superuser("keeper", password="a long way")
    User.objects.create_superuser("other", password="a long way")
    browser = Client()
    session = browser.session
    session["visitor"] = str(talk.visitor)
    session.save()
    keys = [session.session_key]
    for path, fields in (
        ("/admin/login/", {"username": "keeper", "password": "a long way"}),
        ("/admin/login/", {"username": "other", "password": "a long way"}),
        ("/admin/logout/", {}),
    ):
        assert browser.post(path, fields).status_code in {200, 302}
        assert browser.session["visitor"] == str(talk.visitor)
        keys.append(browser.session.session_key)
    assert len(set(keys)) == 4
    assert "_auth_user_id" not in browser.session
    for key in keys[:-1]:
        old = Client()
        old.cookies[settings.SESSION_COOKIE_NAME] = key or ""
        assert old.get("/api/me").json()["visitor"] is None
        assert old.get("/admin/").status_code == 302


@pytest.mark.django_db(transaction=True)  # the API reads in threads of its own
def test_the_key_of_a_browsers_session_is_new_when_its_visitor_is_made() -> None:
    browser = Client()
    session = browser.session
    session["planted"] = True
    session.save()
    before = session.session_key
    assert browser.post("/api/sessions", {"name": "Ada"}, "application/json").status_code == 201
    assert browser.session.session_key != before
    assert browser.get("/api/me").json()["visitor"]["name"] == "Ada"


async def test_a_blocked_visitors_tabs_are_told_and_closed_and_cannot_come_back(ada: Person) -> None:
    session = await ada.begin()
    tab = await ada.open(session)
    keeper = AsyncClient()
    await keeper.aforce_login(await User.objects.acreate_superuser("keeper"))
    assert (await keeper.post(f"{SESSIONS}{session}/block/")).status_code == 302
    assert (await tab.next())["code"] == "forbidden"
    assert await tab.closed() == Close.NO_RIGHT
    again = await ada.connect(session)
    assert (await again.next())["code"] == "forbidden"
    assert await again.closed() == Close.NO_RIGHT


async def test_ending_a_session_stops_its_reply_and_its_tabs_know(serving: Scripted, ada: Person) -> None:
    session = await ada.begin()
    tab = await ada.open(session)
    serving.script("Half", asyncio.Event())
    await tab.send("Go")
    await serving.called()
    keeper = AsyncClient()
    await keeper.aforce_login(await User.objects.acreate_superuser("keeper"))
    assert (await keeper.post(f"{SESSIONS}{session}/end/")).status_code == 302
    assert (await tab.until_status("stopped"))["text"] == "Half"
    answer = await ada.browser.get(f"/api/sessions/{session}")
    assert answer.json()["expires_at"] is not None
    await tab.say("send", client_id=str(uuid4()), text="Again")
    while (frame := await tab.next())["type"] != "error":
        pass
    assert frame["code"] == "expired"


async def test_a_deleted_sessions_tabs_are_closed(ada: Person) -> None:
    session = await ada.begin()
    tab = await ada.open(session)
    keeper = AsyncClient()
    await keeper.aforce_login(await User.objects.acreate_superuser("keeper"))
    assert (await keeper.post(f"{SESSIONS}{session}/remove/")).status_code == 302
    assert (await tab.until("gone"))["session"] == session
    assert await tab.closed() == Close.DELETED
