"""Two tabs and a phone on one conversation: the same in all three through whatever is done in one of them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests_e2e.served import Served
from tests_e2e.tab import Tab

LONG = " ".join(f"word{n}" for n in range(150))  # 4.5 s of the echo's time


@pytest.fixture
def tabs(browser: Browser, echo: Served) -> Iterator[list[Tab]]:
    """Three tabs of one person on one conversation, the third as small as a phone."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    first = Tab(context.new_page(), echo.url).begin("the first question")
    first.await_reply("the first question")
    path = first.page.url.removeprefix(echo.url)
    others = [Tab(context.new_page(), echo.url).open(path) for _ in range(2)]
    others[1].page.set_viewport_size({"width": 360, "height": 640})
    for tab in others:
        tab.await_reply("the first question")
    yield [first, *others]
    context.close()


def shown(tab: Tab) -> list[str]:
    """Return what stands in the conversation: who speaks, and what."""
    texts = tab.conversation.get_by_role("article").filter(has=tab.page.get_by_role("heading")).all_inner_texts()
    return [" ".join(text.split()) for text in texts]


def all_the_same(tabs: list[Tab], *words: str) -> None:
    """Wait until each tab shows these words in this order, one an article, and nothing but the same as the others."""
    for tab in tabs:
        articles: Locator = tab.conversation.get_by_role("article").filter(has=tab.page.get_by_role("heading"))
        expect(articles).to_contain_text(list(words), timeout=20_000)
        expect(tab.reply).to_have_attribute("aria-busy", "false", timeout=20_000)
        expect(articles.last.get_by_role("button", name="Details")).to_be_visible()
    assert shown(tabs[0]) == shown(tabs[1]) == shown(tabs[2])


def edit(tab: Tab, words: str) -> None:
    tab.conversation.get_by_role("button", name="Edit").last.click()
    tab.page.get_by_role("textbox", name="Say it otherwise").fill(words)
    tab.page.keyboard.press("Control+Enter")


def test_three_tabs_stay_the_same_through_all_that_is_done(tabs: list[Tab]) -> None:
    first, second, phone = tabs
    edit(second, "the question otherwise")
    all_the_same(tabs, "the question otherwise", "the question otherwise")
    expect(phone.conversation.get_by_text("2/2").first).to_be_visible()

    phone.conversation.get_by_role("button", name="Earlier version").first.click()
    all_the_same(tabs, "the first question", "the first question")

    first.conversation.get_by_role("button", name="Another reply").click()
    all_the_same(tabs, "the first question", "2/2")

    phone.say(LONG)
    for tab in tabs:
        tab.await_writing()
    second.page.keyboard.press("Escape")
    all_the_same(tabs, "the first question", "the first question", LONG, "Stopped.")

    second.retry.click()
    all_the_same(tabs, "the first question", "the first question", LONG, "word149")

    second.page.reload()
    all_the_same(tabs, "the first question", "the first question", LONG, "word149")


def test_a_name_given_on_the_phone_and_a_deletion_reach_the_others(tabs: list[Tab]) -> None:
    first, second, phone = tabs
    phone.page.get_by_role("button", name="Show conversations").click()
    drawer = phone.page.get_by_role("dialog")
    drawer.get_by_role("link").hover()
    drawer.get_by_role("button", name="Rename “").click()
    drawer.get_by_role("textbox", name="New title").fill("Named on a phone")
    phone.page.keyboard.press("Enter")
    expect(drawer.get_by_role("link")).to_have_text("Named on a phone")
    phone.page.keyboard.press("Escape")
    for tab in tabs:
        expect(tab.page.get_by_role("heading", level=1)).to_have_text("Named on a phone")
    for tab in (first, second):
        expect(tab.sessions.get_by_role("link")).to_have_text("Named on a phone")

    first.sessions.get_by_role("link").hover()
    first.sessions.get_by_role("button", name="Delete “").click()
    expect(first.sessions.get_by_role("link")).to_have_count(0)
    for tab in (second, phone):
        expect(tab.page.get_by_text("This conversation was deleted.")).to_be_visible(timeout=20_000)
    expect(second.sessions.get_by_role("link")).to_have_count(0)
