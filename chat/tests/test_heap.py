"""What reading from a connection asks the C library for, and what of it goes back to the kernel."""

import asyncio
import platform
import socket
import tracemalloc
from asyncio import selector_events
from pathlib import Path

import pytest

from chat import heap


@pytest.fixture
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave asyncio as it was."""
    transport = selector_events._SelectorTransport  # type: ignore[attr-defined]  # as in `heap`
    monkeypatch.setattr(transport, "max_size", transport.max_size)


@pytest.mark.usefixtures("as_before")
async def test_little_room_is_asked_for_to_read_little_and_all_of_much_is_read() -> None:
    heap.read_little_at_once()
    ours, theirs = socket.socketpair()
    with theirs:
        reader, writer = await asyncio.open_connection(sock=ours)
        tracemalloc.start()
        try:
            theirs.send(b"x" * 100)
            assert await reader.readexactly(100) == b"x" * 100
            assert tracemalloc.get_traced_memory()[1] < 2 * heap.READ_BYTES
        finally:
            tracemalloc.stop()
        much = bytes(range(256)) * 256
        theirs.send(much)
        assert await reader.readexactly(len(much)) == much
        writer.close()
        await writer.wait_closed()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library, which has no such call")
def test_gaps_are_given_back() -> None:
    pieces = [bytes(8_000) for _ in range(5_000)]  # 40 MB
    kept = pieces[::50]
    del pieces
    before = resident_kb()
    heap.give_back()
    assert before - resident_kb() > 20_000
    assert len(kept) == 100


def resident_kb() -> int:
    """Return this process's resident memory."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
