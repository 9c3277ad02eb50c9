"""The projection `agent_run`: what a person who debugs a run of several agents wants to know at each step.

It reads the types of events to which traces of agents are mapped (`workflow.started`, `agent.started`, `model.replied`,
`tool.called` …). It asks little of them: content may be missing, and an end may come before its start, or alone.

A state stays small however long the run is. Lists keep the newest items, texts their beginnings; counts and sums are
over all. If an agent runs twice at once, an event belongs to one of the two by its cause, else to the later one:
`causes` has the events that may still be a cause.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from projections import STREAM, Decoded, Projection
from projections.catalog import shared_state, tool_calls
from projections.catalog.machine import newest, without
from projections.catalog.messages import cut, fields
from projections.catalog.open_agents import MAX_OPEN, closed, labels_of, opened, updated, walk
from projections.catalog.run_data import (
    LONG,
    OTHER_WORK,
    SHORT,
    calls_in,
    duration,
    error_in,
    history_in,
    listed,
    name_in,
    said,
    text_at,
    words,
)
from projections.catalog.tool_calls import State
from projections.catalog.usage import NO_USAGE, room_for, with_failure, with_reply, with_tokens

RUNNING, WAITING, FINISHED, FAILED = "running", "waiting", "finished", "failed"
_MESSAGE_CHARACTERS = 1_000
_MAX_MESSAGES, _MAX_DELEGATIONS, _MAX_WORKFLOWS = 20, 20, 20
_MAX_HISTORY = 6
"""Most messages that a reply adds from the history before it: the newest."""
_MAX_AGENTS, _MAX_MODELS = 50, 20
_MAX_PLACES, _MAX_CAUSES = 10, 300
_NO_AGENT, _NO_MODEL = "(no agent)", "(no model)"
_NO_RUNS = {"started": 0, FINISHED: 0, FAILED: 0}
_USUAL_ENDS = ("stop", "end_turn", "tool_calls", "tool_call", "tool_use", "function_call")
"""Reasons for the end of a reply that tell nothing."""

agent_run = Projection(
    "agent_run",
    about=(
        "A run of agents: its task, the agents that are open and what each of them waits for, the last error and where"
        " it arose, the newest messages, the calls of tools with their outcomes, tokens and cost so far."
    ),
    key=STREAM,
    version=2,
    initial={
        "status": "not started",
        "name": None,
        "task": None,
        "output": None,
        "duration_ms": None,
        "errors": 0,
        "last_error": dict.fromkeys(("error", "where", "by", "call", "position")),
        "open_agents": {},
        "messages": {},
        "calls": {},
        "delegations": {},
        "tools": {},
        "usage": NO_USAGE,
        "agents": {},
        "models": {},
        "turns": 0,
        "shared_state": {"told": 0, "position": None, "last_change": None},
        "open_workflows": [],
        "ended_at": None,
        "causes": {"agents": {}, "calls": {}},
    },
)


@agent_run.on("workflow.started")
def workflow_started(state: State, happened: Decoded) -> State:
    """Apply the start of the run, of its next turn, or of a workflow inside it."""
    data = fields(happened)
    name = name_in(data)
    if state["open_workflows"]:
        return {**state, "open_workflows": [*state["open_workflows"], name][-_MAX_WORKFLOWS:]}
    begun = {**state, "name": name or None, "task": text_at(data, "task"), "turns": state["turns"] + 1}
    if not state["turns"] and state["ended_at"] and _time(happened) <= state["ended_at"]:
        return begun  # its end came first
    again = {"status": RUNNING, "output": None, "duration_ms": None, "ended_at": None}
    return {**begun, **again, "open_workflows": [name]}


@agent_run.on("workflow.finished", "workflow.failed")
def workflow_ended(state: State, happened: Decoded) -> State:
    """Apply the end of the run, with which all its agents end, or of a workflow inside it."""
    data = fields(happened)
    name, open_ones = name_in(data), state["open_workflows"]
    if happened.type == "workflow.failed":
        state = _with_error(state, happened, "workflow", name)
    last = next((n for n in reversed(range(len(open_ones))) if open_ones[n] == name), len(open_ones) - 1)
    if left := [each for n, each in enumerate(open_ones) if n != last]:
        return {**state, "open_workflows": left}
    ended = _with_result(state, happened, FAILED if happened.type == "workflow.failed" else FINISHED)
    return {
        **without(ended, "unlisted_agents"),
        "name": state["name"] or name or None,
        "duration_ms": duration(data),
        "open_agents": {},
        "open_workflows": [],
        "causes": {**state["causes"], "agents": {}},
    }


@agent_run.on("workflow.input_requested")
def asked(state: State, happened: Decoded) -> State:
    """Apply a question to a person, whose answer the run waits for."""
    label = _label(state, happened)
    question = text_at(fields(happened), "question", _MESSAGE_CHARACTERS) or "(no content)"
    state = _with_message({**state, "status": WAITING}, f"{happened.position} {label} asks", question)
    return _with_cause(_doing(state, label, "waits for an answer"), happened, label)


@agent_run.on("workflow.input_received")
def answered(state: State, happened: Decoded) -> State:
    """Apply the answer, with which the run goes on."""
    answer = text_at(fields(happened), "answer", _MESSAGE_CHARACTERS) or "(no content)"
    state = _with_message({**state, "status": RUNNING}, f"{happened.position} answer", answer)
    return _settled(state, _label(state, happened))


@agent_run.on("agent.started")
def agent_started(state: State, happened: Decoded) -> State:
    """Apply the start of an agent: by another one that is open, if that one is its cause."""
    name = _agent(happened)
    counts = _counts_of(state, name)
    is_late = _time(happened) <= counts.get("ended_without_start", "")
    if is_late:
        counts = without(counts, "ended_without_start")
    state = _with_counts(state, name, {**_NO_RUNS, **counts, "started": counts.get("started", 0) + 1})
    if is_late:
        return state
    if not state["open_workflows"]:
        state = {**state, "status": RUNNING}
    if sum(1 for _ in walk(state["open_agents"])) >= MAX_OPEN:
        return {**state, "unlisted_agents": state.get("unlisted_agents", 0) + 1}
    caller = _label_of(state, happened.event.causation_id, is_nested=True)
    task = text_at(fields(happened), "task", SHORT)
    agent = {"doing": "waits for its model", **({"task": task} if task else {}), "since": happened.position}
    agents, label = opened(state["open_agents"], name, caller, agent)
    return _settled(_with_cause({**state, "open_agents": agents}, happened, label), caller)


@agent_run.on("agent.finished", "agent.failed")
def agent_ended(state: State, happened: Decoded) -> State:
    """Apply the end of an agent. With the last agent a run ends in which no workflow has started."""
    name, label = _agent(happened), _label(state, happened)
    outcome = FAILED if happened.type == "agent.failed" else FINISHED
    if outcome == FAILED:
        state = _with_error(state, happened, "agent", name, by=label)
    counts = {**_NO_RUNS, **_counts_of(state, name)}
    counts[outcome] += 1
    agents, unlisted = state["open_agents"], state.get("unlisted_agents", 0)
    path = next((path for path, _ in walk(agents) if path[-1] == label), ())
    if path:
        known = {id: agent for id, agent in state["causes"]["agents"].items() if agent != label}
        state = {**state, "open_agents": closed(agents, label), "causes": {**state["causes"], "agents": known}}
        state = _settled(state, path[-2] if len(path) > 1 else None)
    elif unlisted:
        state = {**state, "unlisted_agents": unlisted - 1}
    else:
        counts["ended_without_start"] = _time(happened)  # its start may come later
    state = _with_counts(state, name, counts)
    output = text_at(fields(happened), "output", _MESSAGE_CHARACTERS)
    if output and output not in state["messages"].values():
        state = _with_message(state, f"{happened.position} {label}", output)
    is_over = not state["turns"] and not state["open_agents"]
    return _with_result(state, happened, outcome) if is_over else state


@agent_run.on("model.replied")
def model_replied(state: State, happened: Decoded) -> State:
    """Apply a reply: what it says and asks for, the history that is new to the log, its tokens and its cost."""
    data, label = fields(happened), _label(state, happened)
    if state["task"] is None:
        state = {**state, "task": _first_request(data)}
    state = _with_history(_with_usage(state, happened, lambda usage: with_reply(usage, data)), happened, label)
    speaker = _speaker(happened, label)
    text = said(data, _MESSAGE_CHARACTERS) or "(no content)"
    if (end := name_in(data, "finish_reason")) and end not in _USUAL_ENDS:
        text = f"{text}\n(ended by {end})"
    state = _with_message(state, f"{happened.position} {speaker}", text)
    state = _with_cause(state, happened, label, is_reply=True)
    calls = [tool for tool, _ in calls_in(data)]
    return _doing(state, label, f"calls {listed(calls)}" if calls else "has replied")


@agent_run.on("model.failed")
def model_failed(state: State, happened: Decoded) -> State:
    """Apply a call of a model that was not answered."""
    label = _label(state, happened)
    state = _with_usage(state, happened, with_failure)
    state = _with_error(state, happened, "model", name_in(fields(happened), "model"), by=label)
    return _doing(state, label, "its model failed")


@agent_run.on("tool.called")
def tool_called(state: State, happened: Decoded) -> State:
    """Apply a call of a tool, for which its agent now waits."""
    label = _label(state, happened)
    return _settled(tool_calls.called(_running(state), happened, label), label)


@agent_run.on("tool.returned", "tool.failed", "tool.errored", "tool.timed_out")
def tool_ended(state: State, happened: Decoded) -> State:
    """Apply the outcome of a call."""
    after, key = tool_calls.ended(_running(state), happened, _label(state, happened))
    call = after["calls"][key]
    if call["outcome"] == tool_calls.FAILED:
        after = _with_error(after, happened, "tool", tool_calls.tool_of(key), by=call["by"], call=key)
    return _settled(_with_cause(after, happened, call["by"]), call["by"])


@agent_run.on("task.delegated")
def delegated(state: State, happened: Decoded) -> State:
    """Apply a hand-off. Whether it ends the agent that hands over, that agent's own end tells."""
    data, label = fields(happened), _label(state, happened)
    target = name_in(data, "target") or "another agent"
    key = f"{happened.position} {name_in(data, 'by') or label} → {target}"
    delegations = {**state["delegations"], key: text_at(data, "instruction", SHORT)}
    state = {**_running(state), "delegations": newest(delegations, _MAX_DELEGATIONS)}
    return _doing(state, label, f"handed over to {target}")


