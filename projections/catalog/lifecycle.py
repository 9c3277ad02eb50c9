"""The projection `lifecycle`: work that is under way, waits, or was never finished, by common words of event types.

Its table (`words.py`) can't know the words of every log. So it reports nothing that it may only have misread:

- An outcome, or progress, of work that no known word began is followed and not remembered: the start had another word.
- A start by another word while work is under way continues that work: an order that was placed is then assigned.
- An outcome by another word, of the same kind, is progress: an order that was shipped is then delivered.

Only an outcome of work that had ended already is reported: by the same word, or with the opposite result.

An event about an agent itself (`agent.stopped` in the stream `agent-router`, or by the router) gives the agent's
state, even if the agent has unfinished work.

The events of a run of agents (`agent.finished`, `model.replied`, `tool.failed` …) move it as `run_moves.py` says.
"""

from __future__ import annotations

from typing import Any

from projections import WORKFLOW, Decoded, Json, Projection
from projections.catalog import run_moves
from projections.catalog.machine import (
    at_first,
    ended,
    is_legal,
    machine,
    newest,
    reported,
    standing,
    went_on,
    with_agent,
    with_idle_agents,
    without,
    work_of,
)
from projections.catalog.moves import IDLE, Move
from projections.catalog.run_moves import FINAL
from projections.catalog.words import ANSWER, move_of

__all__ = ["Move", "lifecycle", "machine"]

_AGENT = "agent"
_MAX_OUTCOMES = 100
"""Most finished works that are remembered with the type that finished them: the newest."""

lifecycle = Projection(
    "lifecycle",
    version=3,
    about=(
        "What a workflow and each of its agents are doing: Idle, Processing, AwaitingInput, Completed or Failed;"
        " what was started and never finished; what happened out of order."
    ),
    key=WORKFLOW,
    initial={**at_first(IDLE), "outcomes": {}},
    materialised=True,
)


@lifecycle.on("*")
def follow(state: dict[str, Any], happened: Decoded) -> Json:
    """Apply the move that the words of an event's type mean for a piece of work."""
    found = move_of(happened.type)
    if found is None:
        return state
    stem, move = found
    work = work_of(happened.stream, stem)
    before = standing(state, work, IDLE)
    moved = _outcome if move.to in FINAL else _under_way
    after = with_idle_agents(moved(state, work, before, move, happened), move, FINAL)
    return _about_an_agent(state, after, move, happened) if stem.casefold() == _AGENT else after


lifecycle.on("workflow.finished", "workflow.failed")(run_moves.workflow_ended)
lifecycle.on("tool.returned", "tool.failed", "tool.errored", "tool.timed_out")(run_moves.tool_ended)


@lifecycle.on(*run_moves.WITHOUT_START)
def worked(state: dict[str, Any], happened: Decoded) -> Json:
    """Apply work that is told when it has ended. If something has told its start, the words decide."""
    work = work_of(happened.stream, happened.type.partition(".")[0])
    return follow(state, happened) if work in state["unfinished"] else run_moves.worked(state, happened)


@lifecycle.on("agent.finished", "agent.failed")
def agent_ended(state: dict[str, Any], happened: Decoded) -> Json:
    """Apply the end of an agent in a run. In a stream of its own, such as `agent-router`, the words decide."""
    is_its_own = happened.stream.partition("-")[0] == _AGENT
    return follow(state, happened) if is_its_own else run_moves.agent_ended(state, happened)


@lifecycle.on("task.delegated")
def delegated(state: dict[str, Any], happened: Decoded) -> Json:
    """Apply a hand-off: in a run that has started, it begins nothing."""
    is_run = run_moves.is_run(state, happened.stream)
    return run_moves.worked(state, happened) if is_run else follow(state, happened)


def _under_way(
    state: dict[str, Any], work: str, before: dict[str, Any], move: Move, happened: Decoded
) -> dict[str, Any]:
    """Return the state after a move that ends nothing."""
    if not is_legal(move, before["state"]):
        if _is_known(state, work, before):
            return state
        return {**state, "state": move.to, "agents": with_agent(state["agents"], happened.agent, move.to)}
    if move is ANSWER and before["state"] in FINAL:
        return state  # a last word, after the end
    if move.starts:
        before = {**before, "started": without(before["started"], _same_start(before["started"], happened))}
    after = went_on(state, work, before, move, happened)
    return {**after, "agents": with_agent(after["agents"], happened.agent, IDLE)} if move is ANSWER else after


def _outcome(state: dict[str, Any], work: str, before: dict[str, Any], move: Move, happened: Decoded) -> dict[str, Any]:
    """Return the state after an outcome."""
    was = before["state"]
    if not _is_known(state, work, before):
        return {**ended(state, work, before, move, happened), "finished": state["finished"]}
    if is_legal(move, was):
        if was == move.to:
            return state  # it is said again
        return _with_outcome(ended(state, work, before, move, happened), work, happened.type)
    if was == move.to and state["outcomes"].get(work) != happened.type:
        return _with_outcome(state, work, happened.type)
    after = reported(ended(state, work, before, move, happened), work, was, move, happened)
    return _with_outcome(after, work, happened.type)


def _same_start(started: dict[str, Any], happened: Decoded) -> str:
    """Return the id of the start that another word continues: its cause, else the oldest; "" if it is new work."""
    others = [id for id, start in started.items() if start["type"] != happened.type]
    if happened.event.causation_id in others:
        return str(happened.event.causation_id)
    return others[0] if len(others) == len(started) and others else ""


def _is_known(state: dict[str, Any], work: str, before: dict[str, Any]) -> bool:
    """Whether a known word began a piece of work."""
    return bool(before["started"]) or work in state["finished"]


def _with_outcome(state: dict[str, Any], work: str, type: str) -> dict[str, Any]:
    outcomes = {**without(state["outcomes"], work), work: type}
    return {**state, "outcomes": newest(outcomes, _MAX_OUTCOMES)}


def _about_an_agent(before: dict[str, Any], after: dict[str, Any], move: Move, happened: Decoded) -> dict[str, Any]:
    """Return the state after an event about an agent itself; the state of another agent that reports it stays."""
    category, _, name = happened.stream.partition("-")
    subject = name if category == _AGENT and name else happened.agent
    agents = after["agents"]
    if happened.agent is not None and happened.agent != subject:
        agents = without(agents, happened.agent)
        if happened.agent in before["agents"]:
            agents[happened.agent] = before["agents"][happened.agent]
    return {**after, "agents": with_agent(agents, subject, move.to)}
