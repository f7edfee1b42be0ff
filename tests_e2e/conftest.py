"""What the browser tests share: servers, a browser, tabs in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests_e2e import staff
from tests_e2e.browser import chromium
from tests_e2e.served import Served, serve

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with the model that comes along: slow enough to be seen, and clever enough for capitals."""
    with serve(tmp_path_factory.mktemp("embedded"), GPTJ_URL="embedded://") as server:
        yield server


@pytest.fixture(scope="session")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with a model that says what it is told, a word every 30 ms."""
    with serve(tmp_path_factory.mktemp("echo"), GPTJ_URL="echo://?delay_s=0.03") as server:
        yield server


@pytest.fixture(scope="session")
def staffed(echo: Served) -> Served:
    """The same, with a staff user."""
    staff.make(echo)
    return echo


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def person(browser: Browser) -> Iterator[BrowserContext]:
    """One person's browser: tabs of it share their cookies. No page of it may raise an error that nobody caught."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.grant_permissions([])
    yield context
    context.close()
    assert errors == []


@pytest.fixture
def page(person: BrowserContext) -> Page:
    return person.new_page()
