"""Everything once on a phone of 360 by 640 pixels, by touch; nothing is wider than the screen."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests_e2e.pictures import picture
from tests_e2e.served import Served
from tests_e2e.tab import Tab

LONG = " ".join(f"word{n}" for n in range(150))
WIDE = "x" * 300 + "\n\n```\n" + "y" * 300 + "\n```\n\n| a | b |\n|---|---|\n| " + "z" * 200 + " | 1 |\n\n$$x^2 + y^2$$"
FINGER_PX = 24  # WCAG 2.2, 2.5.8


@pytest.fixture
def tab(browser: Browser, echo: Served) -> Iterator[Tab]:
    context = browser.new_context(
        viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    tab = Tab(context.new_page(), echo.url)
    yield tab
    context.close()


def fits(tab: Tab, name: str) -> None:
    """See that nothing is wider than the screen and everything large enough for a finger; take a picture."""
    page = tab.page
    picture(page, f"phone-{name}")
    sideways = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert sideways <= 0, f"{name}: {sideways} px too wide"
    small = page.evaluate(
        """least => [...document.querySelectorAll("button, a[href], input, select, textarea")].filter(element => {
            const {width, height} = element.getBoundingClientRect();
            const inside = element.matches("p a, label input, [disabled]");
            return element.checkVisibility({opacityProperty: true}) && !inside && width > 1
                && (width < least || height < least);
        }).map(element => element.outerHTML)""",
        FINGER_PX,
    )
    assert small == [], name


def test_one_talks_on_a_phone(tab: Tab) -> None:
    tab.open()
    expect(tab.name).to_be_visible()
    fits(tab, "start")
    tab.begin(WIDE)
    tab.await_reply()
    expect(tab.message).to_be_in_viewport()
    expect(tab.reply.locator("math")).to_be_attached()
    expect(tab.reply.get_by_role("button", name="Details")).to_be_in_viewport()  # it stayed at the end
    fits(tab, "wide-content")

    tab.say(LONG)
    tab.await_writing()
    fits(tab, "writing")
    tab.stop.tap()
    tab.await_reply("Stopped.")
    tab.retry.tap()
    tab.await_reply("word149")


TABLE = """| Name | Price | Note |
|:-----|------:|:-----|
| Banana with a long name | 0.50 | ripe and yellow and altogether a note that wraps |"""


def test_a_word_in_a_table_is_not_broken_and_a_task_hangs_from_its_box(tab: Tab) -> None:
    tab.begin(f"{TABLE}\n\n- plain\n\n1. Then\n\n- [ ] a task of so many words that they wrap on a small screen")
    tab.await_reply("so many words")
    price = tab.reply.get_by_role("columnheader", name="Price")
    line_px = price.evaluate("cell => parseFloat(getComputedStyle(cell).lineHeight)")
    words_px = price.evaluate(
        "cell => { const range = document.createRange(); range.selectNodeContents(cell);"
        " return range.getBoundingClientRect().height; }"
    )
    assert words_px < 1.5 * line_px
    box, item = tab.reply.get_by_role("checkbox").bounding_box(), tab.reply.locator("li:has(input)").bounding_box()
    assert box is not None
    assert item is not None
    assert box["x"] + box["width"] <= item["x"]
    fits(tab, "table")


def test_what_is_said_otherwise_can_be_sent_where_one_has_scrolled_up(tab: Tab) -> None:
    page = tab.page
    tab.begin(LONG)
    tab.await_reply("word149")
    tab.conversation.evaluate("log => log.scrollTo(0, 0)")
    end = page.get_by_role("button", name="To the end")
    expect(end).to_be_visible()
    tab.conversation.get_by_role("button", name="Edit").first.tap()
    expect(page.get_by_role("textbox", name="Say it otherwise")).to_be_focused()
    expect(end).not_to_be_visible()
    page.get_by_role("button", name="Cancel").tap()
    expect(page.get_by_role("textbox", name="Say it otherwise")).to_have_count(0)


def test_one_says_it_otherwise_rates_and_sets_on_a_phone(tab: Tab) -> None:
    page = tab.page
    tab.begin("first said so")
    tab.await_reply("first said so")
    tab.conversation.get_by_role("button", name="Edit").last.tap()
    fits(tab, "edit")
    page.get_by_role("textbox", name="Say it otherwise").fill("otherwise")
    page.get_by_role("button", name="Send").first.tap()
    tab.await_reply("otherwise")
    tab.reply.get_by_role("button", name="Another reply").tap()
    expect(tab.reply.get_by_text("2/2")).to_be_visible()
    tab.await_reply("otherwise")
    tab.reply.get_by_role("button", name="Earlier version").tap()
    expect(tab.reply.get_by_text("1/2")).to_be_visible()
    tab.reply.get_by_role("button", name="Good reply").tap()
    tab.reply.get_by_role("button", name="Details").tap()
    fits(tab, "details")

    page.get_by_role("button", name="Settings of this conversation").tap()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("Answer in one sentence.")
    fits(tab, "settings")
    dialog.get_by_role("button", name="Save").tap()
    expect(dialog).to_have_count(0)


def test_one_keeps_one_s_conversations_on_a_phone(tab: Tab) -> None:
    page = tab.page
    dialog = page.get_by_role("dialog")
    tab.begin(LONG)
    tab.await_reply("word149")
    page.get_by_role("button", name="Show conversations").tap()
    expect(dialog).to_be_visible()
    fits(tab, "list")
    dialog.get_by_role("button", name="Rename “").tap()
    dialog.get_by_role("textbox", name="New title").fill("From a phone")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("link")).to_have_text("From a phone")
    dialog.get_by_role("button", name="Search").tap()
    page.get_by_role("searchbox").fill("word20")
    expect(page.get_by_role("list", name="Messages found").get_by_role("button").first).to_be_visible()
    fits(tab, "search")
    page.get_by_role("list", name="Messages found").get_by_role("button").first.tap()
    expect(dialog).to_have_count(0)
    expect(page.locator("[data-row]:focus")).to_contain_text("word149")
    page.get_by_role("button", name="To the end").tap()

    page.get_by_role("button", name="Show conversations").tap()
    dialog.get_by_role("button", name="New conversation").tap()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ada")
    page.get_by_role("button", name="What is the capital of France?").tap()
    tab.await_reply("capital")
    page.get_by_role("button", name="Show conversations").tap()
    dialog.get_by_role("button", name="Delete “").tap()
    page.keyboard.press("Escape")
    fits(tab, "undo")
    page.get_by_role("button", name="Undo").tap()
    page.get_by_role("button", name="Show conversations").tap()
    expect(dialog.get_by_role("link")).to_have_count(2)
    dialog.get_by_role("link", name="From a phone").tap()
    tab.await_reply()
    expect(page.get_by_role("heading", level=1)).to_have_text("From a phone")
