"""Run a graph of LangGraph: an agent, a tool that fails, nodes side by side, one that is retried, checkpoints."""

from __future__ import annotations

import json
import operator
from typing import Annotated, Any, TypedDict

from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy

from eventsite_client.adapters.langgraph import EventsiteHandler


class Scripted(GenericFakeChatModel):
    """A model that says what it is told to."""

    def bind_tools(self, tools: Any, **options: Any) -> Any:
        return self


class Order(TypedDict):
    task: str
    facts: Annotated[list[str], operator.add]
    answer: str


@tool
def reserve_van(van: str) -> str:
    """Reserve a van."""
    if van == "V1":
        raise ToolException("V1 is full")
    return f"{van} is reserved"


reserve_van.handle_tool_error = True


def asks(id: str, van: str) -> AIMessage:
    usage = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12}
    call = {"name": "reserve_van", "args": {"van": van}, "id": id}
    return AIMessage("", tool_calls=[call], usage_metadata=usage)


router = create_agent(
    Scripted(messages=iter([asks("one", "V1"), asks("two", "V2"), AIMessage("Order 1004 rides on V2.")])),
    tools=[reserve_van],
    name="router",
)
failures = iter([True, False])


def weigh(state: Order) -> dict[str, Any]:
    return {"facts": ["310 kg"]}


def look_up(state: Order) -> dict[str, Any]:
    if next(failures):
        raise ConnectionError("the depot does not answer")
    return {"facts": ["to Bern"]}


def route(state: Order) -> dict[str, Any]:
    return {"answer": router.invoke({"messages": [("user", "Reserve a van.")]})["messages"][-1].content}


builder = StateGraph(Order)
builder.add_node("weigh", weigh)
builder.add_node("look_up", look_up, retry_policy=RetryPolicy(max_attempts=2, initial_interval=0.01))
builder.add_node("route", route)
builder.add_edge(START, "weigh")
builder.add_edge(START, "look_up")
builder.add_edge(["weigh", "look_up"], "route")
builder.add_edge("route", END)

handler = EventsiteHandler()
graph = builder.compile(checkpointer=handler.watch(InMemorySaver()), name="delivery")
config = {"configurable": {"thread_id": "order-1004"}}
graph.invoke({"task": "Bring order 1004 on its way.", "facts": []}, {**config, "callbacks": [handler]})
handler.client.close()
print(json.dumps(graph.get_state(config).values))
