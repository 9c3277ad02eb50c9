"""The lists of streams and workflows follow the events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from events.appending.checks import new_append, new_event
from events.engine import Engine
from events.models import Log
from events.reading import store
from events.types import Append, StreamInfo

START, END = "2026-01-01T10:00:00Z", "2026-01-01T11:30:00Z"


def append(stream: str, *events: dict[str, Any]) -> Append:
    return new_append(stream, [new_event(stream, "Moved", data=b"1", **event) for event in events])


async def test_a_stream_knows_its_last_event(engine: Engine, log: Log) -> None:
    await engine.writer.append(log.pk, [append("a-1", {}), append("b-1", {}), append("a-1", {}, {})])
    streams = await store.latest_streams(log.pk, limit=10).afetch(engine.pool)
    assert streams == [StreamInfo("a-1", "a", 3, 4), StreamInfo("b-1", "b", 1, 2)]
    assert await store.latest_streams(log.pk, before=4, limit=10).afetch(engine.pool) == streams[1:]
    assert await store.latest_streams(log.pk, category="b", limit=10).afetch(engine.pool) == streams[1:]
    assert await store.latest_streams(log.pk, prefix="a", limit=10).afetch(engine.pool) == streams[:1]


async def test_a_workflow_adds_up_its_events(engine: Engine, log: Log) -> None:
    for stream, agent, at in (("a-1", "router", START), ("b-1", "notifier", END), ("a-1", "router", END)):
        event = {"correlation_id": "run-7", "agent": agent, "occurred_at": at}
        await engine.writer.append(log.pk, [append(stream, event, {})])
    [workflow] = await store.latest_workflows(log.pk, limit=10).afetch(engine.pool)
    assert (workflow.correlation_id, workflow.events) == ("run-7", 3)
    assert (workflow.first_position, workflow.last_position) == (1, 5)
    assert (workflow.last_at - workflow.first_at).total_seconds() == 90 * 60
    assert set(workflow.agents) == {"router", "notifier"}
    assert await store.workflow(log.pk, "run-7").afirst(engine.pool) == workflow


@pytest.mark.parametrize("first", [{"occurred_at": START}, {}])
async def test_a_workflow_is_timed_on_one_clock(engine: Engine, log: Log, first: dict[str, Any]) -> None:
    for event in (first, {"occurred_at": START}, {"occurred_at": END}, {}):
        await engine.writer.append(log.pk, [append("a-1", {"correlation_id": "run-7"} | event)])
    [workflow] = await store.latest_workflows(log.pk, limit=10).afetch(engine.pool)
    assert workflow.took.total_seconds() == 90 * 60
    assert workflow.last_at == workflow.last_occurred_at


async def test_a_workflow_without_times_is_timed_as_it_was_recorded(engine: Engine, log: Log) -> None:
    for _ in range(2):
        await engine.writer.append(log.pk, [append("a-1", {"correlation_id": "run-7"})])
    [workflow] = await store.latest_workflows(log.pk, limit=10).afetch(engine.pool)
    events = await store.events(log.pk, limit=10).afetch(engine.pool)
    assert (workflow.first_at, workflow.last_at) == (events[0].recorded_at, events[1].recorded_at)


async def test_a_workflow_names_twenty_agents_at_the_most(engine: Engine, log: Log) -> None:
    for first in (0, 15):
        events = [{"correlation_id": "run-8", "agent": f"agent-{n}"} for n in range(first, first + 15)]
        await engine.writer.append(log.pk, [append("a-1", *events)])
    workflow = await store.workflow(log.pk, "run-8").afirst(engine.pool)
    assert workflow is not None
    assert len(workflow.agents) == 20


@pytest.fixture
def other(make_log: Callable[[], Log]) -> Log:
    return make_log()


async def test_workflows_of_another_log_are_not_listed(engine: Engine, log: Log, other: Log) -> None:
    await engine.writer.append(log.pk, [append("a-1", {"correlation_id": "run-9"})])
    assert not await store.latest_workflows(other.pk, limit=10).afetch(engine.pool)
