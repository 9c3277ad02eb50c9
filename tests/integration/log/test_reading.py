"""Each read returns what a look through the whole log would find."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.engine import Engine
from events.lists import reads as lists
from events.models import Log
from events.query.match import event_matcher
from events.query.orm import where
from events.query.tree import Name, Named, Pattern, Query, all_of, any_of
from events.reading import store
from events.reading.rows import Rows
from events.types import Event, StreamInfo
from tests.support.factories import make_append
from tests.support.fixture_types import AppendTo, Read

NAMES = [
    "a",
    "ab",
    "abc",
    "b",
    "a\U0010ffff",
    "a\U0010ffffb",
    "aé",
    "\ud7ff",
    "\ue000",
    "z%",
    "z_",
    "z\\",
    "A",
]
PREFIXES = [*NAMES, "", "a\U0010ffff\U0010ffff", "\U0010ffff", "z", "\ud7ffx"]
names = st.sampled_from(NAMES)
patterns = names.map(lambda name: Pattern((name,))) | st.sampled_from(PREFIXES).map(
    lambda prefix: Pattern((prefix, ""))
)
correlations = st.sampled_from(["run", "no"]).map(lambda name: Named(Name.CORRELATION, Pattern((name,))))
queries = st.lists(
    st.lists(
        st.builds(Named, st.sampled_from([Name.TYPE, Name.AGENT, Name.STREAM]), patterns), min_size=1, max_size=3
    ).map(any_of)
    | correlations,
    max_size=3,
).map(all_of)
bounds = st.none() | st.integers(-2, 42) | st.sampled_from([2**63 - 1, 2**63, 2**80, -(2**70)])


async def fill(append: AppendTo) -> None:
    for n in range(40):
        name, agent = NAMES[n % len(NAMES)], NAMES[n * 7 % len(NAMES)]
        event: dict[str, Any] = {"type": name, "agent": None if n % 5 == 0 else agent}
        await append(make_append(NAMES[n * 3 % len(NAMES)], {**event, "correlation_id": "run" if n % 3 == 0 else None}))


@given(queries, bounds, bounds, st.booleans(), st.integers(1, 50))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_page_holds_what_fits_its_condition(
    engine: Engine,
    log: Log,
    append: AppendTo,
    read: Read,
    query: Query,
    after: int | None,
    before: int | None,
    backward: bool,
    limit: int,
) -> None:
    if not await read():
        await fill(append)
    everything = await read()
    matches = event_matcher(query)
    matching = [
        event
        for event in (reversed(everything) if backward else everything)
        if matches(event) and (after is None or event.position > after) and (before is None or event.position < before)
    ]
    page = store.events(log.pk, where(query), after=after, before=before, backward=backward, limit=limit)
    assert await page.afetch(engine.pool) == matching[:limit]
    assert await sync_to_async(page.fetch)() == matching[:limit]


@given(st.sampled_from(NAMES), st.none() | st.integers(-1, 6) | st.just(2**70), st.booleans(), st.integers(1, 9))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_stream_is_read_from_any_version_in_both_directions(
    engine: Engine, log: Log, append: AppendTo, read: Read, name: str, start: int | None, backward: bool, limit: int
) -> None:
    if not await read():
        await fill(append)
    versions = [event for event in await read() if event.stream == name]
    expected = [
        event
        for event in (reversed(versions) if backward else versions)
        if start is None or (event.version <= start if backward else event.version >= start)
    ]
    events_of_stream = store.stream_events(log.pk, name, from_version=start, backward=backward, limit=limit)
    assert await events_of_stream.afetch(engine.pool) == expected[:limit]


@given(st.sampled_from(PREFIXES), st.sampled_from(["", *NAMES]), st.integers(1, 20))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_streams_are_listed_by_prefix_in_the_order_of_their_bytes(
    engine: Engine, log: Log, append: AppendTo, read: Read, prefix: str, after: str, limit: int
) -> None:
    if not await read():
        await fill(append)
    expected = sorted(
        {event.stream for event in await read() if event.stream.startswith(prefix) and event.stream > after},
        key=lambda name: name.encode(),
    )
    streams = await lists.streams(log.pk, prefix=prefix, after=after, limit=limit).afetch(engine.pool)
    assert [stream.name for stream in streams] == expected[:limit]


async def test_streams_are_listed_by_category(append: AppendTo, engine: Engine, log: Log) -> None:
    await append(*(make_append(name) for name in ("a-1", "a-2", "b-1", "a", "a-2")))
    streams = await lists.streams(log.pk, category="a", limit=10).afetch(engine.pool)
    assert streams == [StreamInfo("a-1", 1, 1), StreamInfo("a-2", 2, 5)]


async def test_an_event_is_found_by_position_by_id_and_by_its_cause(
    append: AppendTo, read: Read, engine: Engine, log: Log, other_log: Log
) -> None:
    await append(make_append("a-1", {"id": "1"}, {"id": "2", "causation_id": "1"}, {"id": "3", "causation_id": "1"}))
    await engine.writer.append(other_log.pk, [make_append("a-1", {"id": "1"}, {"id": "9", "causation_id": "1"})])
    one, two, three = await read()
    assert await store.event(log.pk, 2).afirst(engine.pool) == two
    assert await store.event_by_id(log.pk, "3").afirst(engine.pool) == three
    assert await store.effects(log.pk, "1", limit=10).afetch(engine.pool) == [two, three]
    assert await store.effects(log.pk, "1", limit=1).afetch(engine.pool) == [two]
    assert one.causation_id is None


@pytest.mark.parametrize("position", [0, -1, 2, 2**63 - 1, 2**63, 2**80])
async def test_there_is_nothing_at_a_position_that_is_none(
    append: AppendTo, engine: Engine, log: Log, position: int
) -> None:
    await append(make_append("a-1"))
    assert await store.event(log.pk, position).afirst(engine.pool) is None
    assert await sync_to_async(store.event(log.pk, position).first)() is None


async def test_an_unknown_log_reads_as_empty(engine: Engine) -> None:
    assert await store.log("no-such-log").afirst(engine.pool) is None
    assert await store.head(2**31 - 1).afirst(engine.pool) is None
    events: list[Event] = await store.events(2**31 - 1, limit=1).afetch(engine.pool)
    assert events == []


async def test_neighbours_are_the_nearest_along_each_way(append: AppendTo, engine: Engine, log: Log) -> None:
    same = {"type": "A", "agent": "a", "correlation_id": "w"}
    await append(
        make_append("s", same, {"type": "B"}),
        make_append("t", {"type": "A"}, {"correlation_id": "w"}),
        make_append("s", same, {"agent": "a"}),
        make_append("t", same),
        make_append("s", same),
    )
    event = await store.event(log.pk, 5).afirst(engine.pool)
    assert event
    neighbours = await store.neighbours(log.pk, event).afetch(engine.pool)
    assert {(one.along, one.position) for one in neighbours} == {
        ("stream", 2), ("stream", 6), ("workflow", 4), ("workflow", 7), ("agent", 1), ("agent", 6), ("type", 3),
        ("type", 7),
    }  # fmt: skip


async def test_an_event_without_agent_and_workflow_has_no_neighbours_there(
    append: AppendTo, engine: Engine, log: Log
) -> None:
    await append(*(make_append(f"s{n}", {"type": f"T{n}"}) for n in range(3)))
    event = await store.event(log.pk, 2).afirst(engine.pool)
    assert event
    assert await store.neighbours(log.pk, event).afetch(engine.pool) == []


NAME_READS: dict[str, Callable[..., Rows[str]]] = {
    "type": partial(store.names_seen, name="type"),
    "agent": partial(store.names_seen, name="agent"),
    "stream": lists.stream_names,
    "correlation_id": lists.workflow_ids,
}


@given(st.sampled_from(sorted(NAME_READS)), st.sampled_from(PREFIXES), st.integers(1, 20))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_names_seen_are_those_with_the_prefix_in_the_order_of_their_bytes(
    engine: Engine, log: Log, append: AppendTo, read: Read, name: str, prefix: str, limit: int
) -> None:
    if not await read():
        await fill(append)
        await append(*(make_append(n, {"type": n, "agent": n, "correlation_id": n}) for n in NAMES))
    names = {str(getattr(event, name)) for event in await read() if getattr(event, name) is not None}
    expected = sorted((each for each in names if each.startswith(prefix)), key=lambda each: each.encode())
    names_read = NAME_READS[name](log.pk, prefix=prefix, limit=limit)
    assert await names_read.afetch(engine.pool) == expected[:limit]


async def test_moments_and_positions_of_what_is_not_there_are_left_out(
    append: AppendTo, engine: Engine, log: Log
) -> None:
    await append(make_append("s", {"id": "1", "type": "A", "occurred_at": "2021-07-21T06:00:01Z"}, {"id": "2"}))
    (moment,) = await store.moments(log.pk, [1, 9]).afetch(engine.pool)
    assert (moment.position, moment.type, moment.at) == (1, "A", datetime(2021, 7, 21, 6, 0, 1, tzinfo=UTC))
    assert await store.positions_of(log.pk, ["2", "nothing"]).afetch(engine.pool) == [("2", 2)]
    assert await store.moments(log.pk, []).afetch(engine.pool) == []
