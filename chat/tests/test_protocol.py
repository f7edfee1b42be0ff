"""The frames as they go over the wire: one example of each, the same that the page's tests read."""

import json
import unicodedata
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from chat import protocol
from chat.protocol import Code, Refused, parse, utf16_length, written

FRAMES: dict[str, dict[str, dict[str, Any]]] = json.loads(Path(__file__).with_name("frames.json").read_text())
any_server_frame: TypeAdapter[protocol.ServerFrame] = TypeAdapter(protocol.AnyServerFrame)
any_text = st.text(st.characters(exclude_categories=[]))  # lone surrogates too


def types_of(union: Any) -> set[str]:
    """Return the `type` of each frame in a discriminated union."""
    frames: tuple[type[BaseModel], ...] = get_args(get_args(union)[0])
    return {get_args(frame.model_fields["type"].annotation)[0] for frame in frames}


def test_every_frame_has_an_example() -> None:
    assert set(FRAMES["client"]) == types_of(protocol.AnyClientFrame)
    assert set(FRAMES["server"]) == types_of(protocol.AnyServerFrame)


@pytest.mark.parametrize("example", FRAMES["client"].values(), ids=FRAMES["client"])
def test_a_client_frame_is_read_whole(example: dict[str, Any]) -> None:
    frame = parse(json.dumps(example))
    assert frame.model_dump(mode="json") == example


@pytest.mark.parametrize("example", FRAMES["server"].values(), ids=FRAMES["server"])
def test_a_server_frame_is_written_as_in_the_example(example: dict[str, Any]) -> None:
    encoded = any_server_frame.validate_python(example).encode()
    assert json.loads(encoded) == example
    assert "\\u" not in encoded


@pytest.mark.parametrize("example", FRAMES["client"].values(), ids=FRAMES["client"])
def test_a_field_less_or_a_field_more_is_refused(example: dict[str, Any]) -> None:
    for name in example:
        with pytest.raises(Refused) as refused:
            parse(json.dumps({field: value for field, value in example.items() if field != name}))
        assert refused.value.code == Code.BAD_FRAME
    with pytest.raises(Refused) as refused:
        parse(json.dumps({**example, "unheard_of": 1}))
    assert refused.value.code == Code.BAD_FRAME
    assert "unheard_of" in refused.value.detail


@given(text=st.text(st.characters(exclude_categories=["Cs"])), offset=st.integers(0, 2**53), attempt=st.integers(1, 9))
def test_deltas_are_written_as_their_model_is(text: str, offset: int, attempt: int) -> None:
    message = uuid4()
    frame = protocol.Delta(message=message, attempt=attempt, offset=offset, text=text).encode()
    assert protocol.deltas(message, attempt)(offset, text) == frame


def test_what_an_error_does_not_concern_is_left_out() -> None:
    assert json.loads(protocol.Error(code="busy", detail="Wait.").encode()) == {
        "type": "error",
        "code": "busy",
        "detail": "Wait.",
    }


def test_a_frame_may_hold_32_kib_and_not_one_byte_more() -> None:
    def frame(size: int, letter: str) -> str:
        empty = json.dumps({**FRAMES["client"]["send"], "text": ""})
        return empty.replace('"text": ""', f'"text": "{letter * ((size - len(empty)) // len(letter.encode()))}"')

    assert isinstance(parse(frame(protocol.FRAME_BYTES, "x")), protocol.Send)
    for letter in ("x", "é"):
        with pytest.raises(Refused) as refused:
            parse(frame(protocol.FRAME_BYTES + 2, letter))
        assert refused.value.code == Code.TOO_LARGE


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps) | any_text)
def test_whatever_comes_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(text)
    assert refused.value.code == Code.BAD_FRAME
    assert refused.value.detail


@given(any_text)
def test_text_is_counted_as_javascript_counts(text: str) -> None:
    assert utf16_length(text) == sum(2 if ord(char) > 0xFFFF else 1 for char in text)


@given(any_text, any_text)
def test_lengths_add_up_where_text_is_whole(one: str, other: str) -> None:
    one, other = written(one), written(other)
    assert utf16_length(one) + utf16_length(other) == utf16_length(one + other)


@given(any_text)
def test_what_is_written_can_be_stored_and_is_normal(text: str) -> None:
    kept = written(text)
    assert "\0" not in kept
    assert kept.encode().decode() == kept
    assert unicodedata.is_normalized("NFC", kept)
    assert written(kept) == kept


@pytest.mark.parametrize(
    ("typed", "kept"), [("e\u0301", "é"), ("a\0b", "ab"), ("x\ud83dy", "xy"), ("🗼\t\n", "🗼\t\n")]
)
def test_what_people_write_is_kept_but_for_what_no_database_takes(typed: str, kept: str) -> None:
    assert written(typed) == kept


def test_a_sync_is_cut_by_number_and_by_size() -> None:
    def message(text: str) -> protocol.Message:
        return protocol.Message(**{**FRAMES["server"]["message"]["message"], "text": text})

    sizes = [[len(each.text) for each in page] for page in protocol.pages([message("é" * 16_000)] * 5)]
    assert sizes == [[16_000] * 2, [16_000] * 2, [16_000]]
    assert [len(page) for page in protocol.pages([message("a")] * 101)] == [50, 50, 1]
    assert [len(page) for page in protocol.pages([message("x" * 100_000)] * 2)] == [1, 1]
    assert protocol.pages([]) == [[]]


def test_an_error_repeats_no_more_than_the_beginning_of_what_was_sent() -> None:
    name = "n" * 1_000
    with pytest.raises(Refused, match=r"^hello\.n{58}…: Extra inputs are not permitted\.$"):
        parse(json.dumps({"type": "hello", "after": 0, name: 1}))
    with pytest.raises(Refused, match=r"^type: There is no such frame\.$"):
        parse(json.dumps({"type": name}))
