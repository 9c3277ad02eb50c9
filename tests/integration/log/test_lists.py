"""The lists of streams and workflows follow the events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.appending.checks import new_append, new_event
from events.engine import Engine
from events.lists import reads as lists
from events.models import Log, Workflow
from events.reading import store
from events.reading.statement import Statement
from events.sql import lists as sql
from events.sql import load
from events.types import Append, StreamInfo, WorkflowInfo

START, END = "2026-01-01T10:00:00Z", "2026-01-01T11:30:00Z"


def append(stream: str, *events: dict[str, Any]) -> Append:
    return new_append(stream, [new_event(stream, "Moved", data=b"1", **event) for event in events])


async def test_a_stream_knows_its_last_event(engine: Engine, log: Log) -> None:
    await engine.writer.append(log.pk, [append("a-1", {}), append("b-1", {}), append("a-1", {}, {})])
    streams = await lists.latest_streams(log.pk, limit=10).afetch(engine.pool)
    assert streams == [StreamInfo("a-1", 3, 4), StreamInfo("b-1", 1, 2)]
    assert await lists.latest_streams(log.pk, before=4, limit=10).afetch(engine.pool) == streams[1:]
    assert await lists.latest_streams(log.pk, category="b", limit=10).afetch(engine.pool) == streams[1:]
    assert await lists.latest_streams(log.pk, prefix="a", limit=10).afetch(engine.pool) == streams[:1]


async def test_a_workflow_adds_up_its_events(engine: Engine, log: Log) -> None:
    for stream, agent, at in (("a-1", "router", START), ("b-1", "notifier", END), ("a-1", "router", END)):
        event = {"correlation_id": "run-7", "agent": agent, "occurred_at": at}
        await engine.writer.append(log.pk, [append(stream, event, {})])
    [workflow] = await lists.latest_workflows(log.pk, limit=10).afetch(engine.pool)
    assert (workflow.correlation_id, workflow.events) == ("run-7", 3)
    assert (workflow.first_position, workflow.last_position) == (1, 5)
    assert (workflow.last_at - workflow.first_at).total_seconds() == 90 * 60
    assert set(workflow.agents) == {"router", "notifier"}
    assert await lists.workflow(log.pk, "run-7").afirst(engine.pool) == workflow


@pytest.mark.parametrize("first", [{"occurred_at": START}, {}])
async def test_a_workflow_is_timed_on_one_clock(engine: Engine, log: Log, first: dict[str, Any]) -> None:
    for event in (first, {"occurred_at": START}, {"occurred_at": END}, {}):
        await engine.writer.append(log.pk, [append("a-1", {"correlation_id": "run-7"} | event)])
    [workflow] = await lists.latest_workflows(log.pk, limit=10).afetch(engine.pool)
    assert workflow.took.total_seconds() == 90 * 60
    assert workflow.last_at == workflow.last_occurred_at


async def test_a_workflow_without_times_is_timed_as_it_was_recorded(engine: Engine, log: Log) -> None:
    for _ in range(2):
        await engine.writer.append(log.pk, [append("a-1", {"correlation_id": "run-7"})])
    [workflow] = await lists.latest_workflows(log.pk, limit=10).afetch(engine.pool)
    events = await store.events(log.pk, limit=10).afetch(engine.pool)
    assert (workflow.first_at, workflow.last_at) == (events[0].recorded_at, events[1].recorded_at)


async def test_a_workflow_names_twenty_agents_at_the_most(engine: Engine, log: Log) -> None:
    for first in (0, 15):
        events = [{"correlation_id": "run-8", "agent": f"agent-{n}"} for n in range(first, first + 15)]
        await engine.writer.append(log.pk, [append("a-1", *events)])
    workflow = await lists.workflow(log.pk, "run-8").afirst(engine.pool)
    assert workflow is not None
    assert len(workflow.agents) == 20


async def test_streams_of_the_server_are_listed_for_whom_they_are_asked(engine: Engine, log: Log) -> None:
    await engine.writer.append(
        log.pk, [append(name, {}) for name in ("a-1", "eventsite", "eventsite-b", "eventsite-a")]
    )

    async def names(**options: Any) -> list[list[str]]:
        by_name = await lists.streams(log.pk, limit=9, **options).afetch(engine.pool)
        latest = await lists.latest_streams(log.pk, limit=9, **options).afetch(engine.pool)
        return [[stream.name for stream in by_name], [stream.name for stream in latest]]

    others, ours = ["a-1", "eventsite"], ["eventsite-a", "eventsite-b"]
    for _ in range(2):
        assert await names() == [others, others[::-1]]
        assert await names(prefix="event") == [["eventsite"]] * 2
        assert await names(prefix="eventsite-") == await names(category="eventsite") == [ours, ours]
        assert await names(prefix="eventsite-b") == [["eventsite-b"]] * 2
        assert await lists.stream_names(log.pk, limit=9).afetch(engine.pool) == others
        assert await lists.stream_names(log.pk, prefix="eventsite-", limit=9).afetch(engine.pool) == ours
        await sync_to_async(keep_lists)(log, 100)


async def test_the_migration_takes_system_events_out_of_the_rows_that_count_them(engine: Engine, log: Log) -> None:
    events = [
        ("a-1", "redacted"), ("a-1", "other"), ("eventsite-a", "redacted"), ("eventsite-a", "only"),
        ("a-1", "redacted"), ("eventsite-a", "redacted"), ("a-1", "redacted"),
    ]  # fmt: skip
    appends = [append(stream, {"correlation_id": workflow, "agent": stream}) for stream, workflow in events]
    await engine.writer.append(log.pk, appends)
    expected = await all_lists(engine, log)
    await sync_to_async(keep_lists)(log, 5)
    await sync_to_async(count_system_events)(log)
    assert await all_lists(engine, log) != expected
    await sync_to_async(correct_lists)()
    assert await all_lists(engine, log) == expected


def count_system_events(log: Log) -> None:
    """Make the rows as they were when system events were counted."""
    Workflow.objects.filter(log=log, correlation_id="redacted").update(
        events=3, agents=["a-1", "eventsite-a"], first_occurred_at=START
    )
    [row] = Workflow.objects.filter(log=log, correlation_id="other")
    row.correlation_id, row.first_position, row.last_position = "only", 4, 4
    row.save(force_insert=True)


def correct_lists() -> None:
    with connection.cursor() as cursor:
        cursor.execute(load("uncount_system_events"))


NAMES = st.sampled_from(["a-1", "a-2", "b-1", "b", "-x"])
MAYBE_NAMES = st.none() | NAMES
STREAMS = NAMES | st.sampled_from(["eventsite-", "eventsite-a", "eventsite"])
EVENTS = st.lists(st.tuples(STREAMS, MAYBE_NAMES, MAYBE_NAMES, st.none() | st.sampled_from([START, END])), max_size=30)


@given(EVENTS, st.lists(st.integers(1, 20), max_size=4))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_lists_are_the_same_wherever_their_keeper_is(
    engine: Engine, make_log: Callable[[], Log], events: list[tuple[Any, ...]], steps: list[int]
) -> None:
    log = await sync_to_async(make_log)()
    appends = [
        append(stream, {"correlation_id": workflow, "agent": agent, "occurred_at": at})
        for stream, workflow, agent, at in events
    ]
    await engine.writer.append(log.pk, appends)
    fresh = await all_lists(engine, log)
    own = [(position, *event) for position, event in enumerate(events, 1) if not event[0].startswith("eventsite-")]
    assert sum(stream.version for stream in fresh[0]) == len(own)
    assert {each.correlation_id: facts(each) for each in fresh[2]} == expected_workflows(own)
    for step in steps:
        await sync_to_async(keep_lists)(log, step)
        assert await all_lists(engine, log) == fresh


def facts(workflow: WorkflowInfo) -> tuple[Any, ...]:
    times = [at and at.strftime("%Y-%m-%dT%H:%M:%SZ") for at in (workflow.first_occurred_at, workflow.last_occurred_at)]
    return workflow.events, workflow.first_position, workflow.last_position, *times, set(workflow.agents)


def expected_workflows(events: list[tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    """The facts of each workflow, by its id, from the events: position, stream, workflow, agent, time."""
    workflows = {}
    for name in {event[2] for event in events if event[2] is not None}:
        positions, _, _, agents, times = zip(*(event for event in events if event[2] == name), strict=True)
        known = [at for at in times if at is not None]
        first, last = min(known, default=None), max(known, default=None)
        workflows[name] = len(positions), min(positions), max(positions), first, last, set(agents) - {None}
    return workflows


def keep_lists(log: Log, step_events: int) -> None:
    """List the next events, as the keeper does."""
    with connection.cursor() as cursor:
        cursor.execute(sql.KEEP, {"log_id": log.pk, "most": step_events})


async def all_lists(engine: Engine, log: Log) -> list[Any]:
    """The pages of every list, and each single entry."""
    pages: list[Statement[Any]] = [
        lists.streams(log.pk, limit=100),
        lists.latest_streams(log.pk, limit=100),
        lists.latest_workflows(log.pk, limit=100),
        lists.streams(log.pk, prefix="eventsite-", limit=100),
        lists.streams(log.pk, category="eventsite", limit=100),
        lists.streams(log.pk, prefix="a", after="a-1", limit=2),
        lists.latest_streams(log.pk, category="a", before=9, limit=2),
        lists.latest_workflows(log.pk, before=7, limit=2),
        lists.workflow_ids(log.pk, prefix="a", limit=2),
        *(lists.stream(log.pk, name) for name in ("a-1", "b")),
        *(lists.workflow(log.pk, name) for name in ("a-1", "b")),
    ]
    return [await page.afetch(engine.pool) for page in pages]


@pytest.fixture
def other(make_log: Callable[[], Log]) -> Log:
    return make_log()


async def test_workflows_of_another_log_are_not_listed(engine: Engine, log: Log, other: Log) -> None:
    await engine.writer.append(log.pk, [append("a-1", {"correlation_id": "run-9"})])
    assert not await lists.latest_workflows(other.pk, limit=10).afetch(engine.pool)
