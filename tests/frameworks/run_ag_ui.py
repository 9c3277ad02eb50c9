"""Tell a run of AG-UI twice: as the events of the protocol that its agent makes, and as a client reads them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from ag_ui.core import (
    BaseEvent,
    RunFinishedEvent,
    RunStartedEvent,
    StateDeltaEvent,
    StateSnapshotEvent,
    SubagentFinishedEvent,
    SubagentStartedEvent,
    TextMessageContentEvent,
    TextMessageEndEvent,
    TextMessageStartEvent,
    ToolCallArgsEvent,
    ToolCallChunkEvent,
    ToolCallEndEvent,
    ToolCallResultEvent,
    ToolCallStartEvent,
)
from ag_ui.encoder import EventEncoder

from eventsite_client.adapters.ag_ui import EventsiteRuns

PATCH: list[dict[str, Any]] = [
    {"op": "add", "path": "/vans/-", "value": "V2"},
    {"op": "replace", "path": "/driver", "value": None},
]


async def run(thread: str) -> AsyncIterator[BaseEvent]:
    yield RunStartedEvent(thread_id=thread, run_id="1")
    yield StateSnapshotEvent(snapshot={"vans": ["V1"], "driver": "Ada", "note": None})
    yield ToolCallStartEvent(tool_call_id="ask", tool_call_name="ask_router")
    yield ToolCallArgsEvent(tool_call_id="ask", delta='{"order_id": ')
    yield ToolCallArgsEvent(tool_call_id="ask", delta='"1004"}')
    yield ToolCallEndEvent(tool_call_id="ask")
    router = {"subagent_run_id": "router-1"}
    yield SubagentStartedEvent(**router, name="router", description="Find a van.", parent_tool_call_id="ask")
    yield ToolCallChunkEvent(**router, tool_call_id="reserve", tool_call_name="reserve_van", delta='{"van": "V2"}')
    yield ToolCallResultEvent(**router, tool_call_id="reserve", message_id="m1", content="V2 is reserved")
    yield StateDeltaEvent(delta=PATCH)
    yield SubagentFinishedEvent(**router, result="V2")
    yield ToolCallResultEvent(tool_call_id="ask", message_id="m2", content='{"van": "V2"}')
    yield TextMessageStartEvent(message_id="m3", role="assistant")
    yield TextMessageContentEvent(message_id="m3", delta="Order 1004 ")
    yield TextMessageContentEvent(message_id="m3", delta="rides on V2.")
    yield TextMessageEndEvent(message_id="m3")
    yield RunFinishedEvent(thread_id=thread, run_id="1")


async def read(events: AsyncIterator[BaseEvent]) -> AsyncIterator[dict[str, Any]]:
    """Read events as a client does, which knows their JSON only."""
    encoder = EventEncoder()
    async for event in events:
        yield json.loads(encoder.encode(event).removeprefix("data: "))


async def main() -> None:
    runs = EventsiteRuns(agent="desk")
    types = [event.type.value async for event in runs.watch(run("made"))]
    assert types == [event["type"] async for event in runs.watch(read(run("read")))]
    runs.client.close()


asyncio.run(main())
