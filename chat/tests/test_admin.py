"""What staff may see, and that nobody changes anything there."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from chat import history
from chat.history import Settings
from chat.models import ChatSession, Message
from chat.tests.talking import Talk

pytestmark = pytest.mark.django_db

SESSIONS = "/admin/chat/chatsession/"
MESSAGES = "/admin/chat/message/"


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


def test_staff_see_sessions_with_their_messages(staff: Client, talk: Talk) -> None:
    listed = staff.get(SESSIONS).content.decode()
    assert "What is &lt;script&gt;" in listed
    assert "Ada" in listed
    page = staff.get(f"{SESSIONS}{talk.session}/change/").content.decode()
    assert "<pre>What is &lt;script&gt;alert(1)&lt;/script&gt;?</pre>" in page
    assert "A tower &amp; more." in page
    assert "<script>alert(1)" not in page
    assert f"{MESSAGES}?session__id__exact={talk.session}" in page


def test_staff_see_what_a_reply_was_made_from(staff: Client, talk: Talk) -> None:
    other = Talk.begin("Bob")
    other.exchange()
    listed = staff.get(MESSAGES, {"session__id__exact": str(talk.session)}).content.decode()
    assert listed.count('field-created_at') == 2
    assert "2 messages" in listed
    reply = Message.objects.get(session=talk.session, n=2)
    page = staff.get(f"{MESSAGES}{reply.id}/change/").content.decode()
    assert "test/1" in page
    assert "A tower &amp; more." in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "tower"}, True),
        ({"q": "ada"}, True),
        ({"q": "script"}, True),
        ({"q": "Rome"}, False),
        ({"model__exact": "default"}, True),
        ({"model__exact": "other"}, False),
    ],
)
def test_sessions_are_found_by_words_and_model(staff: Client, talk: Talk, query: dict[str, str], found: bool) -> None:
    assert (str(talk.session) in staff.get(SESSIONS, query).content.decode()) == found


def test_a_session_is_listed_once_however_many_of_its_messages_match(staff: Client, talk: Talk) -> None:
    talk.exchange("tower", "tower")
    assert staff.get(SESSIONS, {"q": "tower"}).content.decode().count(f"{SESSIONS}{talk.session}/change/") == 1


def test_the_lists_ask_no_more_for_more_rows(
    staff: Client, talk: Talk, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for _ in range(20):
        Talk.begin(visitor=talk.visitor).exchange()
    for path in (SESSIONS, MESSAGES):
        with django_assert_max_num_queries(15):  # type: ignore[attr-defined]  # a context manager
            assert staff.get(path).status_code == 200


def test_nobody_else_gets_in(talk: Talk) -> None:
    visitor, helper, reader = Client(), Client(), Client()
    helper.force_login(User.objects.create_user("helper", is_staff=True))
    may_see = User.objects.create_user("reader", is_staff=True)
    may_see.user_permissions.add(Permission.objects.get(codename="view_chatsession"))
    reader.force_login(may_see)
    for path in (SESSIONS, MESSAGES, f"{SESSIONS}{talk.session}/change/"):
        answer = visitor.get(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/admin/login/")
        assert helper.get(path).status_code == 403
    assert reader.get(SESSIONS).status_code == 200
    assert reader.get(MESSAGES).status_code == 403


def test_nothing_can_be_added_changed_or_deleted(staff: Client, talk: Talk) -> None:
    reply = Message.objects.get(session=talk.session, n=2)
    for path in (f"{SESSIONS}{talk.session}", f"{MESSAGES}{reply.id}"):
        assert staff.post(f"{path}/change/", {"title": "x", "text": "x"}).status_code == 403
        assert staff.post(f"{path}/delete/", {"post": "yes"}).status_code == 403
    for path in (SESSIONS, MESSAGES):
        assert staff.get(f"{path}add/").status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": [str(talk.session), str(reply.id)], "post": "yes"}
        staff.post(path, chosen)
    assert ChatSession.objects.count() == 1
    assert Message.objects.count() == 2
    assert Message.objects.get(id=reply.id).text == "A tower & more."


def test_an_empty_session_and_one_without_a_title_can_be_looked_at(staff: Client) -> None:
    talk = Talk.begin()
    history.change_session(str(talk.session), talk.visitor, Settings(title=""))
    assert staff.get(f"{SESSIONS}{talk.session}/change/").status_code == 200
    assert str(talk.session) in staff.get(SESSIONS).content.decode()
