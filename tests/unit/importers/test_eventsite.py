"""The members that a line of Eventsite's own JSONL may have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from events.errors import EventsError
from events.transfer.importers.eventsite import parse

LINE: dict[str, Any] = {"stream": "order-1", "id": "1", "type": "Placed", "data": {}}
DIGEST = "ab" * 32


def line(**fields: Any) -> bytes:
    return json.dumps(LINE | fields).encode()


def test_stream_id_type_and_data_are_enough() -> None:
    stream, event = parse(line())

    assert (stream, event.id, event.type, event.data) == ("order-1", "1", "Placed", "{}")


def test_the_payload_is_the_text_of_the_line() -> None:
    data = '{"z": 1.10, "a": 12345678901234567890.123456789, "big": 1208925819614629174706176}'

    _, event = parse(b'{"stream": "order-1", "id": "1", "type": "Placed", "data": ' + data.encode() + b"}")

    assert event.data == data


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (line(id=None), "id is missing"),
        (b'{"stream": "order-1", "type": "Placed", "data": {}}', "id is missing"),
        (line(colour="red"), "colour: unknown field"),
        (line(expected_version=1), "expected_version: unknown field"),
        (line(read_position=1), "read_position: unknown field"),
        (line(type=""), "event.type must have"),
        (line(type="a\x07"), "event.type must have"),
        (line(occurred_at="yesterday"), "event.occurred_at must be"),
        (line(metadata=[]), "event.metadata must be an object"),
        (b'{"stream": "order-1", "id": "1", "type": "Placed", "data": {"a": 1, "a": 2}}', "twice"),
        (b'{"stream": "order-1", "id": "1", "type": "Placed", "data": "\\u0000"}', "U+0000"),
        (b'{"stream": "order-1", "id": "1", "type": "Placed", "data": "\xff"}', ""),
        (b'{"stream": "order-1", "id": "\xff", "type": "Placed", "data": 1}', ""),
        (b"\xff\xfe", ""),
        (b"[]", "expected"),
        (b"{", "not valid JSON"),
        (line(restore={"digest": "short"}), "restore.digest"),
        (line(data=1, restore={"digest": DIGEST, "redaction": None}), "redaction"),
    ],
)
def test_a_bad_line_is_refused_with_the_reason(text: bytes, reason: str) -> None:
    with pytest.raises(EventsError) as refusal:
        parse(text)

    assert reason.lower() in refusal.value.detail.lower()


def test_a_redacted_event_that_still_says_something_is_refused() -> None:
    record_of_redaction = {"marker_position": 9, "at": "2026-01-31T12:00:00Z", "by": "ada", "reason": "a key"}

    with pytest.raises(EventsError, match="redacted"):
        parse(line(data={"key": "secret"}, restore={"digest": DIGEST, "redaction": record_of_redaction}))
