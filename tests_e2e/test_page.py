"""The page as it is delivered: how much comes first, what it allows itself, and what it shows without a connection."""

import re
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from tests_e2e.served import Served
from tests_e2e.tab import Tab

SCRIPT_BYTES = 130_000  # gzipped, at most, until the page can be used
CODE_AND_FORMULA = "```py\nprint(1)\n```\n\n$$x^2$$"


def scripts(page: Page) -> list[Response]:
    """Collect the scripts that the page itself asks for from now on."""
    found: list[Response] = []

    def heard(response: Response) -> None:
        if response.request.resource_type == "script" and response.request.service_worker is None:
            found.append(response)

    page.on("response", heard)
    return found


def gzipped(found: list[Response]) -> int:
    """Return the bytes of these as they go over the line; each must be compressed."""
    total = 0
    for address in {response.url for response in found}:
        answer = requests.get(address, headers={"Accept-Encoding": "gzip"}, stream=True, timeout=20)
        body = answer.raw.read(decode_content=False)
        assert answer.headers.get("Content-Encoding") == "gzip" or len(body) < 1_000, address
        total += len(body)
    return total


def test_the_first_load_is_small_and_the_rest_comes_when_needed(page: Page, echo: Served) -> None:
    loaded = scripts(page)
    tab = Tab(page, echo.url).open()
    expect(tab.name).to_be_visible()
    start = gzipped(loaded)
    assert 0 < start < SCRIPT_BYTES, f"{start} bytes of script before the start can be used"
    tab.begin("plain words")
    tab.await_reply("plain words")
    expect(tab.written().first).to_be_visible()
    conversation = gzipped(loaded)
    assert start < conversation < SCRIPT_BYTES, f"{conversation} bytes of script to read a conversation"
    names = " ".join(response.url for response in loaded)
    assert not re.search("katex|highlight|Settings|Search|Shortcuts", names)
    tab.say(CODE_AND_FORMULA)
    tab.await_reply()
    expect(tab.reply.locator("math")).to_be_attached()
    expect(tab.reply.locator("[data-kind]").first).to_be_attached()
    assert {"katex", "highlight"} <= set(re.findall("katex|highlight", " ".join(each.url for each in loaded)))


def test_the_page_allows_itself_its_own_origin_and_nothing_inline(page: Page, echo: Served) -> None:
    answer = page.goto(echo.url)
    assert answer is not None
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[f"{kind}-src"] for kind in ("script", "style", "img", "connect", "font")} == {"'self'"}
    assert "unsafe" not in " ".join(policy.values())
    page.evaluate("() => { document.body.append(Object.assign(document.createElement('script'), {text: 'ran = 1'})); }")
    assert page.evaluate("() => typeof ran") == "undefined"


def with_shell(page: Page) -> None:
    """Wait until the browser keeps the page's shell."""
    page.evaluate("() => navigator.serviceWorker.ready.then(() => undefined)")
    page.reload()
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")


def test_without_a_connection_the_page_opens_and_says_so(person: BrowserContext, echo: Served) -> None:
    tab = Tab(person.new_page(), echo.url).begin("to be read later")
    tab.await_reply("to be read later")
    with_shell(tab.page)
    path = tab.page.url.removeprefix(echo.url)
    person.set_offline(True)
    for address in ("/", path):
        tab.open(address)
        expect(tab.page.get_by_role("alert")).to_contain_text("You are offline.")
    person.set_offline(False)
    tab.await_reply("to be read later")


def test_where_the_server_is_down_the_page_opens_and_says_so(person: BrowserContext, echo: Served) -> None:
    tab = Tab(person.new_page(), echo.url).open()
    with_shell(tab.page)
    person.route("**/api/**", lambda route: route.abort())
    tab.open()
    expect(tab.page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    person.unroute("**/api/**")
    tab.page.get_by_role("button", name="Try again").click()
    expect(tab.name).to_be_visible()


def test_a_page_that_breaks_says_so_and_is_whole_again_when_it_is_reloaded(browser: Browser, echo: Served) -> None:
    context = browser.new_context()
    tab = Tab(context.new_page(), echo.url).begin("before it broke")
    tab.await_reply("before it broke")
    tab.page.evaluate("() => { Number.prototype.toLocaleString = () => { throw new Error('broken'); }; }")
    tab.reply.get_by_role("button", name="Details").click()
    expect(tab.page.get_by_role("alert")).to_contain_text("Something on this page went wrong.")
    tab.page.get_by_role("button", name="Reload the page").click()
    tab.await_reply("before it broke")
    context.close()


def test_what_was_said_is_never_kept_with_the_shell(page: Page, echo: Served) -> None:
    tab = Tab(page, echo.url).begin("a secret to keep")
    tab.await_reply("a secret to keep")
    with_shell(page)
    tab.await_reply("a secret to keep")
    kept: dict[str, Any] = page.evaluate(
        """async () => {
            const kept = {};
            for (const name of await caches.keys()) {
                const cache = await caches.open(name);
                for (const request of await cache.keys()) {
                    kept[new URL(request.url).pathname] = await (await cache.match(request)).text();
                }
            }
            return kept;
        }"""
    )
    assert "/" in kept
    assert [path for path in kept if path != "/" and not path.startswith("/static/")] == []
    assert [path for path, text in kept.items() if "a secret to keep" in text] == []


def test_the_worker_is_the_build_s_own_and_always_asked_for_anew(echo: Served) -> None:
    answer = requests.get(f"{echo.url}/sw.js", timeout=20)
    assert answer.headers["Content-Type"] == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert re.search(r'const VERSION = "[0-9a-f]{12}";', answer.text)
    files = re.search(r"const FILES = \[(.*)\];", answer.text)
    assert files is not None
    paths = re.findall(r'"([^"]+)"', files.group(1))
    assert any("main" in path for path in paths)
    for path in paths:
        assert requests.head(f"{echo.url}{path}", timeout=20).status_code == 200, path


@pytest.mark.parametrize("path", ["icon-192.png", "icon-512.png", "manifest.webmanifest"])
def test_it_can_be_installed(echo: Served, path: str) -> None:
    assert requests.get(f"{echo.url}/static/{path}", timeout=20).status_code == 200
