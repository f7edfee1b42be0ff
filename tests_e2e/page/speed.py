"""2,000 messages with code, 10,000 conversations: opening, scrolling, 100 tokens a second, typing meanwhile."""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests_e2e.page.figures import keep, p95
from tests_e2e.page.filled import fill
from tests_e2e.page.trace import traced
from tests_e2e.served import Served, serve
from tests_e2e.tab import Tab

MESSAGES, SESSIONS = 2_000, 10_000
TASK_MS = 50  # at most: longer ones are felt
STREAM_PER_S = 100  # tokens at least, as they come to the page; the echo's are words
# Opened: when the last message stands there with its code. Keys: from the key to the next paint, as the browser
# measures it, in steps of 8 ms and none below 16. Deltas: when each came to the page, and of how many words.
WATCH = """
    const look = () => {
        const last = [...document.querySelectorAll("[data-row]")].at(-1);
        if (last?.querySelector("pre")) window.opened = performance.now();
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    window.keys = [];
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) if (entry.name === "keydown") window.keys.push(entry.duration);
    }).observe({type: "event", durationThreshold: 16});
    window.deltas = [];
    const Wire = window.WebSocket;
    window.WebSocket = class extends Wire {
        constructor(...to) {
            super(...to);
            this.addEventListener("message", ({data}) => {
                const {type, text} = JSON.parse(data);
                if (type === "delta") window.deltas.push([performance.now(), text.match(/\\S+/g)?.length ?? 0]);
            });
        }
    };
"""
LEAP = """for_ms => new Promise(done => {
    const log = document.querySelector("[role=log]"), begun = performance.now();
    const leap = now => {
        const far = log.scrollHeight - log.clientHeight;
        log.scrollTop = far * (0.5 + 0.45 * Math.sin((now - begun) / 700));
        if (now - begun < for_ms) requestAnimationFrame(leap); else done();
    };
    requestAnimationFrame(leap);
})"""
CODE = "\n".join(f"total_{n} = total_{n - 1} + {n} # and on" for n in range(110))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with a model that writes 125 tokens a second."""
    model = "echo://?delay_s=0.008&max_new_tokens=2000&context_window=100000"
    with serve(tmp_path_factory.mktemp("speed"), GPTJ_URL=model) as started:
        yield started


@pytest.fixture(scope="module")
def person(browser: Browser, server: Served) -> Iterator[BrowserContext]:
    """Somebody who has talked for a long time."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    tab = Tab(context.new_page(), server.url).begin("the first of many")
    tab.await_reply("the first of many")
    visitor = tab.page.evaluate("() => fetch('/api/me').then(answer => answer.json())")["visitor"]["id"]
    fill(server, visitor, sessions=SESSIONS, messages=MESSAGES)
    tab.page.close()
    yield context
    context.close()


@pytest.fixture
def page(person: BrowserContext) -> Iterator[Page]:
    page = person.new_page()
    page.add_init_script(WATCH)
    yield page
    page.close()


@pytest.fixture
def long(page: Page, server: Served) -> Tab:
    """The long conversation, opened."""
    tab = Tab(page, server.url).open()
    tab.sessions.get_by_role("link", name="A long one").click()
    expect(tab.conversation.locator("pre").last).to_be_visible()
    return tab


def during(for_s: float, act: Callable[[], Any]) -> None:
    until = time.monotonic() + for_s
    while time.monotonic() < until:
        act()


def test_it_opens_within_a_second(long: Tab) -> None:
    taken = []
    for _ in range(5):
        long.page.reload()
        long.page.wait_for_function("() => window.opened")
        taken.append(long.page.evaluate("() => window.opened"))
    keep("open", median_ms=statistics.median(taken), longest_ms=max(taken))
    assert statistics.median(taken) < 1000