@agent_run.on(*(f"{work}.finished" for work in OTHER_WORK))
def worked(state: State, happened: Decoded) -> State:
    """Apply other work, such as an embedding, which may have taken tokens."""
    tokens = with_tokens({}, fields(happened))
    return _with_usage(state, happened, lambda usage: with_tokens(usage, tokens)) if tokens else _running(state)


@agent_run.on("step.failed", "span.failed", *(f"{work}.failed" for work in OTHER_WORK))
def step_failed(state: State, happened: Decoded) -> State:
    """Apply the failure of what is neither an agent nor a tool, such as the node of a graph."""
    by = _label(state, happened) if happened.agent else None
    kind = happened.type.partition(".")[0]
    return _with_error(worked(state, happened), happened, kind, name_in(fields(happened)), by=by)


@agent_run.on("state.snapshot", "state.patched")
def state_told(state: State, happened: Decoded) -> State:
    """Apply a state that the agents share, or a change of it."""
    return shared_state.changed(_running(state), happened)


def _running(state: State) -> State:
    """Return the state of a run that has begun, though its start may be missing."""
    return {**state, "status": RUNNING} if state["status"] == "not started" else state


def _time(happened: Decoded) -> str:
    return happened.at.isoformat(timespec="microseconds")


def _agent(happened: Decoded) -> str:
    """Return the name of an event's agent, or of the agent that the event is about."""
    if happened.agent:
        return cut(happened.agent, SHORT)
    is_about_agent = happened.type.startswith("agent.")
    return (name_in(fields(happened)) if is_about_agent else "") or _NO_AGENT


