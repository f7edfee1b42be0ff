"""Rounds: every reply that waits is read in the next one."""

import asyncio

from gptj.backends.pace import EACH_S, ROUND_S, Pace


async def test_all_who_wait_are_let_go_in_one_round() -> None:
    pace, order = Pace(), []

    async def reads(name: str) -> None:
        await pace.next_round()
        order.append(name)

    readers = [asyncio.create_task(reads("a")), asyncio.create_task(reads("b"))]
    await asyncio.wait(readers, return_when=asyncio.FIRST_COMPLETED)
    assert order == ["a", "b"]


async def test_one_who_is_cancelled_does_not_hold_up_the_others() -> None:
    pace = Pace()
    gone, stays = asyncio.create_task(pace.next_round()), asyncio.create_task(pace.next_round())
    await asyncio.sleep(0)
    gone.cancel()
    await stays
    assert gone.cancelled()


async def test_rounds_are_the_longer_the_more_take_part() -> None:
    pace, loop, many = Pace(), asyncio.get_running_loop(), 200
    await asyncio.gather(*(pace.next_round() for _ in range(many)))
    began = loop.time()
    await pace.next_round()
    assert loop.time() - began >= ROUND_S + many * EACH_S - 0.001  # s; the clock of the timers is that exact
