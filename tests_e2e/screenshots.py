"""Takes the pictures in docs/images: the page, the memory of a model, the admin; of a server with its own model."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests_e2e import staff
from tests_e2e.browser import chromium
from tests_e2e.served import ROOT, Served, serve
from tests_e2e.tab import Tab

IMAGES = ROOT / "docs" / "images"
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}
SAID = (
    "What is the capital of France?",
    "Explain in two sentences why the sky is blue.",
    "Write a Python function that adds two numbers.",
)
GPTJ_URL = "embedded://"
SMALL_WINDOW = f"{GPTJ_URL}?context_window=256&max_new_tokens=64"
QUESTIONS = (
    "What do cats like to eat?",
    "Why do they purr?",
    "How long do they sleep each day?",
    "Can they see at night?",
    "What is the largest cat?",
    "Where does it live?",
)


def take(browser: Browser, server: Served) -> None:
    """Talk once, and show that conversation wide, dark and on a phone."""
    person = browser.new_context(viewport=WIDE, color_scheme="light", device_scale_factor=2)  # type: ignore[arg-type]
    tab = Tab(person.new_page(), server.url).open()
    expect(tab.name).to_be_visible()
    tab.page.screenshot(path=IMAGES / "start.png")
    tab.begin(SAID[0]).await_reply()
    for text in SAID[1:]:
        tab.say(text)
        tab.await_reply()
    for name, size, scheme in (("chat", WIDE, "light"), ("dark", WIDE, "dark"), ("phone", PHONE, "light")):
        tab.page.set_viewport_size(size)  # type: ignore[arg-type]
        tab.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        tab.page.reload()
        tab.await_reply()
        expect(tab.written().first).to_be_visible()  # as Markdown, which is loaded when it is first needed
        if tab.reply.locator("pre").count():
            expect(tab.reply.locator("pre [data-kind]").first).to_be_visible()  # and the code's colours after it
        tab.page.screenshot(path=IMAGES / f"{name}.png")
    person.close()


def take_memory(browser: Browser, server: Served) -> None:
    """Talk with a model of a small window until it no longer sees the beginning, and show the line that says so."""
    person = browser.new_context(viewport=WIDE, color_scheme="light", device_scale_factor=2)  # type: ignore[arg-type]
    tab = Tab(person.new_page(), server.url).begin("My cat is called Luna. Please say hello to her.")
    tab.await_reply()
    line = tab.conversation.get_by_text("The model no longer sees what stands above")
    for text in QUESTIONS:
        tab.say(text)
        tab.await_reply()
        if line.is_visible():
            break
    line.evaluate("line => line.scrollIntoView({block: 'center'})")
    expect(line).to_be_in_viewport()
    tab.page.screenshot(path=IMAGES / "memory.png")
    person.close()


def take_admin(browser: Browser, server: Served) -> None:
    """Look around as staff: the dashboard, a session, why a reply is as it is, and what a replay makes of it."""
    staff.make(server)
    keeper = browser.new_context(viewport=WIDE, color_scheme="light", device_scale_factor=2)  # type: ignore[arg-type]
    page = keeper.new_page()
    staff.log_in(page, server)
    picture(page, "admin-dashboard", "", "-dark")
    staff.open_session(page, server, "Ada")
    staff.reveal(page)
    picture(page, "admin-session", "", "-phone")
    page.get_by_role("link", name="Why this?").nth(1).click()
    picture(page, "admin-reply", "")
    staff.replay(page, temperature="1.2", seed="7")
    picture(page, "admin-replay", "", "-dark", "-phone")
    keeper.close()


LOOKS = {"": (WIDE, "light"), "-dark": (WIDE, "dark"), "-phone": (PHONE, "light")}


def picture(page: Page, name: str, *endings: str) -> None:
    """Take a page of the admin in some of its looks: wide, dark, on a phone."""
    for ending in (*endings, ""):
        size, scheme = LOOKS[ending]
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.reload()
        expect(page.locator(".chat-page")).to_be_visible()
        page.screenshot(path=IMAGES / f"{name}{ending}.png")


def main() -> None:
    """Serve each model, look, and take its pictures; those of the URL that is named, else all."""
    for url, takings in PICTURES.items():
        if sys.argv[1:] and url not in sys.argv[1:]:
            continue
        with (
            tempfile.TemporaryDirectory() as folder,
            serve(Path(folder), GPTJ_URL=url) as server,
            chromium() as browser,
        ):
            for taking in takings:
                taking(browser, server)


PICTURES = {GPTJ_URL: (take, take_admin), SMALL_WINDOW: (take_memory,)}

if __name__ == "__main__":
    main()
