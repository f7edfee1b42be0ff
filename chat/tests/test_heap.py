"""What reading from a connection asks the C library for."""

import asyncio
import socket
import tracemalloc
from asyncio import selector_events

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
