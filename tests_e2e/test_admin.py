"""Staff look into the sessions, answer why the bot said that, and block who must be blocked."""

from playwright.sync_api import BrowserContext, Page, expect

from tests_e2e import staff
from tests_e2e.served import Served
from tests_e2e.tab import Tab


def test_staff_read_a_session_only_after_revealing_it(page: Page, staffed: Served) -> None:
    Tab(page, staffed.url).begin("seen by the keeper", name="Grace").await_reply("seen by the keeper")
    staff.log_in(page, staffed)
    staff.open_session(page, staffed, "Grace")
    expect(page.get_by_text("18 characters, hidden")).to_have_count(2)
    expect(page.get_by_text("seen by the keeper")).to_have_count(0)
    staff.reveal(page)
    expect(page.get_by_text("seen by the keeper")).not_to_have_count(0)
    expect(page.get_by_role("button", name="Save")).to_have_count(0)


def test_staff_make_a_reply_again_and_see_the_difference(page: Page, staffed: Served) -> None:
    tab = Tab(page, staffed.url).begin("why so", name="Rosalind")
    tab.await_reply("why so")
    staff.log_in(page, staffed)
    staff.open_session(page, staffed, "Rosalind")
    staff.reveal(page)
    page.get_by_role("link", name="Why this?").click()
    expect(page.get_by_role("img", name="Waiting")).to_be_visible()
    staff.replay(page, temperature="0.5")
    expect(page.get_by_text("The texts are the same.")).to_be_visible()
    expect(page.get_by_role("row", name="temperature")).to_contain_text("0.5")


def test_who_is_blocked_hears_so_at_once(person: BrowserContext, page: Page, staffed: Served) -> None:
    Tab(page, staffed.url).begin("hello", name="Mallory").await_reply("hello")
    closed: list[str] = []
    keeper = person.new_page()
    staff.log_in(keeper, staffed)  # in the same browser: who logs in stays the visitor
    staff.open_session(keeper, staffed, "Mallory")
    keeper.get_by_text("Block Mallory…").click()
    page.on("websocket", lambda socket: closed.append(socket.url))
    keeper.get_by_role("button", name="Block", exact=True).click()
    expect(keeper.get_by_text("Mallory is blocked.")).to_be_visible()
    answer = page.request.get(f"{staffed.url}/api/me")
    assert (answer.status, answer.json()["code"]) == (403, "forbidden")
    assert closed == []  # and the page does not try again


def test_who_logs_out_of_the_admin_is_still_the_visitor(page: Page, staffed: Served) -> None:
    Tab(page, staffed.url).begin("still here", name="Hedy").await_reply("still here")
    staff.log_in(page, staffed)
    token = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "csrftoken")
    headers = {"X-CSRFToken": token, "Referer": f"{staffed.url}/admin/"}
    assert page.request.post(f"{staffed.url}/admin/logout/", headers=headers).ok
    page.goto(f"{staffed.url}/admin/")
    expect(page.get_by_label("Password")).to_be_visible()
    assert page.request.get(f"{staffed.url}/api/me").json()["visitor"]["name"] == "Hedy"


def test_visitors_are_not_staff(page: Page, staffed: Served) -> None:
    Tab(page, staffed.url).begin("hello").await_reply("hello")
    page.goto(f"{staffed.url}/admin/chat/chatsession/")
    expect(page.get_by_label("Password")).to_be_visible()
