"""A session of 10,000 messages costs no more per turn than one of 10: only what the model is shown is read."""

from statistics import median
from time import monotonic
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import history, threads
from chat.models import ChatSession, Message
from chat.tests.conftest import Person, Tab
from chat.tests.talking import Talk
from gptj.backends.scripted import Scripted

SHORT, LONG = 10, 10_000  # messages
SHOWN = 10  # of them the model saw at the last reply, in both
ROUNDS = 15
TRIES = 3  # other work on this machine only ever makes the two differ
TIMES_LONGER = 1.2


def grow(session: str, messages: int) -> None:
    """Fill a session; the last reply in it was shown SHOWN messages."""
    talk = Talk(UUID(session), ChatSession.objects.get(id=session).visitor_id)
    grown = talk.grow(messages)
    Message.objects.filter(id=grown[-1]).update(context_first=grown[-SHOWN])


async def send_ms(tab: Tab, model: Scripted, *, cold: bool) -> float:
    """Return the milliseconds from `send` until the model is asked."""
    if cold:
        await cache.aclear()
    calls = len(model.calls)
    began = monotonic()
    await tab.say("send", client_id=str(UUID(int=calls)), text="And?")
    await model.called(calls + 1)
    took_ms = 1000 * (monotonic() - began)
    await tab.until_status("complete")
    return took_ms


@pytest.mark.parametrize("cold", [False, True], ids=["cache warm", "cache cold"])
async def test_a_turn_of_a_long_session_takes_as_long_as_one_of_a_short(
    serving: Scripted, ada: Person, settings: LazySettings, cold: bool
) -> None:
    settings.LIMITS = {**settings.LIMITS, "sends_per_minute": 10_000, "frames_per_10s": 10_000}
    tabs: list[Tab] = []
    for messages in (SHORT, LONG):
        session = await ada.begin()
        await threads.write(grow, session, messages)
        tabs.append(await ada.open(session))
        await send_ms(tabs[-1], serving, cold=cold)
    ratio = 0.0
    for _ in range(TRIES):
        took = [[await send_ms(tab, serving, cold=cold) for tab in tabs] for _ in range(ROUNDS)]
        short, long = (median(each) for each in zip(*took, strict=True))
        ratio = long / short
        print(f"\nsend to model: {short:.1f} ms of {SHORT}, {long:.1f} ms of {LONG:,} ({ratio:.2f}x)")  # noqa: T201
        if ratio < TIMES_LONGER:
            break
    assert ratio < TIMES_LONGER
    assert len({len(call.turns) for call in serving.calls[-2:]}) == 1  # the two were shown as much


@pytest.mark.django_db(transaction=True)
def test_only_the_rows_of_the_window_are_read() -> None:
    talk = Talk.begin()
    grow(str(talk.session), 1_000)
    _said, reply = talk.say("And?").messages
    cache.clear()
    with CaptureQueriesContext(connection) as queries:
        task = history.task(reply.id, 1)
    assert task is not None
    assert len(task.said) == SHOWN + 1
    assert len(queries) <= 4
