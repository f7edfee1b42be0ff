"""Takes the pictures in docs/images: start, chat, phone and dark, of the real server with its own model."""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests_e2e.browser import chromium
from tests_e2e.served import ROOT, serve
from tests_e2e.tab import Tab

IMAGES = ROOT / "docs" / "images"
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}
SAID = (
    "What is the capital of France?",
    "Explain in two sentences why the sky is blue.",
    "Write a Python function that adds two numbers.",
)


def take(browser: Browser, url: str) -> None:
    """Talk once, and show that conversation wide, dark and on a phone."""
    person = browser.new_context(viewport=WIDE, color_scheme="light", device_scale_factor=2)  # type: ignore[arg-type]
    tab = Tab(person.new_page(), url).open()
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
        tab.page.screenshot(path=IMAGES / f"{name}.png")
    person.close()


def main() -> None:
    """Serve, look, and take the pictures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder), GPTJ_URL="embedded://") as server,
        chromium() as browser,
    ):
        take(browser, server.url)


if __name__ == "__main__":
    main()
