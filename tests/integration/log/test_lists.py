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
from events.models import Log
from events.reading import store
from events.reading.statement import Statement
from events.sql import lists as sql
from events.types import Append, StreamInfo

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


NAMES = st.sampled_from(["a-1", "a-2", "b-1", "b", "-x"])
MAYBE_NAMES = st.none() | NAMES
EVENTS = st.lists(st.tuples(NAMES, MAYBE_NAMES, MAYBE_NAMES, st.none() | st.sampled_from([START, END])), max_size=30)


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
    assert sum(stream.version for stream in fresh[0]) == len(events)
    assert sum(workflow.events for workflow in fresh[2]) == sum(event[1] is not None for event in events)
    for step in steps:
        await sync_to_async(keep_lists)(log, step)
        assert await all_lists(engine, log) == fresh


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
