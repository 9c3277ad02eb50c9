"""The adapters, each with its framework: what it runs is in the log, and reads as the same run does as a trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eventsite_client import Client
from tests.support.examples import blocks_in, section_of
from tests.support.frameworks import PROGRAMS, python_with, run
from tests.support.recorder import lines
from tests.support.server import Server

pytestmark = pytest.mark.processes


@pytest.fixture(scope="session")
def openai_agents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return python_with(tmp_path_factory.mktemp("openai-agents") / "venv", "openai-agents==0.24.0")


@pytest.fixture(scope="session")
def langgraph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return python_with(tmp_path_factory.mktemp("langgraph") / "venv", "langgraph==1.2.24", "langchain==1.5.2")


@pytest.fixture(scope="session")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frameworks whose streams are watched, and which agree with each other.

    The wheel of the Claude Agent SDK has a program of 400 MB that no test starts; its source has not.
    """
    packages = ("autogen-agentchat==0.7.5", "autogen-ext==0.7.5", "ag-ui-protocol==1.0.0", "claude-agent-sdk==0.2.189")
    return python_with(tmp_path_factory.mktemp("streams") / "venv", *packages, "--no-binary=claude-agent-sdk")


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
    answer = run(openai_agents, PROGRAMS / "run_openai_agents.py", url=server.url, token=token, cwd=tmp_path)
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
    run(openai_agents, PROGRAMS / "run_openai_agents.py", "without-content", url=server.url, token=token, cwd=tmp_path)
    with Client(server.url, token) as client:
        events = client.events("correlation:order-1004").all()
    assert in_order_of_calls([line.replace(" text", "") for line in lines(events)]) == in_order_of_calls(
        [line.replace(" text", "") for line in DELIVERY]
    )
    times = ("started_at", "duration_ms")  # whose digits may be those of a word
    told = [{name: value for name, value in event.data.items() if name not in times} for event in events]
    said = json.dumps([told, [event.metadata for event in events]])
    assert not [word for word in ("1004", "V1", "full", "Look orders up", "310") if word in said]


def test_langgraph(server: Server, token: str, langgraph: Path, tmp_path: Path) -> None:
    state = json.loads(run(langgraph, PROGRAMS / "run_langgraph.py", url=server.url, token=token, cwd=tmp_path))
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


def test_a_graph_of_langgraph_that_asks_somebody_goes_on_with_the_answer_or_is_stopped(
    server: Server, token: str, langgraph: Path, tmp_path: Path
) -> None:
    run(langgraph, PROGRAMS / "run_langgraph_asks.py", url=server.url, token=token, cwd=tmp_path)
    with Client(server.url, token) as client:
        events = client.events("correlation:order-1004").all()
        asked = next(event for event in events if event.type == "workflow.input_requested")
        waiting = client.state(asked.stream, projection="agent_run", at_version=asked.version).value
        work = client.state("order-1004", projection="lifecycle", at_position=asked.position).value
        last = client.state(asked.stream, projection="agent_run").value
    assert lines([event for event in events if not event.type.startswith("state.")]) == [
        " 0 - workflow.started - dispatcher",
        " 1 <0 agent.started dispatcher dispatcher",
        " 2 <1 model.replied dispatcher ask_router",
        " 3 <2 tool.called dispatcher ask_router",
        " 4 <3 agent.started router router",
        " 5 <4 model.replied router reserve_van",
        " 6 <5 tool.called router reserve_van",
        " 7 <5 workflow.input_requested router dispatcher",
        " 8 <7 workflow.input_received - dispatcher",
        " 9 <6 tool.returned router reserve_van",
        "10 <9 model.replied router text",
        "11 <10 agent.finished router router",
        "12 <3 tool.returned dispatcher ask_router",
        "13 <12 model.replied dispatcher text",
        "14 <13 agent.finished dispatcher dispatcher",
        "15 <14 workflow.finished - dispatcher",
        "16 - workflow.started - dispatcher",
        "17 <16 agent.started dispatcher dispatcher",
        "18 <17 model.replied dispatcher ask_router",
        "19 <18 tool.called dispatcher ask_router",
        "20 <19 agent.started router router",
        "21 <20 model.replied router reserve_van",
        "22 <21 tool.called router reserve_van",
        "23 <21 workflow.input_requested router dispatcher",
        "24 <22 tool.failed router reserve_van",
        "25 <24 agent.failed router router",
        "26 <19 tool.failed dispatcher ask_router",
        "27 <26 agent.failed dispatcher dispatcher",
        "28 <27 workflow.failed - dispatcher",
        "29 - workflow.started - dispatcher",
        "30 <29 agent.started dispatcher dispatcher",
        "31 <30 model.replied dispatcher text",
        "32 <31 agent.finished dispatcher dispatcher",
        "33 <32 workflow.finished - dispatcher",
    ]
    assert asked.data["question"] == {"question": "May I reserve V1?"}
    assert (waiting["status"], work["state"]) == ("waiting", "AwaitingInput")
    assert waiting["open_agents"]["dispatcher"]["agents"]["router"]["doing"] == "waits for an answer"
    assert (last["status"], last["output"], last["errors"]) == ("finished", "Order 1004 rides on V1.", 0)


