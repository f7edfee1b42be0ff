"""Connections that send what was written together, and leave the rest to the event loop."""

import asyncio
import socket
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import main
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport

from chat.daphne import Prompt, Server
from chat.outbox import AT_ONCE

MUCH = b"x" * 8_000_000  # bytes; more than a socket takes at once


class Reactor:
    """Who is asked to say when there is room, or something to read."""

    def __init__(self) -> None:
        self.writers: set[Any] = set()

    def addWriter(self, writer: Any) -> None:  # noqa: N802 (Twisted's names)
        self.writers.add(writer)

    def removeWriter(self, writer: Any) -> None:  # noqa: N802
        self.writers.discard(writer)

    def addReader(self, reader: Any) -> None:  # noqa: N802
        """Nothing is read here."""

    removeReader = addReader  # noqa: N815


Ends = tuple[Any, socket.socket, Reactor]  # a connection, which Twisted does not type; its other end; its reactor
PROTOCOL: Any = Protocol()
SERVER: Any = None  # the listening port, which a connection only remembers


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Give these, joined."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    reactor: Any = Reactor()
    with ours, theirs:
        yield Prompt(ours, PROTOCOL, ("127.0.0.1", 0), SERVER, 0, reactor), theirs, reactor


async def test_what_is_written_together_is_sent_together(ends: Ends) -> None:
    connection, theirs, reactor = ends
    connection.write(b"one ")
    connection.write(b"two")
    with pytest.raises(BlockingIOError):
        theirs.recv(100)
    await asyncio.sleep(0)
    assert theirs.recv(100) == b"one two"
    assert not reactor.writers


async def test_what_the_socket_does_not_take_waits_for_room(ends: Ends) -> None:
    connection, theirs, reactor = ends
    connection.write(MUCH)
    await asyncio.sleep(0)
    assert reactor.writers == {connection}
    read = 0
    while read < len(MUCH):
        read += len(theirs.recv(1_000_000))
        connection.doWrite()  # as the reactor does where there is room
    assert not reactor.writers


async def test_what_the_socket_did_not_take_comes_before_what_is_written_next(ends: Ends) -> None:
    connection, theirs, _ = ends
    connection.write(MUCH)
    await asyncio.sleep(0)
    connection.write(b"then")
    await asyncio.sleep(0)
    read = bytearray()
    while len(read) < len(MUCH) + len(b"then"):
        read += theirs.recv(1_000_000)
        connection.doWrite()
    assert read == MUCH + b"then"


async def test_the_fault_of_one_keeps_no_other_waiting(ends: Ends) -> None:
    connection, theirs, _ = ends
    ours, other = socket.socketpair()
    reactor: Any = Reactor()
    faults: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault["exception"]))
    with ours, other:
        faulty: Any = Prompt(ours, PROTOCOL, ("127.0.0.1", 0), SERVER, 0, reactor)
        del faulty.socket
        faulty.write(b"lost")
        connection.write(b"said")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert theirs.recv(100) == b"said"
    assert [type(fault) for fault in faults] == [AttributeError]


async def test_who_makes_more_than_goes_out_waits_until_it_has_gone(ends: Ends) -> None:
    connection, theirs, _ = ends
    maker: Any = Maker()  # else a type checker takes it for one that goes on making
    connection.registerProducer(maker, True)
    connection.write(MUCH)
    assert not maker.makes
    await asyncio.sleep(0)
    read = 0
    while read < len(MUCH):
        connection.doWrite()
        read += len(theirs.recv(1_000_000))
    connection.doWrite()
    assert maker.makes
    connection.write(b"little")
    await asyncio.sleep(0)
    assert theirs.recv(100) == b"little"


class Maker:
    """Twisted's producer."""

    makes = True

    def pauseProducing(self) -> None:  # noqa: N802 (Twisted's names)
        self.makes = False

    def resumeProducing(self) -> None:  # noqa: N802
        self.makes = True


async def test_an_end_after_words_is_left_to_the_reactor(ends: Ends) -> None:
    connection, theirs, reactor = ends
    connection.write(b"bye")
    connection.loseConnection()
    await asyncio.sleep(0)
    assert reactor.writers == {connection}
    assert connection.doWrite() is not None  # which tells the reactor that this is over
    assert theirs.recv(100) == b"bye"


async def test_a_line_that_is_lost_is_found_out_by_the_reactor(ends: Ends) -> None:
    connection, theirs, reactor = ends
    theirs.close()
    connection.write(b"anybody?")
    await asyncio.sleep(0)
    assert reactor.writers == {connection}


async def test_an_application_sends_text_without_awaiting_anything_while_its_socket_is_open() -> None:
    scopes: list[Any] = []

    async def application(scope: Any, **_more: Any) -> None:
        scopes.append(scope)

    server = Server(application, endpoints=["tcp:0"])
    protocol = WebSocketProtocol()
    wire: Any = StringTransport  # typed in part
    protocol.factory, protocol.transport = WebSocketFactory(server), wire()
    server.connections = {protocol: {}}
    server.create_application(protocol, {"type": "websocket"})
    await server.connections[protocol]["application_instance"]
    send = scopes[0]["extensions"][AT_ONCE]
    protocol.state = protocol.STATE_CONNECTING
    send("before the handshake")
    protocol.state = protocol.STATE_OPEN
    send("Größe")
    protocol.state = protocol.STATE_CLOSED
    send("after the end")
    assert protocol.transport.value() == b"\x81\x07" + "Größe".encode()


class Heard(Protocol):
    """Keeps what has come."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 (Twisted's name)
        """Keep one more."""
        self.pieces.append(data)


def test_what_is_read_is_told_as_it_was_and_the_end_too(ends: Ends) -> None:
    connection, theirs, _ = ends
    connection.protocol = heard = Heard()
    assert connection.doRead() is None
    theirs.send(b"first")
    assert connection.doRead() is None
    theirs.send(b"then")
    assert connection.doRead() is None
    assert heard.pieces == [b"first", b"then"]
    theirs.close()
    assert connection.doRead() is main.CONNECTION_DONE
    connection.socket.close()
    assert connection.doRead() is main.CONNECTION_LOST


def test_to_read_little_takes_little_memory(ends: Ends) -> None:
    connection, theirs, _ = ends
    connection.protocol = Heard()
    theirs.send(b"x" * 100)
    tracemalloc.start()
    try:
        connection.doRead()
        assert tracemalloc.get_traced_memory()[1] < 4096
    finally:
        tracemalloc.stop()