def _speaker(happened: Decoded, label: str) -> str:
    """Return who replies: the agent, or without one the model."""
    return label if label != _NO_AGENT else name_in(fields(happened), "model") or _NO_AGENT


def _label(state: State, happened: Decoded) -> str:
    """Return the label of the open agent of an event; the agent's name if it is not open."""
    name = _agent(happened)
    labels = labels_of(state["open_agents"], name)
    if len(labels) == 1:
        return labels[0]
    of_cause = _label_of(state, happened.event.causation_id)
    if of_cause is not None and (of_cause in labels or not happened.agent):
        return of_cause
    return labels[-1] if labels else name


def _label_of(state: State, cause: str | None, *, is_nested: bool = False) -> str | None:
    """Return the label of the agent of an event that may be a cause, or None; `is_nested`: not of a call that ended."""
    call = state["calls"].get(state["causes"]["calls"].get(cause))
    if call is not None:
        return None if is_nested and call["outcome"] != tool_calls.PENDING else str(call["by"])
    label: str | None = state["causes"]["agents"].get(cause)
    return label


def _with_cause(state: State, happened: Decoded, label: str, *, is_reply: bool = False) -> State:
    """Return the state that knows one more event of an open agent: its reply replaces all but its start."""
    causes = state["causes"]
    known = causes["agents"]
    if all(path[-1] != label for path, _ in walk(state["open_agents"])):
        return state
    if is_reply:
        starts = {label: id for id, label in reversed(known.items())}
        known = {id: each for id, each in known.items() if each != label or id == starts[label]}
    return {**state, "causes": {**causes, "agents": newest({**known, happened.event.id: label}, _MAX_CAUSES)}}


