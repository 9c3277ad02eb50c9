"""Run two agents of the OpenAI Agents SDK: a tool that fails, a hand-off, calls side by side. The model is scripted."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx2
from agents import Agent, OpenAIResponsesModel, RunConfig, Runner, function_tool, set_trace_processors
from openai import AsyncOpenAI

from eventsite_client.adapters.openai_agents import EventsiteProcessor

TURNS: list[list[dict[str, Any]]] = [
    [{"lookup_order": {"order_id": "1004"}}, {"lookup_order": {"order_id": "1005"}}],
    [{"transfer_to_router": {}}],
    [{"reserve_van": {"van": "V1"}}],
    [{"reserve_van": {"van": "V2"}}],
    [{"says": "Order 1004 rides on V2."}],
]


def item(said: dict[str, Any], number: str) -> dict[str, Any]:
    [(name, value)] = said.items()
    if name == "says":
        part = {"type": "output_text", "text": value, "annotations": []}
        return {"type": "message", "id": number, "role": "assistant", "status": "completed", "content": [part]}
    return {
        "type": "function_call",
        "id": number,
        "call_id": f"call_{number}",
        "name": name,
        "arguments": json.dumps(value),
    }


def answer(request: httpx2.Request) -> httpx2.Response:
    asked = json.loads(request.content)
    given = asked["input"]
    turn = 0 if isinstance(given, str) else len({each["call_id"].split("_")[1] for each in given if "call_id" in each})
    usage = {
        "input_tokens": 10, "output_tokens": 2, "total_tokens": 12,
        "input_tokens_details": {"cached_tokens": 4}, "output_tokens_details": {"reasoning_tokens": 1},
    }  # fmt: skip
    output = [item(said, f"{turn}_{number}") for number, said in enumerate(TURNS[turn])]
    response = {
        "id": f"resp_{turn}", "object": "response", "created_at": 1, "model": "scripted", "status": "completed",
        "instructions": asked["instructions"], "output": output, "usage": usage,
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
    }  # fmt: skip
    return httpx2.Response(200, json=response)


@function_tool
def lookup_order(order_id: str) -> str:
    """Look an order up."""
    return json.dumps({"order_id": order_id, "weight_kg": 310})


@function_tool(failure_error_function=lambda context, error: str(error))
def reserve_van(van: str) -> str:
    """Reserve a van."""
    if van == "V1":
        raise ValueError("V1 is full")
    return f"{van} is reserved"


async def main() -> None:
    processor = EventsiteProcessor(content="without-content" not in sys.argv)
    set_trace_processors([processor])
    client = AsyncOpenAI(api_key="none", http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(answer)))
    model = OpenAIResponsesModel("scripted", client)
    router = Agent(name="router", instructions="Reserve a van.", tools=[reserve_van], model=model)
    desk = Agent(name="desk", instructions="Look orders up.", tools=[lookup_order], handoffs=[router], model=model)
    config = RunConfig(workflow_name="delivery", group_id="order-1004")
    print((await Runner.run(desk, "Bring order 1004 on its way.", run_config=config)).final_output)
    processor.client.close()


asyncio.run(main())
