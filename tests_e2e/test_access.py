"""For everyone: by keyboard alone, on a phone, in the dark, and by the rules that axe knows."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests_e2e.served import Served
from tests_e2e.tab import Tab

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
LONG = " ".join(f"word{n}" for n in range(150))
REACH = 40  # presses of Tab at most to come to anything
FOCUS_SHOWS = """element => [element, element.parentElement, element.parentElement.parentElement].some(each => {
    const {outlineStyle, outlineWidth, boxShadow} = getComputedStyle(each);
    return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
})"""


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until this has the focus, and see that this can be seen."""
    for _ in range(REACH):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            assert target.evaluate(FOCUS_SHOWS), f"{target} has the focus, and nothing shows it"
            return
    pytest.fail(f"{target} is not reached by {REACH} presses of Tab")


def violations(page: Page) -> list[Any]:
    """Return what axe finds wrong: a rule and where."""
    page.evaluate(AXE.read_text())
    found: list[Any] = page.evaluate(
        "() => axe.run().then(result => result.violations.map(({id, nodes}) => [id, nodes.map(node => node.html)]))"
    )
    return found


def test_everything_is_done_by_keyboard_alone(page: Page, echo: Served) -> None:
    tab, keyboard = Tab(page, echo.url).open(), page.keyboard
    expect(tab.name).to_be_focused()
    keyboard.type("Ada")
    tab_to(page, tab.message)
    keyboard.type(LONG)
    keyboard.press("Enter")
    tab.await_writing()
    expect(tab.message).to_be_focused()
    keyboard.press("Escape")
    tab.await_reply("Stopped.")
    page.keyboard.press("Shift+Tab")
    for _ in range(REACH):
        if tab.retry.evaluate("element => element === document.activeElement"):
            break
        keyboard.press("Shift+Tab")
    keyboard.press("Enter")
    tab.await_reply("word149")
    page.reload()
    expect(tab.message).to_be_focused()
    keyboard.type("first line")
    keyboard.press("Shift+Enter")
    keyboard.type("second line")
    keyboard.press("Enter")
    tab.await_reply("second line")
    rename = tab.sessions.get_by_role("button", name="Rename “")
    tab_to(page, rename)
    keyboard.press("Enter")
    keyboard.type("By keyboard")
    keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("By keyboard")
    tab_to(page, tab.sessions.get_by_role("button", name="New conversation"))
    keyboard.press("Enter")
    expect(tab.message).to_be_focused()
    tab_to(page, tab.sessions.get_by_role("link", name="By keyboard"))
    keyboard.press("Enter")
    tab.await_reply("second line")
    tab_to(page, tab.sessions.get_by_role("button", name="Delete “"))
    keyboard.press("Enter")
    expect(tab.sessions.get_by_role("link", name="By keyboard")).to_have_count(0)


def test_the_first_press_of_tab_on_a_conversation_leads_past_the_list(page: Page, echo: Served) -> None:
    tab = Tab(page, echo.url).begin("hello")
    tab.await_reply("hello")
    page.get_by_role("heading", level=1).click()
    page.evaluate("() => document.activeElement?.blur()")
    skip = page.get_by_role("link", name="Skip to the message field")
    tab_to(page, skip)
    page.keyboard.press("Enter")
    expect(tab.message).to_be_focused()


def test_a_phone_shows_all_of_it_without_scrolling_sideways(browser: Browser, echo: Served) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True)
    tab = Tab(context.new_page(), echo.url)
    tab.begin("x" * 300 + "\n\n```\n" + "y" * 300 + "\n```\n\n| a | b |\n|---|---|\n| " + "z" * 200 + " | 1 |")
    tab.await_reply()
    for step in ("conversation", "drawer", "start"):
        overflow = tab.page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"{step}: {overflow} px too wide"
        if step == "conversation":
            expect(tab.message).to_be_in_viewport()
            tab.page.get_by_role("button", name="Show conversations").tap()
            expect(tab.page.get_by_role("dialog", name="Conversations")).to_be_visible()
        elif step == "drawer":
            tab.page.get_by_role("dialog").get_by_role("button", name="New conversation").tap()
            expect(tab.page.get_by_role("dialog")).to_have_count(0)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_wrong(browser: Browser, echo: Served, scheme: Any, width: int) -> None:
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 740}, reduced_motion="reduce"
    )
    tab = Tab(context.new_page(), echo.url).open()
    expect(tab.name).to_be_visible()
    found = {"start": violations(tab.page)}
    tab.begin(f"# Head\n\n- one\n- two\n\n```py\nprint(1)\n```\n\n[link](https://example.org) {LONG}")
    tab.await_writing()
    found["writing"] = violations(tab.page)
    tab.stop.click()
    tab.await_reply("Stopped.")
    found["stopped"] = violations(tab.page)
    if width < 500:
        tab.page.get_by_role("button", name="Show conversations").click()
        found["drawer"] = violations(tab.page)
    tab.open("/c/1")
    expect(tab.page.get_by_text("This conversation does not exist, or it is not yours.")).to_be_visible()
    found["not there"] = violations(tab.page)
    context.close()
    assert {state: wrong for state, wrong in found.items() if wrong} == {}


def test_the_chosen_appearance_stays_after_a_reload(page: Page, echo: Served) -> None:
    tab = Tab(page, echo.url).open()
    background = "() => getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("radio", name="Dark", exact=True).check(force=True)
    dark = page.evaluate(background)
    assert dark != light
    page.reload()
    expect(tab.name).to_be_visible()
    assert page.evaluate(background) == dark
