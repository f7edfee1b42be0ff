"""What the tests share: models by URL, quick timeouts, and nothing left open."""

from collections.abc import AsyncIterator, Callable

import pytest
from pytest_django import Settings

from gptj import generators
from gptj.tests.fault_server import FaultServer

UseModels = Callable[..., None]


@pytest.fixture(autouse=True)
async def _nothing_left_open() -> AsyncIterator[None]:
    yield
    await generators.close()


@pytest.fixture
def use_models(settings: Settings) -> UseModels:
    """Return a function that configures models: `use_models(default="echo://")`."""

    def use(**urls: str) -> None:
        settings.GPTJ_MODELS = {alias: {"URL": url, "API_KEY": ""} for alias, url in urls.items()}

    return use


@pytest.fixture
def impatient(settings: Settings) -> None:
    """Wait for a server a tenth of what is usual in a test, and not at all between retries."""
    settings.GPTJ_CONNECT_TIMEOUT_S = 0.5
    settings.GPTJ_FIRST_TOKEN_TIMEOUT_S = 0.4
    settings.GPTJ_GAP_TIMEOUT_S = 0.4
    settings.GPTJ_TOTAL_TIMEOUT_S = 2.0
    settings.GPTJ_RETRY_AFTER_S = (0.0, 0.0)


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    """Give a server on loopback that answers as a test says."""
    async with FaultServer() as running:
        yield running
