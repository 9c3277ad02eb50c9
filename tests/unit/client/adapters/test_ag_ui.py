"""AG-UI: a run's events are folded, and its states replay exactly."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from eventsite_client import NewEvent
from eventsite_client.adapters.ag_ui import EventsiteRuns
from projections.catalog.agent_state import agent_state
from tests.support.histories import History
from tests.support.recorder import Recorder, lines


def told_by(events: list[dict[str, Any]], **options: Any) -> list[NewEvent]:
    recorder = Recorder()
    assert [*EventsiteRuns(recorder.client, agent="desk", **options).watch_in_thread(events)] == events
    return recorder.events


def event(type: str, **members: Any) -> dict[str, Any]:
    return {"type": type, "timestamp": 1_795_936_071_573, **members}


START = event("RUN_STARTED", threadId="order-1004", runId="1")
END = event("RUN_FINISHED", threadId="order-1004", runId="1")


def test_a_captured_run_is_folded(shared_data: Path) -> None:
    path = shared_data / "agent-frameworks" / "pydantic-ai" / "ag-ui" / "stream.sse"
    texts = path.read_text().splitlines()
    events = told_by([json.loads(text.removeprefix("data: ")) for text in texts if text.startswith("data: ")])
    assert lines(events) == [
        " 0 - workflow.started - desk",
        " 1 <0 agent.started desk desk",
        " 2 <1 tool.called desk lookup_order",
        " 3 <2 tool.returned desk lookup_order",
        " 4 <3 tool.called desk ask_router",
        " 5 <4 tool.returned desk ask_router",
        " 6 <5 tool.called desk ask_notifier",
        " 7 <6 tool.returned desk ask_notifier",
        " 8 <7 model.replied desk text",
        " 9 <8 agent.finished desk desk",
        "10 <9 workflow.finished - desk",
    ]
    assert (events[2].data["arguments"], events[5].data["result"]) == (
        {"order_id": "1004"},
        "1004 rides on V2 at 14:30.",
    )
    assert (events[0].correlation_id, events[0].id) == ("order-1004", "order-1004:run-1:start")


def test_states_replay_exactly() -> None:
    state: dict[str, Any] = {"vans": ["V1"], "steps": {"a/b": 15}}
    patch = [
        {"op": "add", "path": "/vans/-", "value": "V2"},
        {"op": "move", "path": "/steps/c", "from": "/steps/a~1b"},
        {"op": "test", "path": "/steps/c", "value": 15},
    ]
    events = told_by([START, event("STATE_SNAPSHOT", snapshot=state), event("STATE_DELTA", delta=patch), END])
    history = History()
    for each in events:
        history.say(each.type, text=json.dumps(each.data))
    folded = history.folded(agent_state)
    assert (folded["state"], folded["unfitting_patches"]) == ({"vans": ["V1", "V2"], "steps": {"c": 15}}, 0)


def test_texts_and_calls_may_come_in_chunks() -> None:
    events = told_by(
        [
            START,
            event("REASONING_MESSAGE_CONTENT", messageId="r", delta="Hm."),
            event("TEXT_MESSAGE_CHUNK", messageId="m", role="assistant", delta="I look "),
            event("TEXT_MESSAGE_CHUNK", delta="it up."),
            event("TOOL_CALL_CHUNK", toolCallId="a", toolCallName="weigh", parentMessageId="m", delta='{"of"'),
            event("TOOL_CALL_CHUNK", delta=": 1}"),
            event("TOOL_CALL_CHUNK", toolCallId="b", toolCallName="weigh", delta="{}"),
            event("TOOL_CALL_RESULT", messageId="x", toolCallId="b", content="7"),
            event("TOOL_CALL_RESULT", messageId="y", toolCallId="a", content="8"),
            END,
        ]
    )
    assert lines(events)[2:-2] == [
        " 2 <1 model.replied desk text",
        " 3 <2 tool.called desk weigh",
        " 4 <2 tool.called desk weigh",
        " 5 <4 tool.returned desk weigh",
        " 6 <3 tool.returned desk weigh",
    ]
    assert (events[2].data["content"], events[2].data["reasoning"]) == ("I look it up.", "Hm.")
    assert (events[3].data["arguments"], events[6].data["result"]) == ({"of": 1}, 8)


def test_a_sub_agent_is_that_of_the_call() -> None:
    sub = {"subagentRunId": "s"}
    events = told_by(
        [
            START,
            event("TOOL_CALL_START", toolCallId="a", toolCallName="ask"),
            event("TOOL_CALL_END", toolCallId="a"),
            event("SUBAGENT_STARTED", **sub, name="router", description="Find a van.", parentToolCallId="a"),
            event("TOOL_CALL_START", toolCallId="b", toolCallName="reserve", **sub),
            event("TOOL_CALL_END", toolCallId="b"),
            event("TOOL_CALL_RESULT", toolCallId="b", messageId="x", content="V2", **sub),
            event("SUBAGENT_ERROR", **sub, message="no way", code="lost"),
            END,
        ]
    )
    assert lines(events)[2:] == [
        " 2 <1 tool.called desk ask",
        " 3 <2 agent.started router router",
        " 4 <3 tool.called router reserve",
        " 5 <4 tool.returned router reserve",
        " 6 <5 agent.failed router router",
        " 7 <2 tool.failed desk ask",
        " 8 <7 agent.failed desk desk",
        " 9 <8 workflow.failed - desk",
    ]
    assert events[6].data["error"] == {"type": "lost", "message": "no way"}


def test_a_run_that_fails_says_why() -> None:
    events = told_by([START, event("RUN_ERROR", message="no model", code="503"), event("STATE_SNAPSHOT", snapshot=1)])
    assert [each.type for each in events[2:]] == ["agent.failed", "workflow.failed"]
    assert events[3].data["error"] == {"type": "503", "message": "no model"}


async def test_a_run_that_is_broken_off_is_stopped() -> None:
    async def run() -> AsyncIterator[dict[str, Any]]:
        yield START
        yield event("TOOL_CALL_START", toolCallId="a", toolCallName="ask")
        yield event("TOOL_CALL_END", toolCallId="a")
        raise ConnectionError("gone")

    recorder = Recorder()
    with pytest.raises(ConnectionError):
        async for _ in EventsiteRuns(recorder.client).watch(run()):
            pass
    assert [each.type for each in recorder.events[3:]] == ["tool.failed", "agent.failed", "workflow.failed"]


def test_events_that_make_no_sense_are_passed_on() -> None:
    strange = [event("TEXT_MESSAGE_CONTENT", messageId="m", delta="x"), START, event("NEW_KIND"), {"type": 7}, {}, END]
    assert [each.type for each in told_by(strange)][-1] == "workflow.finished"
