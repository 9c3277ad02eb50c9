"""Claude Agent SDK: the messages of a captured session, and of one that has a sub-agent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eventsite_client import NewEvent
from eventsite_client.adapters.claude_agent_sdk import EventsiteMessages
from tests.support.recorder import Recorder, lines


def block(value: Any) -> Any:
    """A block of the SDK has attributes where its JSON has members."""
    return SimpleNamespace(**value) if isinstance(value, dict) else value


def made(kind: str, **members: Any) -> Any:
    """A message of the SDK, which is known by its class."""
    if isinstance(members.get("content"), list):
        members["content"] = [block(each) for each in members["content"]]
    return type(kind, (SimpleNamespace,), {})(**members)


async def told_by(messages: Iterable[Any], *, breaks: bool = False) -> list[NewEvent]:
    async def stream() -> AsyncIterator[Any]:
        for each in messages:
            yield each
        if breaks:
            raise ConnectionError

    recorder = Recorder()
    try:
        async for _ in EventsiteMessages(recorder.client, agent="desk").watch(stream(), task="Bring it."):
            pass
    except ConnectionError:
        assert breaks
    return recorder.events


async def test_a_captured_session(shared_data: Path) -> None:
    path = shared_data / "agent-frameworks" / "claude-agent-sdk" / "native" / "messages.jsonl"
    captured = [json.loads(line) for line in path.read_text().splitlines()]
    events = await told_by(made(each["class"], **each["message"]) for each in captured)
    assert lines(events) == [
        " 0 - workflow.started - desk",
        " 1 <0 agent.started desk desk",
        " 2 <1 model.replied desk mcp__depot__lookup_order",
        " 3 <2 tool.called desk mcp__depot__lookup_order",
        " 4 <3 tool.returned desk mcp__depot__lookup_order",
        " 5 <4 model.replied desk mcp__depot__reserve_van",
        " 6 <5 tool.called desk mcp__depot__reserve_van",
        " 7 <6 tool.failed desk mcp__depot__reserve_van",
        " 8 <7 model.replied desk mcp__depot__reserve_van",
        " 9 <8 tool.called desk mcp__depot__reserve_van",
        "10 <9 tool.returned desk mcp__depot__reserve_van",
        "11 <10 model.replied desk text",
        "12 <11 agent.finished desk desk",
        "13 <12 workflow.finished - desk",
    ]
    assert (events[0].data["task"], events[13].data["output"]) == ("Bring it.", "1004 rides on V2 at 14:30.")
    assert (events[2].data["model"], events[2].data["input_tokens"]) == ("claude-fake", 50)
    assert events[4].data["result"]["weight_kg"] == 310
    assert events[7].data["error"] == {"message": "van V1 is full: 310 kg asked, 120 kg left"}
    assert events[0].correlation_id == "67c6bc2e-a640-4ee1-a56f-4671ad22fec1"


INIT = made("SystemMessage", subtype="init", data={"session_id": "s", "uuid": "t"})


def reply(uuid: str, *content: Any, parent: str | None = None, message_id: str | None = None) -> Any:
    return made(
        "AssistantMessage", content=[*content], model="m", parent_tool_use_id=parent, error=None,
        usage={"input_tokens": 9}, message_id=message_id or uuid, uuid=uuid,
    )  # fmt: skip


def result(call: str, parent: str | None = None) -> Any:
    content = [{"tool_use_id": call, "content": "done", "is_error": None}]
    return made("UserMessage", content=content, parent_tool_use_id=parent, tool_use_result=None)


TASK = {"id": "task", "name": "Task", "input": {"subagent_type": "router", "prompt": "Find a van."}}


async def test_a_sub_agent_is_that_of_its_call() -> None:
    read = {"id": "read", "name": "Read", "input": {}}
    events = await told_by(
        [INIT, reply("a", TASK), reply("b", read, parent="task"), result("read", "task"), result("task")]
    )
    assert lines(events)[2:9] == [
        " 2 <1 model.replied desk Task",
        " 3 <2 tool.called desk Task",
        " 4 <3 agent.started router router",
        " 5 <4 model.replied router Read",
        " 6 <5 tool.called router Read",
        " 7 <6 tool.returned router Read",
        " 8 <7 agent.finished router router",
    ]
    assert events[4].data["task"] == "Find a van."
    assert [event.type for event in events[9:]] == ["tool.returned", "agent.failed", "workflow.failed"]


async def test_the_tokens_of_a_reply_in_parts_are_recorded_once() -> None:
    thought = {"thinking": "Hm."}
    events = await told_by([INIT, reply("a", thought, message_id="m"), reply("b", {"text": "Yes."}, message_id="m")])
    replies = [event.data for event in events if event.type == "model.replied"]
    assert [each.get("input_tokens") for each in replies] == [9, None]
    assert (replies[0]["reasoning"], replies[1]["content"]) == ("Hm.", "Yes.")


@pytest.mark.parametrize("is_error", [True, False])
async def test_each_turn_of_a_session_is_a_run(is_error: bool) -> None:
    end = made("ResultMessage", subtype="error_max_turns", is_error=is_error, result=None, total_cost_usd=0.1)
    again = made("SystemMessage", subtype="init", data={"session_id": "s", "uuid": "u"})
    events = await told_by([INIT, end, again, reply("a", TASK)], breaks=True)
    types = [event.type for event in events]
    assert types[3] == ("workflow.failed" if is_error else "workflow.finished")
    assert types[-3:] == ["tool.failed", "agent.failed", "workflow.failed"]
    assert [events[0].id, events[4].id] == ["s:t:start", "s:u:start"]
