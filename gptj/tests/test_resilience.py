"""Retries before the first token, and the breaker."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from gptj import Event, Finished, Piece
from gptj.exceptions import BackendTimeout, BackendUnreachable, GenerationError, RequestRejected, StreamIncomplete
from gptj.resilience import FAILURES, OPEN_S, Breaker, guarded, persistently
from gptj.tests.reading import read

pytestmark = pytest.mark.usefixtures("impatient")

END = Finished(reason="stop")
Step = str | Exception


class Attempts:
    """One list of steps for each attempt; the last again and again."""

    def __init__(self, *attempts: list[Step]) -> None:
        self.attempts = attempts
        self.made = 0

    async def __call__(self) -> AsyncGenerator[Event, None]:
        self.made += 1
        for step in self.attempts[min(self.made, len(self.attempts)) - 1]:
            if isinstance(step, Exception):
                raise step
            yield Piece(text=step)
        yield END


async def test_two_failures_before_any_text_are_not_noticed() -> None:
    attempts = Attempts([BackendUnreachable("")], [StreamIncomplete("")], ["Hello"])
    assert await read(persistently(attempts)) == ("Hello", None)


async def test_the_third_is() -> None:
    attempts = Attempts([BackendUnreachable("")])
    _, error = await read(persistently(attempts))
    assert isinstance(error, BackendUnreachable)
    assert attempts.made == 3


@pytest.mark.parametrize("error", [BackendTimeout(""), RequestRejected(""), BackendUnreachable("", retry_after_s=60)])
async def test_what_would_take_too_long_or_fail_again_is_not_tried_again(error: GenerationError) -> None:
    attempts = Attempts([error], ["Hello"])
    assert await read(persistently(attempts)) == ("", error)


async def test_after_the_first_text_nothing_is_tried_again() -> None:
    attempts = Attempts(["Hel", StreamIncomplete("")], ["Hello"])
    text, error = await read(persistently(attempts))
    assert (text, type(error), attempts.made) == ("Hel", StreamIncomplete, 1)


class Clock:
    """Time that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(lambda _: None, clock)


async def calls(breaker: Breaker, attempts: Attempts, times: int = 1) -> GenerationError | None:
    for _ in range(times):
        _, error = await read(guarded(breaker, attempts()))
    return error


async def test_after_five_failures_in_a_row_nobody_calls_for_a_while(breaker: Breaker, clock: Clock) -> None:
    attempts = Attempts([BackendTimeout("")])
    await calls(breaker, attempts, FAILURES)
    clock.now += OPEN_S - 1
    error = await calls(breaker, attempts)
    assert isinstance(error, BackendUnreachable)
    assert error.retry_after_s == 1
    assert attempts.made == FAILURES


async def test_then_one_tries_and_the_others_wait_for_how_it_ends(breaker: Breaker, clock: Clock) -> None:
    attempts = Attempts([BackendTimeout("")])
    await calls(breaker, attempts, FAILURES)
    clock.now += OPEN_S
    breaker.enter()
    with pytest.raises(BackendUnreachable):
        breaker.enter()
    breaker.succeeded()
    breaker.enter()


async def test_a_trial_that_fails_keeps_it_open(breaker: Breaker, clock: Clock) -> None:
    attempts = Attempts([BackendTimeout("")])
    await calls(breaker, attempts, FAILURES)
    clock.now += OPEN_S
    await calls(breaker, attempts)
    assert isinstance(await calls(breaker, attempts), BackendUnreachable)
    assert attempts.made == FAILURES + 1


class Silent(Attempts):
    """Never says anything."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def __call__(self) -> AsyncGenerator[Event, None]:
        self.asked.set()
        await asyncio.Event().wait()
        yield END


async def test_a_trial_that_is_stopped_in_silence_leaves_the_next_call_to_try(breaker: Breaker, clock: Clock) -> None:
    await calls(breaker, Attempts([BackendTimeout("")]), FAILURES)
    clock.now += OPEN_S
    silent = Silent()
    trial = asyncio.create_task(read(guarded(breaker, silent())))
    await silent.asked.wait()
    trial.cancel()
    await asyncio.wait([trial])
    assert breaker.open
    assert await calls(breaker, Attempts(["Hello"])) is None
    assert not breaker.open


async def test_a_trial_that_is_stopped_after_its_first_text_has_shown_that_the_model_is_well(
    breaker: Breaker, clock: Clock
) -> None:
    await calls(breaker, Attempts([BackendTimeout("")]), FAILURES)
    clock.now += OPEN_S
    async with aclosing(guarded(breaker, Attempts(["Hello"])())) as events:
        await anext(events)
    assert not breaker.open


async def test_a_refusal_is_no_failure_of_the_server(breaker: Breaker) -> None:
    attempts = Attempts([RequestRejected("")])
    await calls(breaker, attempts, 2 * FAILURES)
    assert attempts.made == 2 * FAILURES


async def test_a_success_between_failures_counts_anew(breaker: Breaker) -> None:
    failing: list[list[Step]] = [[BackendTimeout("")]] * (FAILURES - 1)
    attempts = Attempts(*failing, ["Hello"], [BackendTimeout("")])
    await calls(breaker, attempts, 2 * FAILURES - 1)
    assert attempts.made == 2 * FAILURES - 1
