"""The page, the probes, and errors outside the API."""

import re
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import AsyncClient

from chat import threads, views
from chat.process import process
from chat.protocol import Code, Refused
from chat.tests.servers import Valkey
from gptj import Condition, State, generators
from gptj.backends.scripted import Scripted

WELL = {"database": "ok", "cache": "ok", "channel_layer": "ok", "model": "ok"}


async def readyz() -> tuple[int, dict[str, str]]:
    """Return what /readyz answers."""
    response = await AsyncClient().get("/readyz")
    assert ("Retry-After" in response) == (response.status_code == 503)
    report: dict[str, str] = response.json()
    return response.status_code, report


async def test_healthz_touches_nothing() -> None:
    """Without a database: pytest-django would refuse to touch it."""
    response = await AsyncClient().get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")


async def test_all_is_well(serving: Scripted) -> None:
    assert await readyz() == (200, WELL)


@pytest.mark.parametrize("condition", [Condition.LOADING, Condition.DEGRADED, Condition.DOWN])
async def test_a_model_that_cannot_answer_is_told_and_is_no_outage(serving: Scripted, condition: Condition) -> None:
    serving.load(condition)
    assert await readyz() == (200, {**WELL, "model": condition})


async def test_of_several_models_the_worst_is_told(serving: Scripted, settings: LazySettings) -> None:
    settings.GPTJ_MODELS = {alias: {"URL": "scripted://", "API_KEY": ""} for alias in ("default", "other")}
    generators["other"].become(State(condition=Condition.DOWN))
    assert await readyz() == (200, {**WELL, "model": "down"})
    await generators.close()


async def test_without_the_database_nothing_works(serving: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable() -> None:
        raise Refused(Code.UNAVAILABLE, "Gone.")

    monkeypatch.setattr(views, "_select_one", unavailable)
    assert await readyz() == (503, {**WELL, "database": "down"})


async def test_a_process_that_goes_down_takes_no_more(serving: Scripted) -> None:
    process.draining = True
    assert await readyz() == (503, WELL)
    process.draining = False


async def test_redis_that_is_gone_is_a_degraded_server_not_a_dead_one(serving: Scripted, valkey: Valkey) -> None:
    assert await readyz() == (200, WELL)
    valkey.stop()
    assert await readyz() == (200, {**WELL, "cache": "degraded", "channel_layer": "degraded"})
    valkey.start()
    assert await readyz() == (200, WELL)
    threads.close()


@pytest.mark.parametrize("path", ["/", f"/c/{uuid4()}", "/c/anything"])
async def test_the_page_sets_the_token_and_is_not_kept(path: str) -> None:
    response = await AsyncClient().get(path)
    assert response.status_code == 200
    assert response.cookies["csrftoken"].value
    assert "no-store" in response["Cache-Control"]
    assert response["X-Frame-Options"] == "DENY"
    assert re.search(rb"<title>[^<]+</title>", response.content)


async def test_no_path_shows_more_than_it_should(serving: Scripted) -> None:
    response = await AsyncClient().get("/nothing/here")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("languages", "said"), [("en", "There is nothing here"), ("de-AT,en;q=0.5", "Hier ist nichts"), ("", "nothing")]
)
async def test_who_comes_by_a_wrong_address_is_told_on_a_page(languages: str, said: str) -> None:
    wish = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": languages}
    browser = AsyncClient()
    browser.cookies["theme"] = "dark"
    answer = await browser.get("/nothing", headers=wish)
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")
    page = answer.content.decode()
    assert said in page
    assert 'data-theme="dark"' in page
    api = await browser.get("/api/nothing", headers=wish)
    assert (api.status_code, api.json()["code"]) == (404, "not_found")


async def test_a_theme_that_is_none_is_not_written_into_the_page() -> None:
    browser = AsyncClient()
    browser.cookies["theme"] = "x"
    page = (await browser.get("/nothing", headers={"Accept": "text/html"})).content.decode()
    assert "There is nothing here" in page
    assert "data-theme" not in page


async def test_a_host_that_is_not_ours_is_refused(serving: Scripted, settings: LazySettings) -> None:
    settings.ALLOWED_HOSTS = ["chat.example"]
    response = await AsyncClient().get("/api/me")
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


async def test_what_breaks_is_told_without_its_secret(serving: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("the secret")

    monkeypatch.setattr("chat.catalogue.models", broken)
    response = await AsyncClient(raise_request_exception=False).get("/api/me")
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert b"secret" not in response.content
