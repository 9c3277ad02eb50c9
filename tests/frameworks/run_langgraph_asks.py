"""Run a graph of LangGraph that asks somebody inside an agent's tool, twice: the second question is not answered."""

from __future__ import annotations

from itertools import count
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from eventsite_client.adapters.langgraph import EventsiteHandler


class Scripted(GenericFakeChatModel):
    """A model that says what it is told to."""

    def bind_tools(self, tools: Any, **options: Any) -> Any:
        return self


ids = count(1)


def says(text: str = "", /, **calls: Any) -> AIMessage:
    asked = [{"name": name, "args": args, "id": f"call-{next(ids)}"} for name, args in calls.items()]
    return AIMessage(text, tool_calls=asked)


def reserve_van(van: str) -> str:
    """Reserve a van."""
    return f"{van} is reserved, as somebody said {interrupt({'question': f'May I reserve {van}?'})}"


def ask_router(request: str) -> str:
    """Ask the router."""
    answer: str = router.invoke({"messages": [("user", request)]})["messages"][-1].text
    return answer


reserve: dict[str, Any] = {"reserve_van": {"van": "V1"}}
ask: dict[str, Any] = {"ask_router": {"request": "Reserve V1."}}
handler = EventsiteHandler()
router = create_agent(
    Scripted(messages=iter([says(**reserve), says("V1 is reserved."), says(**reserve)])), [reserve_van], name="router"
)
dispatcher = create_agent(
    Scripted(messages=iter([says(**ask), says("Order 1004 rides on V1."), says(**ask), says("As you like.")])),
    [ask_router],
    name="dispatcher",
    checkpointer=handler.watch(InMemorySaver()),
)
for given in (
    {"messages": [("user", "Bring order 1004 on its way.")]},
    Command(resume="the boss"),
    {"messages": [("user", "Once more.")]},
    {"messages": [("user", "Never mind.")]},
):
    dispatcher.invoke(given, {"callbacks": [handler], "configurable": {"thread_id": "order-1004"}})
handler.client.close()
