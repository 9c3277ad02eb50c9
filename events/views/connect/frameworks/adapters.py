"""Frameworks whose runs an adapter of the Python client tells: as they happen, and with more than their spans have."""

from __future__ import annotations

from collections.abc import Sequence

from events.views.connect.frameworks.framework import NAMES_ONLY, ON, POINT_CLIENT, Framework, Step

_RUN = Step("Run your script", "python my_agents.py")


def _install(extra: str) -> Step:
    return Step(
        "Install",
        f'make client\npip install "$(echo client/dist/eventsite_client-*.whl)[{extra}]"',
        words="The first command builds the client, in a checkout of Eventsite.",
    )


def _content(line: str) -> Step:
    return Step(
        "Content",
        line,
        words=f"Messages, arguments, results and states are sent. If the script has this line instead, {NAMES_ONLY}",
        note=ON,
        is_command=False,
    )


_LANGGRAPH = Framework(
    "langgraph-adapter",
    "LangGraph",
    "with states",
    "LangGraph by its adapter",
    "callbacks and checkpoints, checked with LangGraph 1.2.24",
    (
        _install("langgraph"),
        POINT_CLIENT,
        Step(
            "Add to your script",
            """\
from eventsite_client.adapters.langgraph import EventsiteHandler
from langgraph.checkpoint.memory import InMemorySaver

handler = EventsiteHandler()
graph = builder.compile(checkpointer=handler.watch(InMemorySaver()))
config = {"callbacks": [handler], "configurable": {"thread_id": "order-1004"}}
graph.invoke(state, config)""",
            words="Any checkpointer can be watched: each checkpoint becomes a state that a replay shows.",
            is_command=False,
        ),
        _content("handler = EventsiteHandler(content=False)"),
        _RUN,
    ),
    "graphs that are called without the handler among their callbacks.",
    sends_spans=False,
)
_OPENAI_AGENTS = Framework(
    "openai-agents-adapter",
    "OpenAI Agents",
    "",
    "OpenAI Agents SDK by its adapter",
    "its traces, checked with openai-agents 0.24.0",
    (
        _install("openai-agents"),
        POINT_CLIENT,
        Step(
            "Add to your script",
            """\
from agents import set_trace_processors
from eventsite_client.adapters.openai_agents import EventsiteProcessor

set_trace_processors([EventsiteProcessor()])""",
            words="This replaces the processor that sends all traces, with their texts, to OpenAI.",
            is_command=False,
        ),
        _content("set_trace_processors([EventsiteProcessor(content=False)])"),
        _RUN,
    ),
    "why a tool failed, unless its failure_error_function says it: the SDK keeps the error to itself.",
    sends_spans=False,
)
_CREWAI = Framework(
    "crewai-adapter",
    "CrewAI",
    "",
    "CrewAI by its adapter",
    "its event bus, checked with CrewAI 1.15.30",
    (
        _install("crewai"),
        POINT_CLIENT,
        Step(
            "Add to your script, before the kickoff",
            """\
from eventsite_client.adapters.crewai import EventsiteListener

listener = EventsiteListener()""",
            is_command=False,
        ),
        _content("listener = EventsiteListener(content=False)"),
        _RUN,
    ),
    "CrewAI’s memory and knowledge.",
    sends_spans=False,
)
_AUTOGEN = Framework(
    "autogen-adapter",
    "AutoGen",
    "",
    "AutoGen by its adapter",
    "the messages of a run, checked with autogen-agentchat 0.7.5",
    (
        _install("autogen"),
        POINT_CLIENT,
        Step(
            "Watch the messages of your team",
            """\
from eventsite_client.adapters.autogen import EventsiteMessages

recorder = EventsiteMessages(name="delivery")
async for message in recorder.watch(team.run_stream(task=task), conversation="order-1004"):
    ...""",
            is_command=False,
        ),
        _content('recorder = EventsiteMessages(name="delivery", content=False)'),
        _RUN,
    ),
    "what a team’s manager decides, and the names of models.",
    sends_spans=False,
)
_CLAUDE = Framework(
    "claude-agent-sdk",
    "Claude Agent SDK",
    "",
    "Claude Agent SDK by its adapter",
    "the messages of a session, checked with claude-agent-sdk 0.2.189",
    (
        _install("claude-agent-sdk"),
        POINT_CLIENT,
        Step(
            "Watch the messages of a session",
            """\
from claude_agent_sdk import query
from eventsite_client.adapters.claude_agent_sdk import EventsiteMessages

recorder = EventsiteMessages(agent="desk")
async for message in recorder.watch(query(prompt=prompt), task=prompt):
    ...""",
            words="With a ClaudeSDKClient: recorder.watch(client.receive_messages()).",
            is_command=False,
        ),
        _content('recorder = EventsiteMessages(agent="desk", content=False)'),
        _RUN,
    ),
    "when a tool began: its call and its result are told as their messages come.",
    sends_spans=False,
)
_AG_UI = Framework(
    "ag-ui",
    "AG-UI",
    "with states",
    "AG-UI by its adapter",
    "the events of the protocol, checked with ag-ui-protocol 1.0.0",
    (
        _install("ag-ui"),
        POINT_CLIENT,
        Step(
            "Watch the events of a run, in the agent’s server or in its client",
            """\
from eventsite_client.adapters.ag_ui import EventsiteRuns

runs = EventsiteRuns(agent="planner")
async for event in runs.watch(agent.run(input)):
    ...""",
            words="Events are objects of ag_ui.core, or their JSON as dicts. States replay exactly.",
            is_command=False,
        ),
        _content('runs = EventsiteRuns(agent="planner", content=False)'),
        _RUN,
    ),
    "the calls of models: the protocol tells what they said, but not which model, nor its tokens.",
    sends_spans=False,
)

ADAPTERS: Sequence[Framework] = (_LANGGRAPH, _OPENAI_AGENTS, _CREWAI, _AUTOGEN, _CLAUDE, _AG_UI)
