"""Every state of the page by axe's rules, light and dark, wide and narrow; in German; from right to left."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests_e2e.pictures import picture
from tests_e2e.served import Served, serve
from tests_e2e.tab import Tab

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
LONG = " ".join(f"word{n}" for n in range(150))
TABLE = "| a | b |\n|---|---|\n| 1 | 2 |"
RICH = f"# Head\n\n- [x] one\n- two\n\n```py\nprint(1)\n```\n\n{TABLE}\n\n[x](https://example.org) {LONG}"
TOO_MUCH = "7 " * 1_990  # more tokens than the echo's window


@pytest.fixture(scope="module")
def passing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve conversations that are over after a second."""
    with serve(tmp_path_factory.mktemp("passing"), GPTJ_URL="echo://", SESSION_TTL_S="1") as started:
        yield started


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with a model that makes one reply at a time, writes forty words at once, and remembers few."""
    model = "echo://?concurrency=1&delay_s=0.08&max_new_tokens=40&context_window=250"
    with serve(tmp_path_factory.mktemp("narrow"), GPTJ_URL=model) as started:
        yield started


class Looked:
    """A page that is looked at again and again, and what was found wrong in which state."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: dict[str, Any] = {}

    def at(self, state: str) -> None:
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(
            "() => axe.run().then(result => result.violations.map(({id, nodes}) => [id, nodes.map(node => node.html)]))"
        )
        if found:
            self.wrong[state] = found


@pytest.fixture(params=["light 1280", "dark 1280", "light 360", "dark 360"])
def looked(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Looked]:
    scheme, width = request.param.split()
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": int(width), "height": 740}, reduced_motion="reduce"
    )
    looked = Looked(context.new_page())
    yield looked
    context.close()
    assert looked.wrong == {}


def is_narrow(page: Page) -> bool:
    return page.get_by_role("button", name="Show conversations").is_visible()


def test_a_conversation_looks_right_in_every_state(looked: Looked, echo: Served) -> None:
    page = looked.page
    tab = Tab(page, echo.url).open()
    expect(tab.name).to_be_visible()
    looked.at("newcomer")
    tab.message.fill("no name yet")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    looked.at("name wanted")
    tab.begin(RICH)
    tab.await_writing()
    looked.at("writing")
    page.keyboard.press("Escape")
    tab.await_reply("Stopped.")
    looked.at("stopped")
    tab.say(TOO_MUCH)
    tab.await_reply("This reply failed.")
    looked.at("failed")
    tab.conversation.get_by_role("button", name="Edit").last.click()
    looked.at("edit")
    page.get_by_role("textbox", name="Say it otherwise").fill("shorter")
    page.keyboard.press("Control+Enter")
    tab.await_reply("shorter")
    tab.reply.get_by_role("button", name="Details").click()
    tab.reply.get_by_role("button", name="Poor reply").click()
    looked.at("versions, details, thumbs")
    tab.message.fill("x" * 3_990)
    expect(page.get_by_text("10 characters left")).to_be_visible()
    looked.at("near the limit")
    tab.message.fill("x" * 4_001)
    looked.at("over the limit")
    tab.message.fill("")
    page.context.set_offline(True)
    page.evaluate("() => window.dispatchEvent(new Event('offline'))")
    tab.message.fill("to be sent later")
    page.keyboard.press("Enter")
    expect(page.get_by_text("You are offline.")).to_be_visible()
    looked.at("offline")
    page.context.set_offline(False)
    tab.await_reply("to be sent later")


def test_panels_and_the_list_look_right(looked: Looked, echo: Served) -> None:
    page = looked.page
    tab = Tab(page, echo.url).begin("words to be found")
    tab.await_reply("words to be found")
    page.get_by_role("button", name="Settings of this conversation").click()
    expect(page.get_by_role("heading", name="Settings of this conversation")).to_be_visible()
    looked.at("settings")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+K")
    expect(page.get_by_role("searchbox")).to_be_focused()
    looked.at("commands")
    page.get_by_role("searchbox").fill("words")
    expect(page.get_by_role("list", name="Messages found").get_by_role("button")).to_have_count(2)
    looked.at("search")
    page.get_by_role("searchbox").fill("")  # in a field for searching, the first Escape empties it
    page.keyboard.press("Escape")
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    looked.at("keys")
    page.keyboard.press("Escape")
    narrow = is_narrow(page)
    if narrow:
        page.get_by_role("button", name="Show conversations").click()
        looked.at("drawer")
    tab.sessions.get_by_role("link").hover()
    tab.sessions.get_by_role("button", name="Rename “").click()
    looked.at("rename")
    page.keyboard.press("Enter")
    tab.sessions.get_by_role("button", name="Your data").click()
    expect(page.get_by_role("heading", name="Your data")).to_be_visible()
    looked.at("data")
    page.get_by_role("button", name="Delete all my data").click()
    looked.at("data, sure")
    page.keyboard.press("Escape")
    if narrow:
        page.get_by_role("button", name="Show conversations").click()
    tab.sessions.get_by_role("link").hover()
    tab.sessions.get_by_role("button", name="Delete “").click()
    if narrow:
        page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    looked.at("undo, start of one who is known")