def test_ag_ui(server: Server, token: str, streams: Path, tmp_path: Path) -> None:
    run(streams, PROGRAMS / "run_ag_ui.py", url=server.url, token=token, cwd=tmp_path)
    with Client(server.url, token) as client:
        events, same = ([*client.events(f"correlation:{thread}")] for thread in ("made", "read"))
        states = [client.state(f"run-{thread}:1", projection="agent_state").value for thread in ("made", "read")]
    assert lines(events) == [
        " 0 - workflow.started - desk",
        " 1 <0 agent.started desk desk",
        " 2 <0 state.snapshot -",
        " 3 <1 tool.called desk ask_router",
        " 4 <3 agent.started router router",
        " 5 <4 tool.called router reserve_van",
        " 6 <5 tool.returned router reserve_van",
        " 7 <2 state.patched -",
        " 8 <6 agent.finished router router",
        " 9 <3 tool.returned desk ask_router",
        "10 <9 model.replied desk text",
        "11 <10 agent.finished desk desk",
        "12 <11 workflow.finished - desk",
    ]
    assert (events[3].data["arguments"], events[9].data["result"]) == ({"order_id": "1004"}, {"van": "V2"})
    assert lines(same) == lines(events)
    whole = {"vans": ["V1", "V2"], "driver": None, "note": None}
    assert states == [{"state": whole, "unfitting_patches": 0, "last_unfitting": None}] * 2


def test_claude_agent_sdk(server: Server, token: str, streams: Path, tmp_path: Path) -> None:
    run(streams, PROGRAMS / "run_claude_agent_sdk.py", url=server.url, token=token, cwd=tmp_path)
    with Client(server.url, token) as client:
        events = client.events("correlation:order-1004").all()
    assert lines(events) == [
        " 0 - workflow.started - desk",
        " 1 <0 agent.started desk desk",
        " 2 <1 model.replied desk",
        " 3 <2 model.replied desk Task",
        " 4 <3 tool.called desk Task",
        " 5 <4 agent.started router router",
        " 6 <5 model.replied router mcp__depot__reserve_van",
        " 7 <6 tool.called router mcp__depot__reserve_van",
        " 8 <7 tool.failed router mcp__depot__reserve_van",
        " 9 <8 model.replied router mcp__depot__reserve_van",
        "10 <9 tool.called router mcp__depot__reserve_van",
        "11 <10 tool.returned router mcp__depot__reserve_van",
        "12 <11 agent.finished router router",
        "13 <4 tool.returned desk Task",
        "14 <13 model.replied desk text",
        "15 <14 agent.finished desk desk",
        "16 <15 workflow.finished - desk",
        "17 - workflow.started - desk",
        "18 <17 agent.started desk desk",
        "19 <18 model.replied desk text",
        "20 <19 agent.finished desk desk",
        "21 <20 workflow.finished - desk",
    ]
    assert (events[5].data["task"], events[8].data["error"]) == ("Find a van.", {"message": "V1 is full"})
    assert [events[number].data.get("input_tokens") for number in (2, 3, 6)] == [10, None, 10]  # 3 is a part of 2
    assert (events[16].data["output"], events[21].data["output"]) == ("Order 1004 rides on V2.", "At 14:30.")


@pytest.mark.parametrize(
    ("title", "package"),
    [
        ("LangGraph by its adapter", "langgraph"),
        ("OpenAI Agents SDK by its adapter", "openai_agents"),
        ("AutoGen by its adapter", "streams"),
    ],
)
def test_the_script_of_the_documentation_shows_agents_hand_offs_and_the_failing_tool(
    request: pytest.FixtureRequest, server: Server, token: str, title: str, package: str, tmp_path: Path
) -> None:
    [script] = blocks_in(section_of("docs/connect.md", title), "python")
    (tmp_path / "my_agents.py").write_text(script)
    run(request.getfixturevalue(package), tmp_path / "my_agents.py", url=server.url, token=token, cwd=tmp_path)
    with Client(server.url, token) as client:
        events = client.events("stream:run-*").all()
        state = client.state(events[0].stream, projection="agent_run").value
    told = {(event.type, event.agent) for event in events}
    assert {("task.delegated", "dispatcher"), ("tool.failed", "router"), ("workflow.finished", None)} <= told
    assert ("tool.called", "dispatcher") not in told  # the tool only hands over
    *_, last = (event for event in events if event.type == "model.replied")
    [cause] = [event for event in events if event.id == last.causation_id]
    assert (cause.type, cause.agent) in (("agent.failed", "router"), ("tool.failed", "router"))
    assert state["output"].startswith("Order 1004 waits for a van.")
    assert state["last_error"]["error"].endswith("van V1 is in the garage")


def test_the_script_of_ag_ui_shows_its_agent_and_its_states(
    server: Server, token: str, streams: Path, tmp_path: Path
) -> None:
    [script] = blocks_in(section_of("docs/connect.md", "AG-UI by its adapter"), "python")
    (tmp_path / "my_agents.py").write_text(script)
    run(streams, tmp_path / "my_agents.py", url=server.url, token=token, cwd=tmp_path)
    with Client(server.url, token) as client:
        work = client.state("run-order-1004:1", projection="agent_run").value
        state = client.state("run-order-1004:1", projection="agent_state").value["state"]
    assert (work["status"], work["output"], work["tools"]["reserve_van"]["returned"]) == (
        "finished", "Order 1004 rides on V2.", 1,
    )  # fmt: skip
    assert state == {"order": "1004", "vans": ["V1", "V2"], "reserved": "V2"}
