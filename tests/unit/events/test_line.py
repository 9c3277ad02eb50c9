"""The summary of an event on one line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from events.types import Event
from events.views.event_line import EventLine, line


def of(data: str, type_name: str = "T") -> EventLine:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return line(Event(1, "s", 1, "id", type_name, data, "{}", None, 1, None, None, None, now))


def test_a_line_has_three_tags_and_the_number_of_the_others() -> None:
    event = replace(of("{}").event, tags=["a", "b", "c", "d", "e"])
    assert (line(event).tags, line(event).more_tags) == (("a", "b", "c"), 2)
    assert (of("{}").tags, of("{}").more_tags) == ((), 0)


def test_telling_keys_come_first_and_few() -> None:
    pairs = of('{"z": 1, "y": 2, "x": 3, "status": "paid", "w": 4}').pairs
    assert [one.key for one in pairs] == ["status", "z", "y", "x"]


def test_dull_or_known_values_come_last_and_empty_ones_not_at_all() -> None:
    pairs = of('{"id": 7, "message": "", "action": "run", "path": "/x", "n": null, "k": 0}', "action.run").pairs
    assert [one.key for one in pairs] == ["path", "k", "action", "id"]
    assert [one.key for one in of('{"message": "", "n": null}').pairs] == ["message", "n"]


def test_an_object_is_said_by_what_it_is_called() -> None:
    pairs = of(
        '{"issue": {"id": 7, "title": "It fails"}, "size": {"x": 1, "y": 2}, "to": {"state": "on"}, "f": {"a": true}}'
    ).pairs
    assert [(one.key, one.text) for one in pairs] == [
        ("issue", "“It fails”"),
        ("size", "{ 2 }"),
        ("to", "“on”"),
        ("f", "{ 1 }"),
    ]


def test_a_long_text_is_one_short_line() -> None:
    (pair,) = of('{"content": "' + "a\\n b" * 30_000 + '"}').pairs
    assert "\n" not in pair.text
    assert len(pair.text) < 200


def test_data_that_is_no_object_is_said_without_a_key() -> None:
    assert [(one.key, one.text) for one in of("[1, 2]").pairs] == [("", "[ 2 ]")]


@pytest.mark.parametrize(
    ("type_name", "data", "failed"),
    [
        ("PaymentFailed", "{}", True),
        ("FAILED", "{}", True),
        ("Unfailing", "{}", False),
        ("payment.failed", "{}", True),
        ("tool_error", "{}", True),
        ("T", '{"error": "no card"}', True),
        ("T", '{"error": null}', False),
        ("T", '{"exit_code": 100}', True),
        ("T", '{"exit_code": 0}', False),
        ("T", '{"status": "failed"}', True),
        ("T", '{"status": {"of": "things"}}', False),
    ],
)
def test_a_failure_is_told_by_the_type_or_a_telling_key(type_name: str, data: str, failed: bool) -> None:
    assert of(data, type_name).failed is failed