def test_scrolling_up_through_all_of_it_holds_nothing_up(browser: Browser, long: Tab) -> None:
    long.page.mouse.move(760, 400)

    def up() -> None:
        long.page.mouse.wheel(0, -1500)
        long.page.wait_for_timeout(16)

    with traced(browser, long.page) as tasks:
        during(15, up)
    held = long.conversation.evaluate("log => log.scrollHeight")
    keep("scroll by wheel", seconds=15, scrolled_px=held, **tasks.worst())
    assert held > 50_000
    assert max(tasks.processor_ms) < TASK_MS
    with traced(browser, long.page) as tasks:
        long.page.evaluate(LEAP, 6_000)
    keep("scroll by leaps", seconds=6, **tasks.worst())
    assert max(tasks.processor_ms) < TASK_MS


def test_a_stream_into_it_holds_up_neither_scrolling_nor_typing(browser: Browser, long: Tab) -> None:
    page = long.page
    for _ in range(20):
        page.mouse.move(760, 400)
        page.mouse.wheel(0, -3000)
    page.get_by_role("button", name="To the end").click()
    long.message.fill(f"```python\n{CODE}\n```"[:3_990])
    page.keyboard.press("Enter")
    expect(long.reply.locator("pre")).to_contain_text("total_1", timeout=20_000)
    page.evaluate("() => { window.keys = []; window.deltas = []; }")
    pressed = 0
    with traced(browser, page) as tasks:
        while pressed < 90 and long.stop.is_visible():
            page.keyboard.press("abcdefghijklm "[pressed % 14])
            pressed += 1
            page.mouse.wheel(0, -400 if pressed % 30 < 15 else 400)
            page.wait_for_timeout(30)
    measured, deltas = page.evaluate("() => [window.keys, window.deltas]")
    long.await_reply()
    assert len(measured) > pressed / 4, "the browser measured too few keys"
    taken = [*measured, *[16] * (pressed - len(measured))]
    (began, _), *rest = deltas
    rate = sum(words for _, words in rest) / (rest[-1][0] - began) * 1000
    keep("stream", tokens_per_s=rate, **tasks.worst())
    keep("typing during the stream", keys=pressed, median_ms=statistics.median(taken), p95_ms=p95(taken))
    assert pressed >= 40
    assert rate >= STREAM_PER_S
    assert max(tasks.processor_ms) < TASK_MS
    assert p95(taken) < 50


def test_ten_thousand_conversations_are_listed_and_scrolled(browser: Browser, page: Page, server: Served) -> None:
    tab = Tab(page, server.url).open()
    expect(tab.sessions.get_by_role("link").first).to_be_visible()
    box = tab.sessions.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 400)

    def down() -> None:
        page.mouse.wheel(0, 2000)
        page.wait_for_timeout(16)

    with traced(browser, page) as tasks:
        during(10, down)
    last = tab.sessions.get_by_role("link").last.inner_text()
    reached = int(last.removeprefix("Conversation "))
    drawn = tab.sessions.get_by_role("link").count()
    keep("list of 10,000", seconds=10, reached=reached, drawn=drawn, **tasks.worst())
    assert reached > 500
    assert drawn < 100
    assert max(tasks.processor_ms) < TASK_MS


def test_all_ten_thousand_held_at_once_hold_nothing_up(browser: Browser, page: Page, server: Served) -> None:
    """Whoever scrolled through all of them goes on as before: a message moves one of them up."""
    tab = Tab(page, server.url).open()
    expect(tab.sessions.get_by_role("link").first).to_be_visible()
    page.evaluate(
        """async () => {
            const list = document.querySelector("nav ul").parentElement;
            const until = performance.now() + 90000;
            while (performance.now() < until && document.querySelector("nav ul ~ div button")) {
                list.scrollTop = list.scrollHeight;
                await new Promise(done => setTimeout(done, 16));
            }
        }"""
    )
    expect(tab.sessions.get_by_role("link").last).to_have_text(f"Conversation {SESSIONS}")
    with traced(browser, page) as tasks:
        tab.message.fill("one more")
        page.keyboard.press("Enter")
        tab.await_reply("one more")
    keep("a conversation begun beside 10,000", **tasks.worst())
    assert max(tasks.processor_ms) < TASK_MS
