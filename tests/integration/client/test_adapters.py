"""The adapters, each with its framework: what it runs is in the log, and reads as the same run does as a trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eventsite_client import Client
from tests.support.frameworks import python_with, run
from tests.support.server import Server
from tests.support.told import lines

pytestmark = pytest.mark.processes


@pytest.fixture(scope="session")
def openai_agents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return python_with(tmp_path_factory.mktemp("openai-agents") / "venv", "openai-agents==0.24.0")


@pytest.fixture(scope="session")
def langgraph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return python_with(tmp_path_factory.mktemp("langgraph") / "venv", "langgraph==1.2.24", "langchain==1.5.2")


DELIVERY = """
 0 - workflow.started - delivery
 1 <0 agent.started desk desk
 2 <1 model.replied desk lookup_order,lookup_order
 3 <2 tool.called desk lookup_order
 4 <2 tool.called desk lookup_order
 5 <3 tool.returned desk lookup_order
 6 <4 tool.returned desk lookup_order
 7 <6,5 model.replied desk transfer_to_router
 8 <7 task.delegated desk router
 9 <8 agent.finished desk desk
10 <8 agent.started router router
11 <10 model.replied router reserve_van
12 <11 tool.called router reserve_van
13 <12 tool.failed router reserve_van
14 <13 model.replied router reserve_van
15 <14 tool.called router reserve_van
16 <15 tool.returned router reserve_van
17 <16 model.replied router text
18 <17 agent.finished router router
19 <18 workflow.finished - delivery
""".strip("\n").splitlines()


def in_order_of_calls(told: list[str]) -> list[str]:
    """Calls side by side may return in any order."""
    return [line.replace("<4 tool.returned", "<3 tool.returned").replace("<5,6", "<6,5") for line in told]


def test_openai_agents(server: Server, token: str, openai_agents: Path, tmp_path: Path) -> None:
    answer = run(openai_agents, "run_openai_agents", url=server.url, token=token, cwd=tmp_path)
    with Client(server.url, token) as client:
        events = client.events("correlation:order-1004").all()
        state = client.state(events[0].stream, projection="agent_run").value
    assert in_order_of_calls(lines(events)) == in_order_of_calls(DELIVERY)
    assert answer == "Order 1004 rides on V2."
    first = events[2].data
    assert first["messages"] == [
        {"role": "system", "content": "Look orders up."}, {"role": "user", "content": "Bring order 1004 on its way."},
    ]  # fmt: skip
    usage = {name: first[name] for name in ("model", "input_tokens", "output_tokens", "cache_read_tokens")}
    assert usage == {"model": "scripted", "input_tokens": 10, "output_tokens": 2, "cache_read_tokens": 4}
    assert events[3].data == {"name": "lookup_order", "arguments": {"order_id": "1004"}, "call_id": "call_0_0"}
    assert events[13].data["error"] == {"message": "V1 is full"}
    assert (state["status"], state["output"], state["tools"]["reserve_van"]["failed"]) == ("finished", answer, 1)


def test_openai_agents_without_content(server: Server, token: str, openai_agents: Path, tmp_path: Path) -> None:
    run(openai_agents, "run_openai_agents", "without-content", url=server.url, token=token, cwd=tmp_path)
    with Client(server.url, token) as client:
        events = client.events("correlation:order-1004").all()
    assert in_order_of_calls([line.replace(" text", "") for line in lines(events)]) == in_order_of_calls(
        [line.replace(" text", "") for line in DELIVERY]
    )
    said = json.dumps([[event.data, event.metadata] for event in events])
    assert not [word for word in ("1004", "V1", "full", "Look orders up", "310") if word in said]


def test_langgraph(server: Server, token: str, langgraph: Path, tmp_path: Path) -> None:
    state = json.loads(run(langgraph, "run_langgraph", url=server.url, token=token, cwd=tmp_path))
    with Client(server.url, token) as client:
        events = client.events("correlation:order-1004").all()
        stream = events[0].stream
        shown = [
            client.state(stream, projection="agent_state", at_version=event.version).value["state"]
            for event in events
            if event.type.startswith("state.")
        ]
    assert lines([event for event in events if not event.type.startswith("state.")]) == [
        " 0 - workflow.started - delivery",
        " 1 <0 step.failed - look_up",
        " 2 <0 agent.started router router",
        " 3 <2 model.replied router reserve_van",
        " 4 <3 tool.called router reserve_van",
        " 5 <4 tool.failed router reserve_van",
        " 6 <5 model.replied router reserve_van",
        " 7 <6 tool.called router reserve_van",
        " 8 <7 tool.returned router reserve_van",
        " 9 <8 model.replied router text",
        "10 <9 agent.finished router router",
        "11 <10 workflow.finished - delivery",
    ]
    assert shown[-1] == state
    assert [sorted(each) for each in shown] == [[], ["facts", "task"], ["facts", "task"], ["answer", "facts", "task"]]
