"""The list at the side: conversations are found again, renamed, deleted, and nobody else's."""

import re

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests_e2e.served import Served
from tests_e2e.tab import Tab


def test_conversations_stand_in_the_list_with_the_latest_first(page: Page, echo: Served) -> None:
    tab = Tab(page, echo.url).begin("the first of two")
    tab.await_reply("the first of two")
    page.get_by_role("button", name="New conversation").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ada")
    tab.say("the second of two")
    tab.await_reply("the second of two")
    links = tab.sessions.get_by_role("link")
    expect(links).to_have_text([re.compile("second"), re.compile("first")])
    links.last.click()
    tab.await_reply("the first of two")
    page.go_back()
    tab.await_reply("the second of two")


def test_a_new_title_is_there_in_every_tab_and_after_a_reload(person: BrowserContext, echo: Served) -> None:
    tab = Tab(person.new_page(), echo.url).begin("call me otherwise")
    tab.await_reply()
    other = Tab(person.new_page(), echo.url)
    other.page.goto(tab.page.url)
    expect(other.conversation).to_be_visible()
    tab.sessions.get_by_role("link").hover()
    tab.sessions.get_by_role("button", name="Rename “").click()
    tab.sessions.get_by_role("textbox", name="New title").fill("Gardening")
    tab.page.keyboard.press("Enter")
    for shown in (tab, other):
        expect(shown.sessions.get_by_role("link")).to_have_text("Gardening")
        expect(shown.page.get_by_role("heading", level=1)).to_have_text("Gardening")
    other.page.reload()
    expect(other.sessions.get_by_role("link")).to_have_text("Gardening")


def test_a_deleted_conversation_is_gone_here_and_in_the_other_tab(person: BrowserContext, echo: Served) -> None:
    tab = Tab(person.new_page(), echo.url).begin("to be deleted")
    tab.await_reply()
    path = tab.page.url.removeprefix(echo.url)
    other = Tab(person.new_page(), echo.url).open(path)
    other.await_reply("to be deleted")
    tab.sessions.get_by_role("link").hover()
    tab.sessions.get_by_role("button", name="Delete “").click()
    expect(tab.page.get_by_role("status").filter(has_text="was deleted")).to_be_visible()
    expect(tab.sessions.get_by_role("link")).to_have_count(0)
    expect(other.page.get_by_text("This conversation was deleted.")).to_be_visible(timeout=20_000)
    tab.open(path)
    expect(tab.page.get_by_text("This conversation does not exist, or it is not yours.")).to_be_visible()


def test_a_deletion_can_be_undone(page: Page, echo: Served) -> None:
    tab = Tab(page, echo.url).begin("not really to be deleted")
    tab.await_reply()
    tab.sessions.get_by_role("link").hover()
    tab.sessions.get_by_role("button", name="Delete “").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ada")
    page.get_by_role("button", name="Undo").click()
    tab.await_reply("not really to be deleted")
    expect(tab.sessions.get_by_role("link")).to_have_count(1)


def test_what_was_searched_for_is_brought_into_view_and_marked_in_a_reply_longer_than_the_screen(
    page: Page, echo: Served
) -> None:
    said = "\n\n".join(f"Line {n}" for n in range(100)).replace("Line 20", "The Höhle of line twenty")
    tab = Tab(page, echo.url).begin(said)
    tab.await_reply("Line 99")
    page.reload()
    tab.await_reply("Line 99")
    page.keyboard.press("Control+K")
    page.get_by_role("searchbox").fill("hohle")
    hits = page.get_by_role("list", name="Messages found").get_by_role("button")
    expect(hits).to_have_count(2)
    hits.first.click()
    place = tab.reply.get_by_text("The Höhle of line twenty")
    expect(place).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="To the end")).to_be_visible()
    marked = "() => [...(CSS.highlights.get('found') ?? [])].map(String)"
    assert page.evaluate(marked) == ["Höhle"]
    tab.message.click()
    assert page.evaluate(marked) == []


def test_on_paper_there_is_all_that_was_said_and_nothing_to_press(page: Page, echo: Served) -> None:
    tab = Tab(page, echo.url).begin("```py\nprint('on paper')\n```")
    tab.await_reply("on paper")
    expect(page.get_by_role("button", name="Copy code")).to_be_visible()
    page.emulate_media(media="print")
    expect(tab.reply).to_contain_text("on paper")
    expect(tab.reply.locator("pre")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for role in ("button", "textbox", "meter", "navigation"):
        expect(page.get_by_role(role)).to_have_count(0)


def test_another_person_s_conversation_is_told_like_one_that_does_not_exist(browser: Browser, echo: Served) -> None:
    owner, stranger = browser.new_context(), browser.new_context()
    tab = Tab(owner.new_page(), echo.url).begin("a secret of mine")
    tab.await_reply()
    for path in (tab.page.url.removeprefix(echo.url), "/c/00000000-0000-4000-8000-000000000000", "/c/1"):
        curious = Tab(stranger.new_page(), echo.url).open(path)
        expect(curious.page.get_by_text("This conversation does not exist, or it is not yours.")).to_be_visible()
        expect(curious.page.get_by_text("a secret of mine")).to_have_count(0)
    owner.close()
    stranger.close()
