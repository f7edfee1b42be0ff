"""Everything that the page can do, once, by keyboard alone; whatever has the focus shows it."""

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests_e2e.pictures import picture
from tests_e2e.served import Served
from tests_e2e.tab import Tab

LONG = " ".join(f"word{n}" for n in range(150))
REACH = 60  # presses of Tab at most to come to anything
FOCUS_SHOWS = """element => [element, element.parentElement, element.parentElement.parentElement].some(each => {
    const {outlineStyle, outlineWidth, boxShadow} = getComputedStyle(each);
    return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
})"""


def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press Tab until this has the focus, and see that this can be seen."""
    for _ in range(REACH):
        page.keyboard.press(key)
        if target.evaluate("element => element === document.activeElement"):
            assert target.evaluate(FOCUS_SHOWS), f"{target} has the focus, and nothing shows it"
            return
    pytest.fail(f"{target} is not reached by {REACH} presses of {key}")


def press(page: Page, target: Locator, key: str = "Tab") -> None:
    """Come to a button or link by Tab, and press it by Enter."""
    tab_to(page, target, key)
    page.keyboard.press("Enter")


BACK = "Shift+Tab"


@pytest.fixture
def tab(person: BrowserContext, echo: Served) -> Tab:
    """A conversation of one turn, begun by keyboard alone; the message field has the focus."""
    person.grant_permissions(["clipboard-read", "clipboard-write"])
    page = person.new_page()
    tab = Tab(page, echo.url).open()
    expect(tab.name).to_be_focused()
    page.keyboard.type("Ada")
    picture(page, "keyboard-start")
    page.keyboard.press("Enter")
    expect(tab.message).to_be_focused()
    page.keyboard.type("# Hello")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("```py")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("print(1)")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("```")
    page.keyboard.press("Enter")
    expect(tab.replies).to_have_count(1)
    tab.await_reply("print(1)")
    expect(tab.message).to_be_focused()
    return tab


def clipboard(page: Page) -> str:
    return str(page.evaluate("() => navigator.clipboard.readText()"))


def test_a_reply_is_stopped_and_made_again_and_what_was_said_is_brought_back(tab: Tab) -> None:
    page, keyboard = tab.page, tab.page.keyboard
    keyboard.insert_text(LONG)
    keyboard.press("Enter")
    expect(tab.replies).to_have_count(2)
    tab.await_writing()
    picture(page, "keyboard-writing")
    keyboard.press("Escape")
    tab.await_reply("Stopped.")
    press(page, tab.retry, BACK)
    tab.await_reply("word149")
    page.reload()
    tab.await_reply("word149")
    expect(tab.message).to_be_focused()
    keyboard.press("ArrowUp")
    expect(tab.message).to_have_value(LONG)
    keyboard.press("ArrowDown")
    expect(tab.message).to_have_value("")
    keyboard.type("half a thought")
    page.reload()
    expect(tab.message).to_have_value("half a thought")


def test_a_message_is_said_otherwise_and_a_reply_made_anew_and_rated_and_looked_into(tab: Tab) -> None:
    page, keyboard = tab.page, tab.page.keyboard
    conversation = tab.conversation
    press(page, conversation.get_by_role("button", name="Edit"), BACK)
    expect(page.get_by_role("textbox", name="Say it otherwise")).to_be_focused()
    keyboard.press("Control+A")
    keyboard.type("otherwise")
    picture(page, "keyboard-edit")
    keyboard.press("Control+Enter")
    tab.await_reply("otherwise")
    expect(conversation.get_by_text("2/2")).to_be_visible()
    tab_to(page, tab.message)
    press(page, conversation.get_by_role("button", name="Another reply"), BACK)
    expect(conversation.get_by_text("2/2")).to_have_count(2)
    tab.await_reply("otherwise")
    tab_to(page, tab.message)
    press(page, tab.reply.get_by_role("button", name="Earlier version"), BACK)
    expect(tab.reply.get_by_text("1/2")).to_be_visible()
    tab_to(page, tab.message)
    press(page, tab.reply.get_by_role("button", name="Details"), BACK)
    expect(tab.reply.get_by_text("Tokens written")).to_be_visible()
    press(page, tab.reply.get_by_role("button", name="Good reply"), BACK)
    expect(tab.reply.get_by_role("button", name="Good reply")).to_have_attribute("aria-pressed", "true")
    picture(page, "keyboard-details")
    press(page, tab.reply.get_by_role("button", name="Copy"), BACK)
    expect(tab.reply.get_by_role("button", name="Copied")).to_be_visible()
    assert clipboard(page) == "otherwise"


def test_code_is_copied_and_the_conversation_read_by_keys(tab: Tab) -> None:
    page = tab.page
    press(page, tab.reply.get_by_role("button", name="Copy code"), BACK)
    expect(tab.reply.get_by_role("button", name="Copied")).to_be_visible()
    assert clipboard(page) == "print(1)"
    tab_to(page, tab.conversation, BACK)
    page.keyboard.press("Home")
    page.keyboard.press("/")
    expect(tab.message).to_be_focused()


def test_settings_are_changed_and_the_conversation_taken_along(tab: Tab) -> None:
    page, keyboard = tab.page, tab.page.keyboard
    opener = page.get_by_role("button", name="Settings of this conversation")
    press(page, opener, BACK)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    tab_to(page, dialog.get_by_role("textbox", name="What the model is told beforehand"))
    keyboard.type("Answer in one sentence.")
    tab_to(page, dialog.get_by_role("spinbutton", name="Temperature"))
    keyboard.type("0.5")
    picture(page, "keyboard-settings")
    press(page, dialog.get_by_role("button", name="Save"))
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    keyboard.press("Enter")
    expect(dialog.get_by_role("textbox")).to_have_value("Answer in one sentence.")
    for kind, ending in (("Markdown", ".md"), ("JSON", ".json")):
        with page.expect_download() as taken:
            press(page, dialog.get_by_role("link", name=kind))
        assert taken.value.suggested_filename.endswith(ending)
    keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()


def test_a_key_pressed_while_a_panel_loads_for_the_first_time_is_the_panel_s(tab: Tab) -> None:
    page, keyboard = tab.page, tab.page.keyboard
    script = "**/assets/Settings-*.js"
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(script, hold)
    opener = page.get_by_role("button", name="Settings of this conversation")
    with page.expect_request(script):
        press(page, opener, BACK)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("status")).to_have_text("One moment…")
    keyboard.press("/")
    keyboard.press("?")
    keyboard.type("astray")
    expect(dialog).to_have_count(1)
    expect(tab.message).to_have_value("")
    keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    keyboard.press("Enter")
    expect(dialog).to_be_visible()
    for route in held:
        route.continue_()
    expect(dialog.get_by_role("combobox", name="Model")).to_be_visible()
    tab_to(page, dialog.get_by_role("spinbutton", name="Temperature"))


def test_what_is_typed_while_the_search_loads_for_the_first_time_is_looked_for(tab: Tab) -> None:
    page, keyboard = tab.page, tab.page.keyboard
    script = "**/assets/Search-*.js"
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(script, hold)
    with page.expect_request(script):
        keyboard.press("Control+K")
    keyboard.type("prix")
    keyboard.press("Enter")
    keyboard.press("Backspace")
    expect(page.get_by_role("searchbox")).to_have_value("pri")
    for route in held:
        route.continue_()
    hits = page.get_by_role("list", name="Messages found").get_by_role("button")
    expect(hits).to_have_count(2)
    expect(page.get_by_role("searchbox")).to_be_focused()
    keyboard.type("nt")
    expect(page.get_by_role("searchbox")).to_have_value("print")


def test_enter_in_the_search_does_not_press_what_had_the_focus_before(tab: Tab) -> None:
    page, keyboard = tab.page, tab.page.keyboard
    opener = page.get_by_role("button", name="Settings of this conversation")
    press(page, opener, BACK)
    keyboard.press("Escape")
    expect(opener).to_be_focused()
    keyboard.press("Control+K")
    expect(page.get_by_role("searchbox")).to_be_focused()
    keyboard.type("print(1)")
    expect(page.get_by_role("list", name="Messages found").get_by_role("button")).to_have_count(2)
    keyboard.press("Enter")  # opens the conversation of that title, which is open
    expect(opener).to_be_focused()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_what_was_said_is_searched_and_found_and_commands_are_given(tab: Tab) -> None:
    page, keyboard = tab.page, tab.page.keyboard
    keyboard.press("Control+K")
    expect(page.get_by_role("searchbox")).to_be_focused()
    keyboard.type("print")
    hits = page.get_by_role("list", name="Messages found").get_by_role("button")
    expect(hits).to_have_count(2)
    picture(page, "keyboard-search")
    keyboard.press("ArrowDown")
    tab_to(page, hits.last)
    keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("[data-row]:focus")).to_contain_text("print(1)")
    expect(page.get_by_role("button", name="To the end")).to_have_count(0)  # all of it is in view
    keyboard.press("Control+K")
    keyboard.type("dark")
    keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    keyboard.press("Control+K")
    keyboard.type("appearance system")
    keyboard.press("Enter")
    expect(page.locator("html")).not_to_have_attribute("data-theme", "dark")
    page.evaluate("() => document.activeElement.blur()")
    keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys").get_by_role("heading")).to_be_visible()
    picture(page, "keyboard-keys")
    keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_conversations_are_begun_renamed_deleted_brought_back_and_all_of_it_removed(tab: Tab) -> None:
    page, keyboard, sessions = tab.page, tab.page.keyboard, tab.sessions
    press(page, sessions.get_by_role("button", name="Rename “"), BACK)
    keyboard.type("By keyboard")
    picture(page, "keyboard-rename")
    keyboard.press("Enter")
    link = sessions.get_by_role("link", name="By keyboard")
    expect(link).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_text("By keyboard")
    keyboard.press("Control+Shift+O")
    expect(tab.message).to_be_focused()
    press(page, page.get_by_role("button", name="What is the capital of France?"))
    tab.await_reply("capital")
    press(page, link, BACK)
    tab.await_reply("print(1)")
    press(page, sessions.get_by_role("button", name="Delete “By keyboard”"), BACK)
    expect(link).to_have_count(0)
    press(page, page.get_by_role("button", name="Undo"))
    expect(link).to_be_visible()
    press(page, sessions.get_by_role("button", name="Ada · Your data"), BACK)
    dialog = page.get_by_role("dialog", name="Your data")
    press(page, dialog.get_by_role("button", name="Delete all my data"))
    picture(page, "keyboard-data")
    press(page, dialog.get_by_role("button", name="Delete everything"))
    expect(tab.name).to_be_focused()
    expect(page.get_by_text("Your conversations will stand here.")).to_be_visible()


def test_the_first_press_of_tab_on_a_conversation_leads_past_the_list(tab: Tab) -> None:
    page = tab.page
    page.reload()
    tab.await_reply("print(1)")
    page.get_by_role("heading", level=1).click()
    page.evaluate("() => document.activeElement?.blur()")
    press(page, page.get_by_role("link", name="Skip to the message field"))
    expect(tab.message).to_be_focused()
