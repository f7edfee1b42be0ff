"""A socket's way out: in order, asked whether it is read, and ended if it is not. Time runs a hundred times as fast."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from chat import outbox
from chat.outbox import AT_ONCE, Outbox
from chat.protocol import Close

WAIT_S = 2.0  # for what must happen


class Wire:
    """What came out of an outbox, and when it closed."""

    def __init__(self) -> None:
        self.frames: list[str] = []
        self.closes: list[int] = []
        self.changed = asyncio.Event()
        self.open = asyncio.Event()  # whether the wire takes frames
        self.open.set()
        self.outbox = Outbox(self._send, self._close)
        self.outbox.start()

    async def _send(self, frame: str) -> None:
        await self.open.wait()
        self.frames.append(frame)
        self.changed.set()

    async def _close(self, code: int) -> None:
        self.closes.append(code)
        self.changed.set()

    async def until(self, *, frames: int = 0, closes: int = 0) -> None:
        """Wait for so many frames that are no pings, and so many closes."""
        async with asyncio.timeout(WAIT_S):
            while len(self.said) < frames or len(self.closes) < closes:
                self.changed.clear()
                await self.changed.wait()

    async def ping(self) -> str:
        """Wait for the next ping; return its nonce."""
        async with asyncio.timeout(WAIT_S):
            seen = len(self.nonces)
            while len(self.nonces) == seen:
                self.changed.clear()
                await self.changed.wait()
            return self.nonces[-1]

    @property
    def said(self) -> list[str]:
        """All frames but pings."""
        return [frame for frame in self.frames if '"ping"' not in frame]

    @property
    def nonces(self) -> list[str]:
        """The nonces of all pings."""
        return [json.loads(frame)["nonce"] for frame in self.frames if '"ping"' in frame]


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time a hundred times as fast, a budget a thousandth."""
    monkeypatch.setattr(outbox, "PING_S", 0.2)
    monkeypatch.setattr(outbox, "PONG_S", 0.25)
    monkeypatch.setattr(outbox, "UNREAD", 500)
    monkeypatch.setattr(outbox, "WAITING", 1000)


@pytest.fixture
async def wire() -> Wire:
    """An open wire."""
    return Wire()


@pytest.fixture(autouse=True)
async def nothing_left(wire: Wire) -> AsyncIterator[None]:
    """End the outbox, as the consumer does."""
    yield
    wire.outbox.cancel()


async def test_frames_go_out_in_order(wire: Wire) -> None:
    for number in range(20):
        wire.outbox.put(f"{number}")
    await wire.until(frames=20)
    assert wire.frames == [f"{number}" for number in range(20)]


async def test_live_frames_wait_until_they_are_released(wire: Wire) -> None:
    wire.outbox.hold()
    wire.outbox.put_live("live")
    wire.outbox.put("sync")
    wire.outbox.release()
    wire.outbox.put_live("later")
    await wire.until(frames=3)
    assert wire.frames == ["sync", "live", "later"]


async def test_the_end_comes_after_what_was_put_and_nothing_after_it(wire: Wire) -> None:
    wire.outbox.put("bye")
    wire.outbox.end(Close.DRAINING)
    wire.outbox.end(Close.DELETED)
    wire.outbox.put("too late")
    await wire.until(frames=1, closes=1)
    await asyncio.sleep(0.05)
    assert (wire.frames, wire.closes) == (["bye"], [Close.DRAINING])


async def test_an_idle_socket_is_asked_again_and_again_while_it_answers(wire: Wire) -> None:
    nonces = set()
    for _ in range(4):
        nonce = await wire.ping()
        nonces.add(nonce)
        wire.outbox.pong(nonce)
    assert len(nonces) == 4
    assert wire.closes == []


async def test_one_that_does_not_answer_is_silent(wire: Wire) -> None:
    await wire.ping()
    wire.outbox.pong("guessed")
    await wire.until(closes=1)
    assert wire.closes == [Close.SILENT]
    wire.outbox.put("too late")
    await asyncio.sleep(0.6)  # longer than the next ping and its answer would take
    assert len(wire.nonces) == 1
    assert wire.closes == [Close.SILENT]


async def test_no_more_goes_out_than_is_read(wire: Wire) -> None:
    for number in range(10):
        wire.outbox.put(f"{number}" * 90)
    nonce = await wire.ping()
    await asyncio.sleep(0.1)  # time enough for all of it
    assert len(wire.said) == 6  # 540 characters: more than 500
    wire.outbox.pong(nonce)
    await wire.until(frames=10)
    assert [frame[0] for frame in wire.said] == [f"{number}" for number in range(10)]


async def test_one_that_reads_too_slowly_is_ended(wire: Wire) -> None:
    for number in range(10):
        wire.outbox.put(f"{number}" * 90)
    await wire.until(closes=1)  # never answered
    assert wire.closes == [Close.READS_TOO_SLOWLY]


async def test_what_waits_is_bounded(wire: Wire) -> None:
    wire.open.clear()
    for _ in range(50):
        wire.outbox.put("x" * 90)
    await wire.until(closes=1)
    assert wire.closes == [Close.READS_TOO_SLOWLY]
    assert wire.outbox._queue.qsize() <= 13  # 1,000 characters, and the one over
    await asyncio.sleep(0.05)
    assert wire.closes == [Close.READS_TOO_SLOWLY]


class PromptWire(Wire):
    """A wire whose server takes text without being awaited."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox.cancel()
        self.outbox = Outbox(self._send, self._close)
        self.outbox.start({AT_ONCE: self._take})

    def _take(self, frame: str) -> None:
        self.frames.append(frame)
        self.changed.set()


@pytest.fixture
async def prompt() -> AsyncIterator[PromptWire]:
    """An open wire of that kind."""
    prompt = PromptWire()
    yield prompt
    prompt.outbox.cancel()


async def test_frames_leave_at_once_where_the_server_takes_them_so(prompt: PromptWire) -> None:
    prompt.outbox.put("one")
    prompt.outbox.put("two")
    assert prompt.frames == ["one", "two"]
    prompt.outbox.end(Close.DRAINING)
    prompt.outbox.put("too late")
    await prompt.until(closes=1)
    assert (prompt.frames, prompt.closes) == (["one", "two"], [Close.DRAINING])


async def test_at_once_no_more_goes_out_than_is_read_and_all_in_order(prompt: PromptWire) -> None:
    for number in range(10):
        prompt.outbox.put(f"{number}" * 90)
    assert len(prompt.said) == 6  # 540 characters: more than 500
    nonce = await prompt.ping()
    await asyncio.sleep(0.1)  # time enough for all of it
    assert len(prompt.said) == 6
    prompt.outbox.pong(nonce)
    prompt.outbox.put("last")
    await prompt.until(frames=11)
    assert [frame[0] for frame in prompt.said] == [*(f"{number}" for number in range(10)), "l"]


async def test_one_that_reads_too_slowly_is_ended_at_once_too(prompt: PromptWire) -> None:
    for number in range(50):
        prompt.outbox.put(f"{number % 10}" * 90)
    await prompt.until(closes=1)
    assert prompt.closes == [Close.READS_TOO_SLOWLY]
    assert prompt.outbox._queue.qsize() <= 13  # 1,000 characters, and the one over
