"""Server-sent events, wherever the bytes are split."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptj.backends.sse import EventTooLong, Parser, ServerSentEvent


def parsed(*chunks: bytes) -> list[tuple[str, str]]:
    parser = Parser()
    found: list[ServerSentEvent] = []
    for chunk in chunks:
        found += parser.feed(chunk)
    return [(event.name, event.data) for event in [*found, *parser.close()]]


LINES = st.lists(
    st.sampled_from(["data: a", "data:b", "data: é😀", "data", ": hi", "event: error", "id: 7", "x", "", ""])
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@given(lines=LINES, end=ENDS, data=st.data())
def test_the_same_events_come_out_wherever_the_bytes_are_split(lines: list[str], end: str, data: st.DataObject) -> None:
    whole = "".join(line + end for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    chunks = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    reference = parsed("".join(line + "\n" for line in lines).encode())
    assert parsed(*chunks) == reference


def test_lines_of_data_are_joined_and_comments_left_out() -> None:
    assert parsed(b": hi\ndata: a\ndata: b\n\n") == [("message", "a\nb")]


def test_an_event_has_its_name_and_the_next_has_not() -> None:
    assert parsed(b"event: error\ndata: a\n\ndata: b\n\n") == [("error", "a"), ("message", "b")]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert parsed(b"\xef\xbb\xbfdata: a\n\n") == [("message", "a")]


def test_the_last_event_needs_no_blank_line() -> None:
    assert parsed(b"data: a") == [("message", "a")]


def test_events_of_one_line_each_are_told_from_all_that_only_looks_so() -> None:
    assert parsed(b"data: a\n\ndata:  b\n\n") == [("message", "a"), ("message", " b")]
    assert parsed(b"data: a\n\n\ndata: b\n\n") == [("message", "a"), ("message", "b")]
    assert parsed(b"data: a\ndata: b\n\ndata: c\n\n") == [("message", "a\nb"), ("message", "c")]
    assert parsed(b"data: a\n\nevent: x\ndata: b\n\n") == [("message", "a"), ("x", "b")]
    assert parsed(b"data: a\r\n\r\n", b"data: b\n\n") == [("message", "a"), ("message", "b")]
    assert parsed(b"event: x\n", b"data: a\n\n") == [("x", "a")]
    assert parsed(b"data: a\n\ndata: \n\n") == [("message", "a"), ("message", "")]


def test_an_event_without_data_is_none() -> None:
    assert parsed(b"event: ping\n\n: keep-alive\n\n\n\n") == []


@pytest.mark.parametrize("repeated", [b"x" * 1000, b"data: " + b"x" * 1000 + b"\n"])
def test_an_endless_event_is_refused(repeated: bytes) -> None:
    with pytest.raises(EventTooLong):
        parsed(*[repeated] * 2000)
