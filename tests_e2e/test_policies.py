"""No page asks for what its Content-Security-Policy forbids: a real browser says so of each, and of the admin's."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, expect

from tests_e2e import staff
from tests_e2e.served import Served
from tests_e2e.tab import Tab

NOTE = """addEventListener("securitypolicyviolation", event =>
    console.error(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile} ${event.sample}`))"""


@pytest.fixture
def complaints(person: BrowserContext) -> Iterator[list[str]]:
    """What the browser finds wrong on any page of this person; nothing, at the end of each test that ends well."""
    found: list[str] = []

    def said(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            found.append(f"{message.page.url if message.page else ''}: {message.text}")

    def failed(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a page that is left stops what it was fetching
            found.append(f"{request.url}: {request.failure}")

    person.add_init_script(NOTE)
    person.on("console", said)
    person.on("requestfailed", failed)
    yield found
    assert found == []


def settled(page: Page) -> None:
    """Wait until the page has all that it asks for; scroll, so that what comes late comes."""
    page.wait_for_load_state("networkidle")
    page.evaluate("() => scrollTo(0, document.body.scrollHeight)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_the_admin_asks_for_more(page: Page, staffed: Served, complaints: list[str], scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    Tab(page, staffed.url).begin("why so", name=f"Policy {scheme}").await_reply("why so")
    page.goto(f"{staffed.url}/admin/")
    settled(page)
    staff.log_in(page, staffed)
    settled(page)
    staff.open_session(page, staffed, f"Policy {scheme}")
    settled(page)
    staff.reveal(page)
    page.get_by_role("link", name="Why this?").click()
    settled(page)
    staff.replay(page, temperature="0.5")
    settled(page)
    for path in ("chat/message/", "chat/visitor/", "chat/reveal/", "auth/user/", "auth/user/add/", "password_change/"):
        answer = page.goto(f"{staffed.url}/admin/{path}")
        assert answer is not None
        assert answer.ok, path
        settled(page)


def test_the_api_s_description_asks_for_no_more(page: Page, staffed: Served, complaints: list[str]) -> None:
    page.goto(f"{staffed.url}/api/docs")
    expect(page.get_by_role("heading", name="Chatbot")).to_be_visible()
    page.get_by_role("button", name="GET /api/me", exact=False).first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.get_by_text("Response body").first).to_be_visible()
    settled(page)


def test_a_conversation_asks_for_no_more(page: Page, staffed: Served, complaints: list[str]) -> None:
    tab = Tab(page, staffed.url).begin("```py\nprint(1)\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |", name="Strict")
    tab.await_reply("print")
    expect(tab.reply.locator("pre")).to_be_visible()
    settled(page)


def test_a_forbidden_thing_would_be_seen(person: BrowserContext, page: Page, staffed: Served) -> None:
    person.add_init_script(NOTE)
    page.goto(f"{staffed.url}/admin/login/")
    with page.expect_console_message(lambda message: message.text.startswith("policy: script-src-elem inline")):
        page.evaluate("""() => {
            const script = document.createElement("script");
            script.textContent = "window.forbidden = true";
            document.body.append(script);
        }""")
    assert page.evaluate("() => window.forbidden") is None
