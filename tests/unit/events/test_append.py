"""The limits of an append's contents, and the contents that count as equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from msgspec.structs import replace

from events.appending.checks import (
    check_agent,
    check_count,
    check_expected_version,
    check_name,
    check_occurred_at,
    check_stream,
    new_append,
    new_event,
    size,
)
from events.errors import EventsError, Forbidden, Invalid, NumberTooLarge, TooLarge
from events.types import STREAM_EXISTS, NewEvent

BAD_NAMES = ["", "a" * 201, "a\0", "\n", "a\tb", "\x1f", "\x7f", "\x80", "\x9f", "\ud800", "a\udfffb"]
NAMED: dict[str, Callable[[str], Any]] = {
    "stream": lambda name: check_stream(name, "field"),
    "type": lambda name: new_event("s-1", name, data=b"1", field="field"),
    "agent": lambda name: new_event("s-1", "t", data=b"1", agent=name, field="field"),
    "id": lambda name: new_event("s-1", "t", data=b"1", id=name, field="field"),
    "correlation_id": lambda name: new_event("s-1", "t", data=b"1", correlation_id=name, field="field"),
    "causation_id": lambda name: new_event("s-1", "t", data=b"1", causation_id=name, field="field"),
    "idempotency_key": lambda name: new_append("s-1", [event()], idempotency_key=name),
}


def event(stream: str = "s-1", **fields: Any) -> NewEvent:
    return new_event(stream, **{"type": "t", "data": b"1", **fields})


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
@pytest.mark.parametrize("part", NAMED)
def test_an_empty_long_or_unprintable_name_is_refused(part: str, name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        NAMED[part](name)
    assert refusal.value.fields["field"] in ("field", part, f"field.{part}")
    assert refusal.value.fields["limit"] == 200


@pytest.mark.parametrize(
    "name", ["a", "a" * 200, "😀" * 200, "order-42 (-> X) #1/ü", "\xa0", " ", "\u2028", "*"], ids=ascii
)
@pytest.mark.parametrize("part", NAMED)
def test_any_other_name_is_taken(part: str, name: str) -> None:
    NAMED[part](name)


@pytest.mark.parametrize("stream", [".", "..", "a/./b", "../a", "a/..", "./a", "a/events", "/events"])
def test_a_stream_that_no_url_can_carry_is_refused(stream: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_stream(stream)
    assert refusal.value.fields == {"field": "stream"}


@pytest.mark.parametrize("stream", ["events", "a/events/b", "...", "a..b", ".a", "a/b.", "a//b", "/", "a/eventsx"])
def test_other_streams_with_dots_and_slashes_are_taken(stream: str) -> None:
    assert check_stream(stream) == stream


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("any", None),
        ("no_stream", 0),
        ("stream_exists", STREAM_EXISTS),
        (0, 0),
        (7, 7),
        (2**63 - 1, 2**63 - 1),
    ],
)
def test_an_expected_version_is_a_word_or_a_version(value: int | str | None, expected: int | None) -> None:
    assert check_expected_version(value) == expected


@pytest.mark.parametrize("value", [-1, -2, 2**63, "", "Any", "0", "None", "exact"])
def test_another_expected_version_is_refused(value: int | str) -> None:
    with pytest.raises(Invalid, match=r"expected_version"):
        check_expected_version(value)


@pytest.mark.parametrize(
    ("sent_time", "stored_time"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31t12:00:00.5z", "2026-01-31T12:00:00.500000+00:00"),
        ("2026-01-31 14:00:00+02:00", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31T12:00:00.123456789-00:00", "2026-01-31T12:00:00.123456+00:00"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
        ("2016-12-31T15:59:60.25-08:00", "2017-01-01T00:00:00.250000+00:00"),
    ],
)
def test_a_time_with_a_zone_is_kept_as_utc(sent_time: str, stored_time: str) -> None:
    assert check_occurred_at(sent_time, "occurred_at") == stored_time


@pytest.mark.parametrize(
    "sent_time",
    [
        *("2026-01-31T12:00:00", "2026-01-31", "12:00:00Z", "1769860800", "now", "", "2026-01-31T12:00Z"),
        *("0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "10000-01-01T00:00:00Z"),
        *("2026-02-30T00:00:00Z", "2026-01-31T24:00:01Z", "2026-01-31T12:60:00Z", "2026-01-31T12:00:00+24:00"),
        *("2026-01-31T12:00:00+00:60", "2026-01-31T12:00:00+0100", "٢026-01-31T12:00:00Z", "2026-01-31T12:00:00Z\n"),
        *("2016-12-31T23:58:60Z", "2016-12-31T23:59:61Z", "2016-12-31T12:00:60Z", "2016-12-31T23:59:60+01:00"),
        *(
            "9999-12-31T23:59:60Z",
            "2016-12-31T23:59:60",
            "2026-W05-6T12:00:00Z",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00.1234567890Z",
        ),
    ],
    ids=ascii,
)
def test_a_time_without_a_zone_or_out_of_range_is_refused(sent_time: str) -> None:
    with pytest.raises(Invalid) as refusal:
        event(occurred_at=sent_time, field="events[0]")
    assert refusal.value.fields == {"field": "events[0].occurred_at"}


def test_a_pinned_agent_is_the_only_one() -> None:
    assert check_agent(None, "router", "agent") == "router"
    assert check_agent("router", "router", "agent") == "router"
    assert check_agent("other", None, "agent") == "other"
    assert check_agent(None, None, "agent") is None
    with pytest.raises(Forbidden):
        check_agent("other", "router", "agent")


@pytest.mark.parametrize(
    ("value", "is_accepted"), [(0, False), (1, True), (2**31 - 1, True), (2**31, False), (-1, False)]
)
def test_a_schema_version_fits_its_column(value: int, is_accepted: bool) -> None:
    if is_accepted:
        assert event(schema_version=value).schema_version == value
    else:
        with pytest.raises(Invalid):
            event(schema_version=value)


def test_a_read_position_fits_its_column() -> None:
    assert new_append("s-1", [event()], read_position=0).read_position == 0
    for position in (-1, 2**63):
        with pytest.raises(Invalid):
            new_append("s-1", [event()], read_position=position)
    assert check_count(2**63 - 1, "read_position", minimum=0) == 2**63 - 1


@pytest.mark.parametrize("metadata", [b"[]", b"null", b'"{}"', b"1", b" [{}]"])
def test_metadata_is_an_object(metadata: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        event(metadata=metadata, field="events[1]")
    assert refusal.value.fields == {"field": "events[1].metadata"}
    assert event(metadata=b' {"a": [] } ').metadata == ' {"a": [] } '


@pytest.mark.parametrize(
    ("part", "text", "error"),
    [
        ("data", b"NaN", Invalid),
        ("data", b'"\\u0000"', Invalid),
        ("data", b"1e131071", NumberTooLarge),
        ("metadata", b'{"a":1,"a":1}', Invalid),
        ("metadata", b'{"a":1e9999}', NumberTooLarge),
        ("metadata", b'{"a":"' + b"a" * 2**20 + b'"}', TooLarge),
    ],
)
def test_data_and_metadata_are_checked_by_name(part: str, text: bytes, error: type[EventsError]) -> None:
    parts: dict[str, Any] = {part: text}
    with pytest.raises(error) as refusal:
        event(field="events[2]", **parts)
    assert refusal.value.fields["field"] == f"events[2].{part}"


@pytest.mark.parametrize(
    "changed",
    [
        {"stream": "s-2"},
        {"type": "u"},
        {"data": b"2"},
        {"data": b'"1"'},
        {"metadata": b'{"a":1}'},
        {"schema_version": 2},
        {"agent": "router"},
        {"pinned_agent": "router"},
        {"correlation_id": "c"},
        {"causation_id": "c"},
        {"occurred_at": "2026-01-31T12:00:00Z"},
        {"tags": ["vip"]},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_each_part_of_the_content_changes_the_digest(changed: dict[str, Any]) -> None:
    assert event(**changed).digest != event().digest


def test_the_same_content_has_the_same_digest_whatever_its_id_and_spelling() -> None:
    one = event(data=b'{"a":1,"b":[2]}', metadata=b"{}", id="1", agent="router")
    two = event(data=b'{ "b" : [2], "\\u0061":1 }', metadata=b" { } ", id="2", pinned_agent="router")
    assert one.digest == two.digest


def test_the_order_of_tags_does_not_change_the_digest_and_is_kept() -> None:
    one, two = event(tags=["vip", "eu"]), event(tags=["eu", "vip"])
    assert one.digest == two.digest
    assert (one.tags, two.tags) == (("vip", "eu"), ("eu", "vip"))
    assert len({event(tags=tags).digest for tags in ([], ["vip"], ["eu"], ["vip", "eu"], ["vip,eu"], ["vipeu"])}) == 6


def test_an_event_without_tags_has_the_digest_that_it_had_before_there_were_tags() -> None:
    fields: dict[str, Any] = {"data": b'{"a":1.10}', "agent": "router", "occurred_at": "2026-01-31T12:00:00Z"}
    tagged: tuple[dict[str, Any], ...] = ({}, {"tags": ()}, {"tags": []})
    for tags in tagged:
        digest = event(**fields, **tags).digest.hex()
        assert digest == "6af8d996566bbaa23e7f5a16dcbf4c3baca4fcc4be63a24938bc66fe30723004"


@pytest.mark.parametrize(
    "tags", [[], ["a"], ["a" * 100, "😀" * 100], ["a b", "A B", ","], [f"t{n}" for n in range(16)]]
)
def test_up_to_sixteen_different_names_are_tags(tags: list[str]) -> None:
    assert event(tags=tags).tags == tuple(tags)


@pytest.mark.parametrize(
    ("tags", "field", "limit"),
    [
        ([f"t{n}" for n in range(17)], "event.tags", 16),
        (["a", "b", "a"], "event.tags", None),
        (["a", ""], "event.tags[1]", 100),
        (["a" * 101], "event.tags[0]", 100),
        *((["a", name], "event.tags[1]", 100) for name in BAD_NAMES),
    ],
    ids=ascii,
)
def test_tags_that_are_too_many_or_no_names_are_refused(tags: list[str], field: str, limit: int | None) -> None:
    with pytest.raises(Invalid) as refusal:
        event(tags=tags)
    assert (refusal.value.fields["field"], refusal.value.fields.get("limit")) == (field, limit)


def test_content_can_not_slip_from_one_part_into_the_next() -> None:
    parts: list[dict[str, Any]] = [
        {"correlation_id": "a"},
        {"causation_id": "a"},
        {"agent": "a"},
        {"correlation_id": "a", "causation_id": "a"},
    ]
    assert len({event(**part).digest for part in parts}) == len(parts)
    assert event(data=b"1", metadata=b'{"a":1}').digest != event(data=b'1,{"a":1}'[:1], metadata=b"{}").digest


def test_an_event_without_an_id_gets_a_uuid_that_sorts_by_time() -> None:
    ids = [event().id for _ in range(100)]
    assert {UUID(uuid).version for uuid in ids} == {7}
    assert ids == sorted(ids)
    assert len(set(ids)) == 100


def test_an_append_holds_events_with_ids_of_their_own() -> None:
    with pytest.raises(Invalid, match="at least one"):
        new_append("s-1", [])
    with pytest.raises(Invalid, match="same id twice"):
        new_append("s-1", [event(id="a"), event(id="a")])


def test_an_append_holds_up_to_ten_thousand_events() -> None:
    limit = settings.EVENTSITE.request_max_events
    one = event()
    events = [replace(one, id=str(n)) for n in range(limit + 1)]
    assert limit == 10_000
    assert len(new_append("s-1", events[:limit]).events) == limit
    with pytest.raises(TooLarge) as refusal:
        new_append("s-1", events)
    assert refusal.value.fields == {"field": "events", "limit": limit}


def test_a_key_covers_content_and_order_but_neither_ids_nor_the_expected_version() -> None:
    a, b = event(data=b"1"), event(data=b"2")
    covered = new_append("s-1", [a, b], idempotency_key="k").fingerprint
    again = [event(data=b"1"), event(data=b" 2")]
    assert new_append("s-1", again, idempotency_key="k", expected_version=5, read_position=9).fingerprint == covered
    assert new_append("s-1", [b, a], idempotency_key="k").fingerprint != covered
    assert new_append("s-1", [a], idempotency_key="k").fingerprint != covered
    other = [event(stream="s-2", data=data) for data in (b"1", b"2")]
    assert new_append("s-2", other, idempotency_key="k").fingerprint != covered
    assert new_append("s-1", [a, b]).fingerprint is None


def test_the_size_of_an_append_counts_bytes_not_characters() -> None:
    text = ('"' + "😀" * 100_000 + '"').encode()
    assert size(new_append("s-1", [event(data=text)])) >= len(text)


def test_a_name_may_have_two_hundred_characters_not_bytes() -> None:
    assert check_name("é" * 200, "type")
