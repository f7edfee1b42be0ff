"""A reply's making, where the model that was asked for cannot be reached."""

from collections.abc import AsyncIterator, Callable

import pytest
from django.conf import LazySettings

from chat.tests.conftest import Person
from gptj import Condition, generators
from gptj.backends.scripted import Scripted
from gptj.exceptions import BackendUnreachable, StreamIncomplete
from gptj.tests.fault_server import FaultServer, is_json

SPARE = {name: {"URL": "scripted://", "API_KEY": ""} for name in ("default", "spare")}


@pytest.fixture
async def refusing() -> AsyncIterator[FaultServer]:
    """A server that is there, and cannot serve."""
    async with FaultServer(answer=is_json(503, {})) as server:
        yield server
        await generators.close()


async def test_the_fallback_answers_and_the_reply_says_so(
    settings: LazySettings, serving: Scripted, people: Callable[[], Person]
) -> None:
    settings.GPTJ_MODELS, settings.GPTJ_FALLBACK = SPARE, "spare"
    asked, spare = generators["default"], generators["spare"]
    assert isinstance(asked, Scripted)
    assert isinstance(spare, Scripted)
    asked.script(BackendUnreachable("Nobody there."))
    spare.script("I am here.")
    ada = people()
    tab = await ada.open(await ada.begin())
    await tab.send("Anyone?")
    reply = await tab.until_status("complete")
    assert (reply["text"], reply["model"]) == ("I am here.", "spare")
    assert [turn.text for turn in spare.calls[0].turns] == ["Anyone?"]


async def test_the_fallback_does_not_go_on_with_what_another_model_began(
    settings: LazySettings, serving: Scripted, people: Callable[[], Person]
) -> None:
    settings.GPTJ_MODELS, settings.GPTJ_FALLBACK = SPARE, "spare"
    asked = generators["default"]
    assert isinstance(asked, Scripted)
    asked.script("Half", StreamIncomplete("It broke off."))
    ada = people()
    tab = await ada.open(await ada.begin())
    await tab.send("Go")
    reply = await tab.until_status("failed")
    assert (reply["text"], reply["model"]) == ("Half", "default")


async def test_a_model_that_is_down_is_not_even_asked_and_answers_again_when_it_has_recovered(
    settings: LazySettings, serving: Scripted, people: Callable[[], Person]
) -> None:
    settings.GPTJ_MODELS, settings.GPTJ_FALLBACK = SPARE, "spare"
    asked = generators["default"]
    assert isinstance(asked, Scripted)
    asked.load(Condition.DOWN)
    ada = people()
    tab = await ada.open(await ada.begin())
    await tab.send("Anyone?")
    assert (await tab.until_status("complete"))["model"] == "spare"
    assert asked.calls == []
    asked.load(Condition.OK)
    await tab.send("And now?")
    assert (await tab.until_status("complete"))["model"] == "default"


async def test_where_the_fallback_fails_too_the_model_that_was_down_is_asked_after_all(
    settings: LazySettings, serving: Scripted, people: Callable[[], Person]
) -> None:
    settings.GPTJ_MODELS, settings.GPTJ_FALLBACK = SPARE, "spare"
    asked, spare = generators["default"], generators["spare"]
    assert isinstance(asked, Scripted)
    assert isinstance(spare, Scripted)
    asked.load(Condition.DOWN)
    spare.script(BackendUnreachable("Nobody there either."))
    ada = people()
    tab = await ada.open(await ada.begin())
    await tab.send("Anyone?")
    assert (await tab.until_status("complete"))["model"] == "default"


async def test_a_server_that_is_down_costs_one_reply_its_tries_and_the_next_nothing(
    settings: LazySettings, serving: Scripted, people: Callable[[], Person], refusing: FaultServer
) -> None:
    settings.GPTJ_MODELS = {
        "default": {"URL": f"openai+{refusing.url}/v1", "API_KEY": ""},
        "spare": SPARE["spare"],
    }
    settings.GPTJ_FALLBACK, settings.GPTJ_RETRY_AFTER_S = "spare", (0.0, 0.0)
    ada = people()
    tab = await ada.open(await ada.begin())
    for _ in range(3):
        await tab.send("Anyone?")
        assert (await tab.until_status("complete"))["model"] == "spare"
    assert len(refusing.posted) == 3  # all of them for the first reply


async def test_without_a_fallback_the_reply_fails(serving: Scripted, ada: Person) -> None:
    serving.script(BackendUnreachable("Nobody there."))
    tab = await ada.open(await ada.begin())
    await tab.send("Anyone?")
    reply = await tab.until_status("failed")
    assert reply["error"] == {"code": "upstream_unavailable", "detail": "Nobody there."}
