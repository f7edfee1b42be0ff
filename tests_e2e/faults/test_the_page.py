"""The page itself, in mid-reply: offline, its laptop shut, reloaded, and with a second tab at another process."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from chat.tests.servers import Valkey
from tests_e2e.faults.conftest import Cluster, cluster
from tests_e2e.faults.line import Line
from tests_e2e.tab import Tab

AWAY_S = int(os.environ.get("FAULT_AWAY_S", "5"))  # `make faults` has 30
REPLY_S = AWAY_S + 5
WORDS = [f"{number:03}" for number in range(1000)]  # each once, so that none is missed or told twice unseen
TEXT = " ".join(WORDS)
WELL_MS = 60_000


@pytest.fixture(scope="module")
def line() -> Iterator[Line]:
    """Where the first tab's process is reached."""
    with Line() as made:
        yield made


@pytest.fixture(scope="module")
def behind(line: Line, tmp_path_factory: pytest.TempPathFactory, redis_server: Valkey) -> Iterator[Cluster]:
    """Two processes, the first behind the line."""
    url = f"echo://?delay_s={REPLY_S / len(WORDS):.4f}&context_window=10000&max_new_tokens=2000"
    folder = tmp_path_factory.mktemp("behind")
    with cluster(folder, REDIS_URL=redis_server.url, GPTJ_URL=url, origins=[line.url]) as made:
        line.lead_to(made.urls[0])
        yield made


def check(tab: Tab, behind: Cluster) -> None:
    """Compare what a tab shows with what is stored."""
    expect(tab.reply).to_have_attribute("aria-busy", "false", timeout=WELL_MS)
    session = urlsplit(tab.page.url).path.rpartition("/")[2]
    answer = tab.page.context.request.get(f"{behind.urls[1]}/api/sessions/{session}/messages")
    said, reply = answer.json()["items"]
    assert said["text"] == reply["text"] == TEXT
    assert (reply["status"], reply["attempt"]) == ("complete", 1)
    expect(tab.written()).to_have_text([TEXT])
    expect(tab.replies).to_have_count(1)


def test_offline(page: Page, line: Line, behind: Cluster) -> None:
    tab = Tab(page, line.url).begin(TEXT)
    tab.await_writing()
    page.context.set_offline(True)
    line.cut()  # Chromium leaves open WebSockets alone
    page.wait_for_timeout(AWAY_S * 1000)
    page.context.set_offline(False)
    check(tab, behind)


def test_the_laptop_is_shut(page: Page, line: Line, behind: Cluster) -> None:
    """Nothing goes through and nobody is told; then it wakes up in another network."""
    tab = Tab(page, line.url).begin(TEXT)
    tab.await_writing()
    line.freeze()
    page.wait_for_timeout(AWAY_S * 1000)
    line.thaw()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    check(tab, behind)


def test_reloaded_and_a_second_tab_at_another_process(person: BrowserContext, line: Line, behind: Cluster) -> None:
    first = Tab(person.new_page(), line.url).begin(TEXT)
    first.await_writing()
    path = urlsplit(first.page.url).path
    second = Tab(person.new_page(), behind.urls[1]).open(path)
    second.await_writing()
    first.page.reload()
    first.await_writing()
    for tab in (first, second):
        check(tab, behind)
    assert first.deltas()
    assert second.deltas()
