"""The moves of a run of agents for `lifecycle`: its workflow, its agents, and their calls of models and tools.

The works of such a run are not alike. Agents of one stream run at once, so an outcome belongs to the agent that has it.
Calls follow one another: a call that failed is tried again, and its agent is at work before and after. And events of a
run may come without their starts. So nothing of this is reported as out of order.
"""

from __future__ import annotations

from typing import Any

from projections import Decoded
from projections.catalog.machine import ended, standing, with_agent, with_idle_agents, without, work_of
from projections.catalog.moves import COMPLETED, FAILED, IDLE, PROCESSING, Move
from projections.catalog.run_data import OTHER_WORK

FINAL = (COMPLETED, FAILED)
_WORKFLOW, _AGENT, _TOOL = "workflow", "agent", "tool"
_SUCCESS, _FAILURE = Move(COMPLETED), Move(FAILED)
_MESSAGES = ("user.message", "agent.message", "assistant.message", "task.delegated")
"""Types that begin a run which has no other start. They end with its workflow."""
_FAILURES = (".failed", ".errored", ".timed_out")
WITHOUT_START = (
    "model.replied", "model.failed", "step.failed", "span.ended", "span.failed",
    *(f"{work}.{end}" for work in OTHER_WORK for end in ("finished", "failed")),
)  # fmt: skip
"""Types of work that a trace tells when it has ended."""


def worked(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply work that has no start of its own: its agent is at work as long as the run is under way."""
    if _is_under_way(state, happened.stream):
        return {**state, "agents": with_agent(state["agents"], happened.agent, PROCESSING)}
    if is_run(state, happened.stream) or state["unfinished"]:
        return state
    to = _move(happened).to
    return {**state, "state": to, "agents": with_agent(state["agents"], happened.agent, to)}


def tool_ended(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply the outcome of a call of a tool: of the one that is its cause, else of the agent's oldest, else the oldest.

    The agent of the call goes on with its work.
    """
    work = work_of(happened.stream, _TOOL)
    started = standing(state, work, IDLE)["started"]
    start = _start_of(started, happened) or next(iter(started), None)
    if start is None:
        return worked(state, happened)
    after = _ended(state, work, start, happened)
    if _is_under_way(after, happened.stream):
        for agent in (happened.agent, started[start]["agent"]):
            if after["agents"].get(agent) in FINAL:
                after = {**after, "agents": with_agent(after["agents"], agent, PROCESSING)}
    return with_idle_agents(after, _move(happened), FINAL)


def agent_ended(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply the end of an agent: of the start that is its cause, else of its own oldest."""
    work, move = work_of(happened.stream, _AGENT), _move(happened)
    start = _start_of(standing(state, work, IDLE)["started"], happened)
    if start is None:
        state = {**state, "agents": with_agent(state["agents"], happened.agent, move.to)}
        return state if state["unfinished"] or is_run(state, happened.stream) else {**state, "state": move.to}
    return with_idle_agents(_ended(state, work, start, happened), move, FINAL)


def workflow_ended(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply the end of a workflow: of the start that is its cause, else of the newest.

    With the last one its run is over, and so are its agents. Calls of tools that have no outcome stay unfinished.
    """
    stream, move = happened.stream, _move(happened)
    work = work_of(stream, _WORKFLOW)
    started = standing(state, work, IDLE)["started"]
    start = _start_of(dict(reversed(started.items())), happened) or next(reversed(started), None)
    after = _ended(state, work, start, happened) if start else state
    return after if work in after["unfinished"] else with_idle_agents(_over(after, stream, move), move, FINAL)


def _over(state: dict[str, Any], stream: str, move: Move) -> dict[str, Any]:
    """Return the state in which the run of a stream is over."""
    begun = standing(state, stream, IDLE)["started"].values()
    over = [work_of(stream, _AGENT), *([stream] if all(start["type"] in _MESSAGES for start in begun) else [])]
    tools = work_of(stream, _TOOL)
    agents, unfinished = state["agents"], state["unfinished"]
    for work in (*over, tools):
        for start in standing(state, work, IDLE)["started"].values():
            agents = with_agent(agents, start["agent"], move.to)
    unfinished = {work: each for work, each in unfinished.items() if work not in over}
    doing = move.to if unfinished.keys() <= {tools} else state["state"]
    return {**state, "agents": agents, "unfinished": unfinished, "state": doing}


def is_run(state: dict[str, Any], stream: str) -> bool:
    """Whether a workflow or an agent has started in a stream, so that its other events begin no work of their own."""
    works = [work_of(stream, stem) for stem in (_WORKFLOW, _AGENT)]
    return any(work in state["unfinished"] or work in state["finished"] for work in works)


def _is_under_way(state: dict[str, Any], stream: str) -> bool:
    return any(work_of(stream, stem) in state["unfinished"] for stem in (_WORKFLOW, _AGENT))


def _move(happened: Decoded) -> Move:
    return _FAILURE if happened.type.endswith(_FAILURES) else _SUCCESS


def _start_of(started: dict[str, Any], happened: Decoded) -> str | None:
    """Return the id of the start that an outcome ends: its cause, else the oldest of its agent."""
    if (cause := happened.event.causation_id) in started:
        return cause
    return next((id for id, start in started.items() if start["agent"] == happened.agent), None)


def _ended(state: dict[str, Any], work: str, start: str, happened: Decoded) -> dict[str, Any]:
    """Return the state without a start. (The machine ends the first one, if none is the cause.)"""
    before = standing(state, work, IDLE)
    first = {start: before["started"][start], **without(before["started"], start)}
    return ended(state, work, {**before, "started": first}, _move(happened), happened)
