"""The small tree of a run's events, on the page Connect, as adapters tell them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.types import Event
from events.views.connect.event_tree import event_tree
from eventsite_client.adapters.ag_ui import EventsiteRuns
from tests.support.read_events import make_event
from tests.support.recorder import Recorder

BEGAN_MS = 1_795_936_071_000
ROUTER = {"subagentRunId": "router-1"}
RUN: list[dict[str, Any]] = [
    {"type": "RUN_STARTED", "threadId": "order-1004", "runId": "1"},
    {"type": "STATE_SNAPSHOT", "snapshot": {}},
    {"type": "TOOL_CALL_START", "toolCallId": "ask", "toolCallName": "ask_router"},
    {"type": "TOOL_CALL_END", "toolCallId": "ask"},
    {"type": "SUBAGENT_STARTED", **ROUTER, "name": "router", "parentToolCallId": "ask"},
    {"type": "TOOL_CALL_START", **ROUTER, "toolCallId": "reserve", "toolCallName": "reserve_van"},
    {"type": "TOOL_CALL_END", **ROUTER, "toolCallId": "reserve"},
    {"type": "TOOL_CALL_RESULT", **ROUTER, "toolCallId": "reserve", "messageId": "m", "content": "V2"},
    {"type": "SUBAGENT_ERROR", **ROUTER, "message": "no fuel"},
    {"type": "TOOL_CALL_RESULT", "toolCallId": "ask", "messageId": "n", "content": "no"},
    {"type": "RUN_FINISHED", "threadId": "order-1004", "runId": "1", "result": "none"},
]


def recorded(run: list[dict[str, Any]]) -> list[Event]:
    """What an adapter tells of a run whose events come a second apart."""
    log = Recorder()
    timed = [{**each, "timestamp": BEGAN_MS + 1_000 * second} for second, each in enumerate(run)]
    for _ in EventsiteRuns(log.client, agent="desk").watch_in_thread(timed):
        pass
    return [
        make_event(
            json.dumps(each.data),
            position=position,
            stream=stream,
            id=str(each.id),
            type=each.type,
            agent=each.agent,
            causation_id=each.causation_id,
            occurred_at=each.occurred_at,
        )
        for position, (stream, each) in enumerate(zip(log.streams, log.events, strict=True), start=1)
    ]


def test_what_a_start_causes_stands_below_it_and_its_end_gives_it_a_length() -> None:
    rows = event_tree(recorded(RUN)).rows
    assert [(row.depth, row.type, row.name, row.took and row.took.total_seconds(), row.is_error) for row in rows] == [
        (0, "workflow.finished", "desk", 10, False),
        (1, "agent.failed", "desk", 10, True),
        (2, "tool.returned", "ask_router", 6, False),
        (3, "agent.failed", "router", 4, True),
        (4, "tool.returned", "reserve_van", 1, False),
        (1, "state.snapshot", "state.snapshot", None, False),
    ]
    assert [(row.start, row.width) for row in rows[2:5]] == [(30, 60), (40, 40), (60, 10)]
    assert not any(row.is_open for row in rows)


def test_what_has_not_ended_is_open() -> None:
    rows = event_tree(recorded(RUN)[:7]).rows
    assert [(row.name, row.is_open) for row in rows] == [
        ("desk", True),
        ("desk", True),
        ("ask_router", True),
        ("router", True),
        ("reserve_van", False),
        ("state.snapshot", False),
    ]


def test_who_takes_over_stands_beside_the_agent_that_hands_over() -> None:
    chain = [
        ("agent.started", "a:start", None, {"name": "dispatcher"}),
        ("model.replied", "m:end", "a:start", {"model": "scripted", "duration_ms": 250}),
        ("task.delegated", "h:start", "m:end", {"target": "router"}),
        ("agent.finished", "a:end", "h:start", {"name": "dispatcher"}),
        ("agent.started", "b:start", "h:start", {"name": "router"}),
    ]
    at = datetime(2026, 11, 30, tzinfo=UTC)
    rows = event_tree(
        [
            make_event(
                json.dumps(data),
                position=n,
                id=id,
                type=type,
                causation_id=cause,
                occurred_at=at + timedelta(seconds=n),
            )
            for n, (type, id, cause, data) in enumerate(chain, start=1)
        ]
    ).rows
    assert [(row.depth, row.name) for row in rows] == [
        (0, "dispatcher"),
        (1, "scripted"),
        (1, "→ router"),
        (0, "router"),
    ]
    assert rows[1].took == timedelta(milliseconds=250)


def test_plain_events_stand_below_each_other() -> None:
    events = [
        make_event(position=n, id=f"e{n}", type="OrderPlaced", causation_id=f"e{n - 1}", data='{"duration_ms": -1}')
        for n in range(1, 4)
    ]
    assert [(row.depth, row.name, row.took) for row in event_tree(events).rows] == [(0, "OrderPlaced", None)] * 3


@pytest.mark.parametrize("data", ["7", "[]", "null", '{"name": {"a": 1}}', '{"duration_ms": 1e999}', '{"name": 0}'])
@pytest.mark.parametrize("ids", ["a a", "a:start a:start", "a:end a:start", ":end :start", ": b"])
def test_whatever_is_appended_there_is_a_row_for_it(data: str, ids: str) -> None:
    id, cause = ids.split()
    for events in (
        [make_event(data, id=id, type="task.delegated", causation_id=cause)],
        [make_event(data, id=cause, type="tool.called"), make_event(data, id=id, type="x", causation_id=cause)],
    ):
        assert event_tree(events).rows


def test_a_name_of_any_length_is_cut() -> None:
    [row] = event_tree([make_event(json.dumps({"target": "x" * 10_000}))]).rows
    assert len(row.name) == 200
