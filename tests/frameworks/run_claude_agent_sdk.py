"""Run two turns of the Claude Agent SDK: a sub-agent, a tool that fails. The program that it talks to is scripted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, ClaudeSDKClient, ResultMessage, Transport, query

from eventsite_client.adapters.claude_agent_sdk import EventsiteMessages

SESSION = "order-1004"


def starts(turn: str) -> dict[str, Any]:
    return {"type": "system", "subtype": "init", "session_id": SESSION, "uuid": turn}


def replies(id: str, *content: dict[str, Any], message: str | None = None, caller: str | None = None) -> dict[str, Any]:
    """Return a reply, or a part of the message that another part began."""
    usage = {"input_tokens": 10, "output_tokens": 2, "cache_read_input_tokens": 4}
    answer = {"id": message or id, "role": "assistant", "model": "scripted", "content": [*content], "usage": usage}
    return {"type": "assistant", "message": answer, "parent_tool_use_id": caller, "session_id": SESSION, "uuid": id}


def calls(id: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": arguments}


def returns(id: str, text: str, *, caller: str | None = None, is_error: bool = False) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": id, "content": [{"type": "text", "text": text}]}
    if is_error:
        block |= {"content": f"{text}\n\nTry another one.", "is_error": True}
    return {
        "type": "user", "message": {"role": "user", "content": [block]}, "parent_tool_use_id": caller,
        "tool_use_result": f"Error: {text}" if is_error else block["content"], "session_id": SESSION,
    }  # fmt: skip


def ends(result: str) -> dict[str, Any]:
    return {
        "type": "result", "subtype": "success", "is_error": False, "result": result, "session_id": SESSION,
        "duration_ms": 9, "duration_api_ms": 8, "num_turns": 4, "total_cost_usd": 0.001,
    }  # fmt: skip


FIRST_TURN = [
    starts("1"),
    replies("a", {"type": "thinking", "thinking": "A router knows.", "signature": "s"}),
    replies("b", calls("ask", "Task", subagent_type="router", prompt="Find a van."), message="a"),
    replies("c", calls("v1", "mcp__depot__reserve_van", van="V1"), caller="ask"),
    returns("v1", "V1 is full", caller="ask", is_error=True),
    replies("d", calls("v2", "mcp__depot__reserve_van", van="V2"), caller="ask"),
    returns("v2", '{"van": "V2", "slot": "14:30"}', caller="ask"),
    returns("ask", "V2 at 14:30"),
    replies("e", {"type": "text", "text": "Order 1004 rides on V2."}),
    ends("Order 1004 rides on V2."),
]
SECOND_TURN = [starts("2"), replies("f", {"type": "text", "text": "At 14:30."}), ends("At 14:30.")]


class Script(Transport):
    """The program's side of the SDK's protocol: it answers what it is asked for, and a prompt by a turn."""

    def __init__(self, turn: list[dict[str, Any]]) -> None:
        self.turn = turn
        self.lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    async def connect(self) -> None:
        """Start no program."""

    async def write(self, data: str) -> None:
        message = json.loads(data)
        if message["type"] == "control_request":
            answer = {"subtype": "success", "request_id": message["request_id"], "response": {}}
            self.lines.put_nowait({"type": "control_response", "response": answer})
        elif message["type"] == "user":
            for line in self.turn:
                self.lines.put_nowait(line)

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        while (line := await self.lines.get()) is not None:
            yield line

    async def end_input(self) -> None:
        self.lines.put_nowait(None)

    async def close(self) -> None:
        self.lines.put_nowait(None)

    def is_ready(self) -> bool:
        return True


async def main() -> None:
    recorder = EventsiteMessages(agent="desk")
    prompt = "Bring order 1004 on its way."
    async for _ in recorder.watch(query(prompt=prompt, transport=Script(FIRST_TURN)), task=prompt):
        pass
    async with ClaudeSDKClient(ClaudeAgentOptions(), transport=Script(SECOND_TURN)) as client:
        await client.query("When?")
        async for message in recorder.watch(client.receive_messages(), task="When?"):
            if isinstance(message, ResultMessage):
                break
    recorder.client.close()


asyncio.run(main())
