"""Replies are read the less often, the more there are."""

import asyncio
from contextlib import ExitStack

from gptj.backends.pace import EACH_S, PAUSE_S, TOGETHER, Pace, pace

EXACT_S = 0.005  # how exact the event loop's timers are on a busy machine


async def paused(rate: Pace) -> float:
    """Return how long a pause takes, in seconds."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await rate.pause()
    return loop.time() - began


async def test_a_reply_alone_is_read_20_times_a_second() -> None:
    rate = Pace()
    with rate.reader():
        assert await paused(rate) <= PAUSE_S + EXACT_S  # from now until a tick
        pauses = [await paused(rate) for _ in range(5)]
    assert sum(pauses) >= 4 * PAUSE_S - EXACT_S
    assert min(pauses) <= PAUSE_S + EXACT_S


async def test_the_pauses_are_the_longer_the_more_replies_are_read() -> None:
    rate, many = Pace(), 200
    with ExitStack() as readers:
        for _ in range(many):
            readers.enter_context(rate.reader())
        await paused(rate)
        assert await paused(rate) + await paused(rate) >= many * EACH_S - EXACT_S
    with rate.reader():
        pauses = [await paused(rate) for _ in range(5)]
    assert min(pauses) < many * EACH_S - EXACT_S  # those who have gone count no more


async def test_few_are_all_woken_together() -> None:
    rate = Pace()
    async with asyncio.TaskGroup() as readers:
        for _ in range(TOGETHER):
            readers.create_task(rate.pause())
        await asyncio.sleep(0)
        assert len(rate._ticks) <= 2  # two where a tick ends meanwhile
    assert not rate._ticks


async def test_many_are_woken_by_turns() -> None:
    rate, many = Pace(), 5 * TOGETHER
    with ExitStack() as readers:
        for _ in range(many):
            readers.enter_context(rate.reader())
        async with asyncio.TaskGroup() as waiting:
            for _ in range(3):
                waiting.create_task(rate.pause())
                await asyncio.sleep(EACH_S * many / 5)
            assert len(rate._ticks) >= 2


async def test_one_who_leaves_in_a_pause_leaves_the_others_in_theirs() -> None:
    rate = Pace()
    leaving, staying = asyncio.create_task(rate.pause()), asyncio.create_task(paused(rate))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying <= PAUSE_S + EXACT_S
    assert leaving.cancelled()


async def test_an_event_loop_has_one_pace() -> None:
    assert pace() is pace()
