"""Each way in which a model's server fails, seen from a tab: its code, what is kept, and Retry once it is well."""

from collections.abc import AsyncIterator

import pytest
from django.conf import LazySettings

from chat.tests.conftest import Person
from gptj import generators
from gptj.backends.scripted import Scripted
from gptj.tests.fault_server import WELL, FaultServer
from gptj.tests.faults import HTTP, STREAM

FAULTS = HTTP | STREAM
CAP = 16_000  # UTF-16 code units of a reply: an answer without an end is whole there


@pytest.fixture
async def server(settings: LazySettings, serving: Scripted) -> AsyncIterator[FaultServer]:
    """A server behind the OpenAI API, waited for as long as a test can."""
    settings.GPTJ_CONNECT_TIMEOUT_S = settings.GPTJ_FIRST_TOKEN_TIMEOUT_S = settings.GPTJ_GAP_TIMEOUT_S = 0.4
    settings.GPTJ_TOTAL_TIMEOUT_S = 2.0
    settings.GPTJ_RETRY_AFTER_S = (0.0, 0.0)
    async with FaultServer() as running:
        settings.GPTJ_MODELS = {"default": {"URL": f"openai+{running.url}/v1?model=m-1", "API_KEY": ""}}
        yield running
        await generators.close()


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "never ends"])
async def test_what_was_said_and_written_is_kept_and_retry_answers_once_the_server_is_well(
    server: FaultServer, ada: Person, name: str
) -> None:
    fault = FAULTS[name]
    assert fault.raised is not None
    server.answer = fault.answer
    tab = await ada.open(await ada.begin())
    said = (await tab.send("Are you well?"))["message"]
    failed = await tab.until_status("failed")
    assert (failed["error"]["code"], failed["text"]) == (fault.raised.code, fault.text)
    assert "canary" not in failed["error"]["detail"]
    server.answer = WELL
    await tab.say("retry", message=failed["id"], attempt=failed["attempt"])
    again = await tab.until_status("complete")
    assert (again["id"], again["attempt"], again["text"]) == (failed["id"], failed["attempt"] + 1, "Hello")
    kept = (await ada.browser.get(f"/api/sessions/{tab.session}/messages")).json()["items"]
    assert [(message["id"], message["text"]) for message in kept] == [(said, "Are you well?"), (again["id"], "Hello")]


async def test_nobody_there_is_told_at_once_and_retry_answers_once_somebody_is(
    server: FaultServer, ada: Person
) -> None:
    tab = await ada.open(await ada.begin())
    await server.__aexit__(None, None, None)
    await tab.send("Are you there?")
    failed = await tab.until_status("failed")
    assert (failed["error"]["code"], failed["text"]) == ("upstream_unavailable", "")
    async with FaultServer(port=server.port):
        await tab.say("retry", message=failed["id"], attempt=failed["attempt"])
        assert (await tab.until_status("complete"))["text"] == "Hello"


async def test_an_answer_without_an_end_is_cut_and_the_server_let_go(server: FaultServer, ada: Person) -> None:
    server.answer = FAULTS["never ends"].answer
    tab = await ada.open(await ada.begin())
    await tab.send("Go on")
    reply = await tab.until_status("complete")
    assert (reply["finish"], len(reply["text"])) == ("cap", CAP)
    await server.ended.wait()
