"""Replies are read the less often, the more there are."""

import asyncio
from contextlib import ExitStack

from gptj.backends.pace import EACH_S, PAUSE_S, Pace, pace

EXACT_S = 0.001  # how exact the event loop's timers are


async def paused(rate: Pace) -> float:
    """Return how long a pause takes, in seconds."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await rate.pause()
    return loop.time() - began


async def test_a_reply_alone_is_read_25_times_a_second_at_most() -> None:
    rate = Pace()
    with rate.reader():
        assert await paused(rate) >= PAUSE_S - EXACT_S


async def test_the_pauses_are_the_longer_the_more_replies_are_read() -> None:
    rate, many = Pace(), 200
    with ExitStack() as readers:
        for _ in range(many):
            readers.enter_context(rate.reader())
        assert await paused(rate) >= PAUSE_S + many * EACH_S - EXACT_S
    with rate.reader():
        pauses = [await paused(rate) for _ in range(5)]
    assert min(pauses) < PAUSE_S + many * EACH_S  # those who have gone count no more


async def test_an_event_loop_has_one_pace() -> None:
    assert pace() is pace()
