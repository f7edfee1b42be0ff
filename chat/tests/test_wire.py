"""Texts in frames: as Autobahn, which knows all of RFC 6455, writes them and has a client write them."""

import pytest
from autobahn.websocket.protocol import PreparedMessage
from hypothesis import example, given
from hypothesis import strategies as st

from chat.wire import frame_of, payload_of

LENGTHS = (0, 1, 125, 126, 127, 65_535, 65_536, 70_000)  # about where a size takes more bytes
texts = st.text(st.characters(exclude_categories=["Cs"]))


def frame(payload: bytes, *, binary: bool = False, masked: bool = True) -> bytes:
    """Return what Autobahn makes of a payload; masked as by a client."""
    written: bytes = PreparedMessage(payload, binary, masked, True).payloadHybi
    return written


@pytest.mark.parametrize("length", LENGTHS)
def test_a_text_is_framed_whatever_its_length(length: int) -> None:
    assert frame_of("x" * length) == frame(b"x" * length, masked=False)


@given(texts)
def test_a_text_is_framed_and_read_in_any_script(text: str) -> None:
    payload = text.encode()
    assert frame_of(text) == frame(payload, masked=False)
    assert payload_of(frame(payload)) == payload


@pytest.mark.parametrize("length", LENGTHS)
def test_what_comes_whole_is_read_up_to_64_kb(length: int) -> None:
    payload = ("é" * length).encode()[:length] if length % 2 == 0 else b"x" * length
    assert payload_of(frame(payload)) == (payload if length < 65_536 else None)


@pytest.mark.parametrize("length", [5, 200])
def test_a_part_or_more_than_one_is_left_alone(length: int) -> None:
    whole = frame(b"x" * length)
    for end in range(len(whole)):
        assert payload_of(whole[:end]) is None
    assert payload_of(whole + whole) is None
    assert payload_of(whole + b"x") is None


def test_what_is_no_final_text_of_a_client_is_left_alone() -> None:
    assert payload_of(frame(b"data", binary=True)) is None
    assert payload_of(frame(b"not masked", masked=False)) is None
    whole = frame(b"ping")
    for first in (0x01, 0x80, 0x88, 0x89, 0x8A, 0xC1, 0x91):  # begun, continued, close, ping, pong, reserved bits
        assert payload_of(bytes([first]) + whole[1:]) is None


def test_a_size_in_more_bytes_than_it_needs_is_left_alone() -> None:
    assert payload_of(b"\x81\xfe\x00\x01\x00\x00\x00\x00x") is None


@pytest.mark.parametrize("payload", [b"\xff", b"\xed\xa0\x80", "é".encode()[:1]])
def test_what_is_no_utf_8_is_left_alone(payload: bytes) -> None:
    assert payload_of(frame(payload)) is None


@given(st.binary())
@example(b"\x81\x80\x00\x00\x00\x00")
def test_anything_may_come(data: bytes) -> None:
    payload = payload_of(data)
    assert payload is None or len(payload) < len(data)