def test_waiting_for_the_model_and_its_limits_look_right(looked: Looked, narrow: Served) -> None:
    page = looked.page
    before = Tab(page.context.new_page(), narrow.url).begin("first")
    before.await_reply("first")
    tab = Tab(page, narrow.url).open()
    tab.message.fill("after the other " * 15)
    before.say("more words " * 30)
    before.await_writing()
    page.keyboard.press("Enter")
    expect(tab.reply).to_contain_text("Next in line")
    looked.at("queued")
    tab.await_reply("Cut off")
    looked.at("cut off")
    for n in range(3):
        tab.say(f"and on {n} " * 10)
        tab.await_reply()
    expect(page.get_by_text("The model no longer sees")).to_be_attached()
    looked.at("memory")


def test_several_models_in_trouble_look_right(looked: Looked, echo: Served) -> None:
    page = looked.page
    told: dict[str, Any] = {"state": "loading", "progress": 0.4}

    def tell(route: Route) -> None:
        me = route.fetch().json()
        first = {**me["models"][0], **told}
        route.fulfill(json={**me, "models": [first, {**first, "alias": "other", "label": "Other"}]})

    page.context.route("**/api/me", tell)
    tab = Tab(page, echo.url).open()
    expect(tab.page.get_by_text("is loading, 40 %")).to_be_visible()
    looked.at("models, loading")
    told.update({"state": "down", "progress": None, "detail": "Connection refused."})
    tab.open()
    expect(tab.page.get_by_text("cannot be reached at the moment: Connection refused.")).to_be_visible()
    looked.at("models, down")


def test_what_is_not_there_looks_right(looked: Looked, echo: Served, passing: Served) -> None:
    page = looked.page
    tab = Tab(page, echo.url).open("/c/1")
    expect(page.get_by_text("This conversation does not exist, or it is not yours.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    expect(page.get_by_text("Opening the conversation")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)  # it is told once
    expect(page.get_by_role("log")).to_have_count(0)
    expect(page.get_by_role("button", name="Begin a new one")).to_be_visible()
    looked.at("not there")
    page.context.route("**/api/me", lambda route: route.abort())
    tab.open()
    expect(page.get_by_role("alert")).to_be_visible()
    looked.at("no server")
    page.context.unroute("**/api/me")
    over = Tab(page, passing.url).begin("soon over")
    over.await_reply("soon over")
    expect(page.get_by_text("You can still read it.")).to_be_visible(timeout=10_000)
    expect(over.message).to_have_count(0)
    looked.at("over")
    picture(page, "over")
    page.get_by_role("button", name="Begin a new one").click()
    expect(over.message).to_be_focused()


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


def test_what_is_printed_is_dark_on_light_whatever_was_chosen(page: Page, echo: Served) -> None:
    tab = Tab(page, echo.url).begin("to be printed")
    tab.await_reply("to be printed")
    page.get_by_role("radio", name="Dark", exact=True).check(force=True)
    lightness = """() => getComputedStyle(document.documentElement).color.match(/\\d+/g).map(Number)"""
    assert min(page.evaluate(lightness)) > 200
    page.emulate_media(media="print")
    assert max(page.evaluate(lightness)) < 60
    expect(tab.message).not_to_be_visible()
    expect(tab.sessions).not_to_be_visible()


def test_in_german_nothing_is_said_in_english(browser: Browser, echo: Served) -> None:
    context = browser.new_context(locale="de-DE", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(echo.url)
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.get_by_role("textbox", name="Dein Name").fill("Ada")
    page.get_by_role("textbox", name="Nachricht", exact=True).fill("Hallo")
    page.keyboard.press("Enter")
    expect(page.get_by_role("log", name="Gespräch").get_by_role("article")).to_have_count(2)
    expect(page.get_by_role("button", name="Einzelheiten")).to_be_visible()
    picture(page, "german")
    words = page.evaluate(
        """() => [...document.querySelectorAll("[aria-label], [title], [placeholder]")].flatMap(element =>
            ["aria-label", "title", "placeholder"].map(name => element.getAttribute(name))
        ).concat(document.body.innerText).join("\\n")"""
    )
    english = re.findall(
        r"\b(?:the|you|your|and|conversation|message|settings|reply|search|delete|send)\b", words, re.IGNORECASE
    )
    assert english == []
    context.close()


def test_each_part_of_a_reply_is_read_from_its_own_side(page: Page, echo: Served) -> None:
    tab = Tab(page, echo.url).begin("שלום Ada.\n\n- אחת\n\nAnd in English.")
    tab.await_reply("And in English.")
    sides = tab.written().evaluate_all("all => all.map(each => getComputedStyle(each).direction)")
    assert sides == ["rtl", "ltr"]
    assert tab.reply.locator("ul").evaluate("list => getComputedStyle(list).direction") == "rtl"
    tab.message.fill("שלום")
    assert tab.message.evaluate("field => getComputedStyle(field).direction") == "rtl"


def test_from_right_to_left_everything_is_on_the_other_side(page: Page, echo: Served) -> None:
    tab = Tab(page, echo.url).begin("שלום\n\n- אחת\n- שתיים\n\n```py\nprint('left to right')\n```")
    tab.await_reply("print")
    page.evaluate("() => { document.documentElement.dir = 'rtl'; }")
    expect(tab.reply.locator("pre")).to_be_visible()
    picture(page, "right-to-left")
    width = page.evaluate("() => document.documentElement.clientWidth")
    side, log = tab.sessions.bounding_box(), tab.conversation.bounding_box()
    assert side is not None
    assert log is not None
    assert side["x"] > log["x"] + log["width"] - 1
    assert side["x"] + side["width"] == pytest.approx(width, abs=2)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert tab.reply.locator("pre").evaluate("code => getComputedStyle(code).direction") == "ltr"
