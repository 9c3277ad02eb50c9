"""JSON is cut into its parts: sound parts unchanged, and bad parts beside them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import Invalid
from events.json.split import object_text, split_array, split_object
from events.json.text import canonical

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
BAD = {
    "NaN": b"NaN",
    "half of a surrogate pair": b'"\\ud800"',
    "a byte that is not UTF-8": b'"\xff"',
    "a control character": b'"\x01"',
    "deeper than a parser goes": b"[" * 5_000 + b"]" * 5_000,
    "no JSON at all": b"nope",
    "nothing": b"",
}


@given(st.lists(JSON), st.sampled_from([None, 1]))
def test_an_array_is_its_items(values: list[Any], indent: int | None) -> None:
    text = json.dumps(values, indent=indent).encode()
    # The half of a pair after this one makes the parser use its fallback.
    odd = text[:-1] + (b"," if values else b"") + b'"\\ud800"]'

    sound, fault = split_array(text)
    beside, fault_beside = split_array(odd)

    assert fault is fault_beside is None
    assert [json.loads(item) for item in sound] == values
    assert beside == [*sound, b'"\\ud800"']


@given(st.dictionaries(st.text(), JSON), st.sampled_from([None, 1]))
def test_an_object_is_its_members(value: dict[str, Any], indent: int | None) -> None:
    cut, fault = split_object(json.dumps(value, indent=indent).encode())

    assert fault is None
    assert {member.name: json.loads(member.value) for member in cut} == value
    assert json.loads(object_text(cut)) == value


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_bad_part_leaves_the_others_as_they_were(bad: bytes) -> None:
    assert split_array(b'[{"a": 1}, %b, [2, "]"]]' % bad) == ([b'{"a": 1}', bad, b'[2, "]"]'], None)

    cut, fault = split_object(b'{"a": {"b": 1}, "bad": %b, "c": ",}"}' % bad)

    assert fault is None
    assert [(member.name, member.value) for member in cut] == [("a", b'{"b": 1}'), ("bad", bad), ("c", b'",}"')]


@pytest.mark.parametrize("text", [b'{"a": 1, "a": 2}', b'{"\\ud800": 1}', b'{"a" 1, "b": 2}', b'{"\xff": 1, 5}'])
def test_an_object_of_odd_members_is_written_as_odd_again(text: bytes) -> None:
    cut, fault = split_object(text)

    assert fault is None
    assert len(cut) == text.count(b",") + 1
    with pytest.raises(Invalid):
        canonical(object_text(cut), "object")


@pytest.mark.parametrize(
    ("text", "parts", "fault"),
    [
        (b'[1, {"a": 2}, {"b": ', [b"1", b'{"a": 2}', b'{"b":'], "breaks off"),
        (b'[1, "a', [b"1", b'"a'], "breaks off"),
        (b'[1, "a\\', [b"1", b'"a\\'], "breaks off"),
        (b"[1] [2]", [b"1"], "follows after"),
        (b'{"a": 1}', [], "an array"),
        (b"", [], "an array"),
        (b"nope", [], "an array"),
    ],
)
def test_a_fault_of_the_array_itself_is_named_beside_its_items(text: bytes, parts: list[bytes], fault: str) -> None:
    cut, actual_fault = split_array(text)

    assert [part.strip() for part in cut] == parts
    assert fault in (actual_fault or "")


def test_a_byte_order_mark_is_no_part_of_it() -> None:
    assert split_array(b"\xef\xbb\xbf[1]") == ([b"1"], None)
    assert [member.name for member in split_object(b'\xef\xbb\xbf{"a": 1}')[0]] == ["a"]


@given(st.lists(st.sampled_from([b'"', b"\\", b"[", b"]", b"{", b"}", b",", b":", b" ", b"a", b"\xff", b"1"])))
def test_any_text_is_cut_into_parts_of_it(pieces: list[bytes]) -> None:
    text = b"".join(pieces)

    for part in split_array(text)[0]:
        assert part in text
    for member in split_object(text)[0]:
        assert member.name_text in text
        assert member.value in text
