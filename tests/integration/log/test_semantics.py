"""The outcomes of appends, and the events in the log after them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from events.appending.checks import new_append
from events.commitment import salted
from events.engine import Engine
from events.errors import EventsError, IdConflict, KeyReused, WrongExpectedVersion
from events.lists import reads as lists
from events.models import Event as EventRow
from events.models import Log
from events.types import STREAM_EXISTS, Appended
from tests.support.factories import make_append, make_event
from tests.support.fixture_types import AppendTo, Read
from tests.support.invariants import assert_whole


async def test_an_append_is_answered_with_positions_and_versions(append: AppendTo) -> None:
    [first] = await append(make_append("a-1", {"id": "1"}, {"id": "2"}))
    [other] = await append(make_append("b-1", {"id": "3"}))
    [second] = await append(make_append("a-1", {"id": "4"}))
    assert first == Appended("a-1", ["1", "2"], first_position=1, first_version=1)
    assert other == Appended("b-1", ["3"], first_position=3, first_version=1)
    assert second == Appended("a-1", ["4"], first_position=4, first_version=3)
    assert isinstance(first, Appended)
    assert (first.last_position, first.version) == (2, 2)


async def test_an_event_is_kept_as_it_was_sent(append: AppendTo, read: Read, log: Log) -> None:
    fields = {
        "id": "id 1 (-> Ü)",
        "type": "Order/Placed#1",
        "data": b' {"b" : 1.50, "a":[12345678901234567890.12345678901234567890, "\\u00e9"]} ',
        "metadata": b'{"links" : []}',
        "agent": "planner 😀",
        "schema_version": 3,
        "correlation_id": "run/7",
        "causation_id": "id 0",
        "occurred_at": "2026-01-31T14:00:00.123456+02:00",
    }
    append_ = make_append("order-42/x (-> Y)", fields, expected_version=0, read_position=17)
    await append(append_)
    [event] = await read()
    assert event.data == ' {"b" : 1.50, "a":[12345678901234567890.12345678901234567890, "\\u00e9"]} '
    assert event.metadata == '{"links" : []}'
    assert event.occurred_at == datetime(2026, 1, 31, 12, 0, 0, 123456, UTC)
    assert event.stream == "order-42/x (-> Y)"
    stored_fields = {name: getattr(event, name) for name in fields}
    assert stored_fields == {**fields, "data": event.data, "metadata": event.metadata, "occurred_at": event.occurred_at}
    row = await EventRow.objects.aget(log=log, position=1)
    assert (row.expected_version, row.read_position) == (0, 17)
    assert row.salt is not None
    assert row.digest == salted(bytes(row.salt), append_.events[0].digest)


async def test_fields_that_were_not_sent_are_null(append: AppendTo, read: Read) -> None:
    await append(make_append("a-1", {"data": b"null"}))
    [event] = await read()
    assert (event.agent, event.correlation_id, event.causation_id, event.occurred_at) == (None, None, None, None)
    assert (event.data, event.metadata, event.schema_version) == ("null", "{}", 1)
    assert event.at == event.recorded_at


@pytest.mark.parametrize("sent_time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_a_time_at_the_edge_of_the_calendar_comes_back(append: AppendTo, read: Read, sent_time: str) -> None:
    await append(make_append("a-1", {"occurred_at": sent_time}))
    [event] = await read()
    assert event.occurred_at == datetime.fromisoformat(sent_time)


@pytest.mark.parametrize(
    ("events", "expected", "met"),
    [
        *((0, None, True), (0, 0, True), (0, STREAM_EXISTS, False), (0, 1, False), (0, 2**63 - 1, False)),
        *((2, None, True), (2, 0, False), (2, STREAM_EXISTS, True), (2, 1, False), (2, 2, True), (2, 3, False)),
    ],
)
@pytest.mark.parametrize("in_one_flush", [False, True], ids=["alone", "behind others"])
async def test_an_append_stands_or_falls_with_its_expected_version(
    append: AppendTo, read: Read, events: int, expected: int | None, met: bool, in_one_flush: bool
) -> None:
    before = [make_append("a-1") for _ in range(events)]
    if not in_one_flush:
        await append(*before)
        before = []
    *_, outcome = await append(*before, make_append("a-1", expected_version=expected))
    if met:
        assert isinstance(outcome, Appended)
        assert outcome.version == events + 1
    else:
        assert isinstance(outcome, WrongExpectedVersion)
        assert outcome.fields == {"expected_version": expected, "current_version": events}
    assert len(await read()) == events + met


async def test_several_events_in_one_append_are_all_written_or_none(append: AppendTo, read: Read) -> None:
    await append(make_append("a-1", {"id": "1"}))
    [outcome] = await append(make_append("a-1", {"id": "2"}, {"id": "3"}, {"id": "1"}, {"id": "4"}))
    assert isinstance(outcome, IdConflict)
    assert [event.id for event in await read()] == ["1"]


async def test_one_bad_append_among_many_leaves_the_others_alone(append: AppendTo, read: Read) -> None:
    await append(make_append("a-1", {"id": "taken"}))
    good = [make_append(f"good-{n}") for n in range(199)]
    for bad in (make_append("a-1", expected_version=0), make_append("b-1", {"id": "taken"})):
        outcomes = await append(*good[:100], bad, *good[100:])
        assert isinstance(outcomes.pop(100), EventsError)
        assert all(isinstance(outcome, Appended) for outcome in outcomes)
    assert len(await read()) == 1 + 199  # the second time, the outcomes are replays


async def test_an_atomic_request_is_written_as_a_whole(append: AppendTo, read: Read) -> None:
    outcomes = await append(
        make_append("a-1", {"id": "1"}, expected_version=0),
        make_append("b-1", {"id": "2"}),
        make_append("a-1", {"id": "3"}, expected_version=1),
        atomic=True,
    )
    assert outcomes == [Appended("a-1", ["1"], 1, 1), Appended("b-1", ["2"], 2, 1), Appended("a-1", ["3"], 3, 2)]
    assert_whole(await read())


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("bad", ["version", "id", "key"])
async def test_an_atomic_request_with_one_bad_append_writes_nothing(
    append: AppendTo, read: Read, place: int, bad: str
) -> None:
    await append(make_append("a-1", {"id": "taken"}, idempotency_key="key"))
    group = [make_append("c-1"), make_append("c-2")]
    bad_appends: dict[str, tuple[Any, type[EventsError]]] = {
        "version": (make_append("a-1", expected_version=0), WrongExpectedVersion),
        "id": (make_append("b-1", {"id": "taken"}), IdConflict),
        "key": (make_append("b-1", idempotency_key="key"), KeyReused),
    }
    group.insert(place, bad_appends[bad][0])
    outcomes = await append(*group, atomic=True)
    assert [type(outcome) for outcome in outcomes] == [bad_appends[bad][1]] * 3
    assert len(await read()) == 1


async def test_an_atomic_request_is_replayed_as_a_whole(append: AppendTo, read: Read) -> None:
    group = [make_append("a-1", expected_version=0), make_append("b-1", expected_version=0)]
    first = await append(*group, atomic=True)
    again = await append(*group, atomic=True)
    assert all(isinstance(outcome, Appended) and outcome.replayed for outcome in again)
    assert [o.first_position for o in again if isinstance(o, Appended)] == [
        o.first_position for o in first if isinstance(o, Appended)
    ]
    partly = await append(group[0], make_append("c-1"), atomic=True)
    assert all(isinstance(outcome, IdConflict) for outcome in partly)
    assert len(await read()) == 2


async def test_a_conflict_does_not_consume_a_key(append: AppendTo) -> None:
    [conflict] = await append(make_append("a-1", {"id": "1"}, expected_version=5, idempotency_key="k"))
    assert isinstance(conflict, WrongExpectedVersion)
    [success] = await append(make_append("a-1", {"id": "2", "data": b"2"}, expected_version=0, idempotency_key="k"))
    assert success == Appended("a-1", ["2"], 1, 1)


async def test_a_key_replays_the_same_events_and_refuses_others(append: AppendTo, read: Read) -> None:
    fields = {"data": b'{"a":1,"b":2}'}
    [first] = await append(make_append("a-1", fields, {}, expected_version=0, idempotency_key="agent:order:1"))
    again = {"data": b'{"b": 2, "a": 1}'}  # the server makes another id for an event without one
    [replay] = await append(make_append("a-1", again, {}, expected_version=7, idempotency_key="agent:order:1"))
    assert isinstance(first, Appended)
    assert replay == Appended("a-1", first.ids, 1, 1, replayed=True)
    for other in (
        make_append("a-1", fields, idempotency_key="agent:order:1"),
        make_append("b-1", fields, {}, idempotency_key="agent:order:1"),
    ):
        [refusal] = await append(other)
        assert isinstance(refusal, KeyReused)
    assert len(await read()) == 2


async def test_keys_and_ids_and_versions_are_each_logs_own(engine: Engine, log: Log, other_log: Log) -> None:
    appends = [make_append("a-1", {"id": "1"}, expected_version=0, idempotency_key="k")]
    for each in (log, other_log):
        assert await engine.writer.append(each.pk, appends) == [Appended("a-1", ["1"], 1, 1)]


@pytest.mark.parametrize(
    ("name", "category"),
    [("order-42", "order"), ("order", None), ("-x", None), ("a-b-c", "a"), ("ü/ö-1", "ü/ö"), ("a b-", "a b")],
)
async def test_a_streams_category_stands_before_its_first_dash(
    append: AppendTo, engine: Engine, log: Log, name: str, category: str | None
) -> None:
    await append(make_append(name), make_append(name))
    stream = await lists.stream(log.pk, name).afirst(engine.pool)
    assert stream is not None
    assert (stream.name, stream.category, stream.version) == (name, category, 2)


async def test_the_largest_payloads_and_names_are_kept(append: AppendTo, read: Read) -> None:
    name = "😀" * 200
    text = ('{"a":"' + "x" * (2**20 - 8) + '"}').encode()
    fields = {
        "data": text,
        "metadata": text,
        "id": name,
        "type": name,
        "agent": name,
        "correlation_id": name,
        "causation_id": name,
    }
    await append(make_append(name, fields, idempotency_key=name))
    [event] = await read()
    assert (event.data, event.metadata) == (text.decode(), text.decode())
    assert (event.id, event.type, event.agent, event.correlation_id, event.causation_id) == (name,) * 5


async def test_a_request_of_ten_thousand_events_is_written(append: AppendTo, read: Read) -> None:
    one = make_event("a-1")
    [outcome] = await append(new_append("a-1", [replace(one, id=str(n)) for n in range(10_000)]))
    assert isinstance(outcome, Appended)
    assert (outcome.last_position, outcome.version) == (10_000, 10_000)
    assert_whole(await read())