def _doing(state: State, label: str, doing: str) -> State:
    return {**state, "open_agents": updated(state["open_agents"], label, doing=doing)}


def _settled(state: State, label: str | None) -> State:
    """Return the state in which an agent waits for its calls, else for the agents under it, else for its model."""
    agent = next((agent for path, agent in walk(state["open_agents"]) if path[-1] == label), None)
    if agent is None or label is None:
        return state
    awaited = tool_calls.pending_of(state, label) or list(agent.get("agents", ()))
    return _doing(state, label, f"waits for {listed(awaited) if awaited else 'its model'}")


def _counts_of(state: State, name: str) -> dict[str, Any]:
    counts: dict[str, Any] = state["agents"].get(room_for(state["agents"], name, _MAX_AGENTS), {})
    return counts


def _with_counts(state: State, name: str, counts: dict[str, Any]) -> State:
    return {**state, "agents": {**state["agents"], room_for(state["agents"], name, _MAX_AGENTS): counts}}


def _with_result(state: State, happened: Decoded, status: str) -> State:
    """Return the state of a run that has ended."""
    output = text_at(fields(happened), "output")
    return {**state, "status": status, "output": output, "ended_at": _time(happened)}


def _with_error(
    state: State, happened: Decoded, kind: str, name: str, *, by: str | None = None, call: str | None = None
) -> State:
    """Return the state with an error; an error that an agent or a workflow only passes on keeps its origin."""
    where = f"{kind} {name}".strip()
    text = error_in(fields(happened)) or "no reason is given"
    last = state["last_error"]
    if last["error"] == text and _passes_on(last, kind, where):
        passed_on = [*last.get("passed_on", ()), where][-_MAX_PLACES:]
        return {**state, "last_error": {**last, "passed_on": passed_on}}
    error = {"error": text, "where": where, "by": by, "call": call, "position": happened.position}
    return {**state, "errors": state["errors"] + 1, "last_error": error}


def _passes_on(last: dict[str, Any], kind: str, where: str) -> bool:
    """Whether the same error may have come from the last place: a tool only passes on what an agent inside it did."""
    places: list[str] = [last["where"], *last.get("passed_on", ())]
    if kind == "tool":
        return places[-1].startswith("agent ")
    return kind != "model" and where not in places


def _with_usage(state: State, happened: Decoded, change: Callable[[dict[str, Any]], dict[str, Any]]) -> State:
    """Return the state with other usage: in all, of the event's agent, and of its model."""
    name, models = _agent(happened), state["models"]
    model = room_for(models, name_in(fields(happened), "model") or _NO_MODEL, _MAX_MODELS)
    counted = _with_counts(_running(state), name, change(_counts_of(state, name)))
    models = {**models, model: change(models.get(model, {}))}
    return {**counted, "usage": change(state["usage"]), "models": models}


def _with_message(state: State, key: str, text: str) -> State:
    """Return the state with one more message, under the position of its event and its speaker."""
    free, n = key, 1
    while free in state["messages"]:
        n += 1
        free = f"{key} ({n})"
    return {**state, "messages": newest({**state["messages"], free: text}, _MAX_MESSAGES)}


def _first_request(data: dict[str, Any]) -> str | None:
    """Return what the user says first in the history of a reply: the task of a run whose start does not tell it."""
    requests = (message for message in history_in(data) if name_in(message, "role") == "user")
    return next((said(message, LONG) for message in requests), None) or None


def _with_history(state: State, happened: Decoded, label: str) -> State:
    """Return the state with the messages before a reply that it does not have yet, such as an agent's instructions."""
    speaker = _speaker(happened, label)
    results = {words(call.get("result"), SHORT) for call in state["calls"].values()}
    for message in history_in(fields(happened))[-_MAX_HISTORY:]:
        text = said(message, _MESSAGE_CHARACTERS)
        is_known = text in (state["task"], *state["messages"].values())
        if text and not is_known and words(message.get("content"), SHORT) not in results:
            key = f"{happened.position} {name_in(message, 'role') or 'somebody'} → {speaker}"
            state = _with_message(state, key, text)
    return state
