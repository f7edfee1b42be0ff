"""The line at a model: first come first served, and everyone knows where they stand."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.admission import QUEUE, TIMED_LEAST, Line, Lines, Place
from gptj.backends.scripted import Scripted


class Club:
    """A line, who got in by now, and what was told last."""

    def __init__(self, concurrency: int) -> None:
        self.told: list[list[UUID]] = []
        self.line = Line(concurrency, self._hear)
        self.moved: Callable[[], object] = lambda: None
        self.inside: list[UUID] = []
        self.tasks: dict[UUID, asyncio.Task[None]] = {}
        self.doors: dict[UUID, asyncio.Event] = {}

    def _hear(self, places: list[Place]) -> None:
        self.told.append([place.reply for place in places])
        self.moved()

    async def come(self, *, fails: bool = False) -> UUID:
        """Let somebody get in line."""
        who = uuid4()
        self.doors[who] = asyncio.Event()
        self.tasks[who] = asyncio.create_task(self._stay(who, fails))
        await self.settle()
        return who

    async def _stay(self, who: UUID, fails: bool) -> None:
        async with self.line.turn(who):
            self.inside.append(who)
            await self.doors[who].wait()
            if fails:
                raise ConnectionError

    async def go(self, who: UUID) -> None:
        """Let somebody leave by the door."""
        self.doors[who].set()
        await asyncio.wait([self.tasks[who]])
        await self.settle()

    async def give_up(self, who: UUID) -> None:
        """Cancel somebody, wherever they are."""
        self.tasks[who].cancel()
        await asyncio.wait([self.tasks[who]])
        await self.settle()

    @staticmethod
    async def settle() -> None:
        """Let everyone who can move do so."""
        for _ in range(5):
            await asyncio.sleep(0)


async def test_so_many_at_once_and_the_rest_in_order() -> None:
    club = Club(2)
    came = [await club.come() for _ in range(5)]
    assert club.inside == came[:2]
    assert [(place.reply, place.position) for place in club.line.places()] == [
        (came[2], 1),
        (came[3], 2),
        (came[4], 3),
    ]
    await club.go(came[1])
    assert club.inside == came[:3]
    for who in (came[0], came[2], came[3], came[4]):
        await club.go(who)
    assert club.inside == came
    assert club.line.places() == []


async def test_whoever_gives_up_in_line_lets_the_others_move_up() -> None:
    club = Club(1)
    came = [await club.come() for _ in range(4)]
    await club.give_up(came[1])
    assert club.told[-1] == [came[2], came[3]]
    await club.go(came[0])
    assert club.inside == [came[0], came[2]]


async def test_a_turn_that_comes_to_one_who_gives_up_in_that_moment_passes_on() -> None:
    club = Club(1)
    came = [await club.come() for _ in range(3)]
    club.moved = club.tasks[came[1]].cancel  # its turn is given to it, and it has not run since
    await club.go(came[0])
    club.moved = lambda: None
    await club.settle()
    assert club.inside == [came[0], came[2]]
    await club.go(came[2])
    late = await club.come()
    assert club.inside[-1] == late


async def test_one_that_fails_leaves_its_place() -> None:
    club = Club(1)
    first, second = await club.come(fails=True), await club.come()
    await club.go(first)
    assert isinstance(club.tasks[first].exception(), ConnectionError)
    assert club.inside == [first, second]


async def test_the_wait_is_unknown_until_three_were_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("chat.admission.monotonic", lambda: now)
    club = Club(2)
    for _ in range(TIMED_LEAST):
        assert club.line._eta_s(1) is None
        who = await club.come()
        now += 8
        await club.go(who)
    inside = [await club.come() for _ in range(2)]
    waiting = [await club.come() for _ in range(3)]
    assert club.line.places() == [
        Place(reply=waiting[0], position=1, eta_s=4.0),
        Place(reply=waiting[1], position=2, eta_s=8.0),
        Place(reply=waiting[2], position=3, eta_s=12.0),
    ]
    for who in (*inside, *waiting):
        await club.give_up(who)
    assert club.line._eta_s(1) == 4.0  # who gave up was not timed


async def test_the_line_is_full_at_fifty() -> None:
    club = Club(1)
    came = [await club.come() for _ in range(QUEUE)]
    full = [club.line.full]
    came.append(await club.come())
    full.append(club.line.full)
    await club.go(came[0])
    full.append(club.line.full)
    assert full == [False, True, False]
    for who in came[1:]:
        await club.give_up(who)


@given(st.lists(st.sampled_from(["come", "go", "give up"]), max_size=40), st.integers(1, 3))
def test_never_more_than_allowed_and_never_an_empty_place(steps: list[str], concurrency: int) -> None:
    async def play() -> None:
        club = Club(concurrency)
        present: list[UUID] = []
        for number, step in enumerate(steps):
            if step == "come" or not present:
                present.append(await club.come())
                continue
            inside = [who for who in present if who in club.inside]
            who = inside[number % len(inside)] if step == "go" else present[number * 7 % len(present)]
            await (club.go(who) if step == "go" else club.give_up(who))
            present.remove(who)
            inside = [who for who in present if who in club.inside]
            assert len(inside) == min(concurrency, len(present))
            assert [place.reply for place in club.line.places()] == [who for who in present if who not in inside]
        for who in present:
            await club.give_up(who)

    asyncio.run(play())


async def test_those_who_come_at_once_are_counted_before_they_are_in_line() -> None:
    lines = Lines(lambda _: None)
    model = Scripted(alias="default", url="scripted://", concurrency=2)
    full = []
    with ExitStack() as coming:
        for _ in range(QUEUE + 3):
            coming.enter_context(lines.coming())
            full.append(lines.full([model]))
    assert full == [frozenset()] * (QUEUE + 2) + [frozenset({"default"})]
    assert lines.full([model]) == frozenset()
