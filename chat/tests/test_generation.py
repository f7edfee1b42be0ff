"""A reply's making, where the model that was asked for cannot be reached."""

from collections.abc import Callable

from django.conf import LazySettings

from chat.tests.conftest import Person
from gptj import generators
from gptj.backends.scripted import Scripted
from gptj.exceptions import BackendUnreachable, StreamIncomplete

SPARE = {name: {"URL": "scripted://", "API_KEY": ""} for name in ("default", "spare")}


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


async def test_without_a_fallback_the_reply_fails(serving: Scripted, ada: Person) -> None:
    serving.script(BackendUnreachable("Nobody there."))
    tab = await ada.open(await ada.begin())
    await tab.send("Anyone?")
    reply = await tab.until_status("failed")
    assert reply["error"] == {"code": "upstream_unavailable", "detail": "Nobody there."}
