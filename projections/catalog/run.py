"""The projection `run`: the state of an agent run at every step, for people who debug it.

It reads the words of messages by conventions: those of Magentic-One and AG2 (Who&When), of tool-calling agents
(tau-bench) and of OpenHands. Of runs that come as traces of agents (`workflow.started`, `model.replied` …) it reads the
fields. A value that is not known stays empty; no value is guessed.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

from events.types import REDACTED
from projections import STREAM, Decoded, Json, Projection
from projections.catalog.claims import with_lists
from projections.catalog.messages import addressee, cut, fields, speaker, text_in, text_of
from projections.catalog.run_data import (
    OTHER_WORK,
    UNNAMED,
    duration,
    error_in,
    history_in,
    name_in,
    said,
    text_at,
    words,
)
from projections.catalog.usage import NO_USAGE, with_failure, with_reply
from projections.values.diff import equal

_ANSWER = re.compile(r"FINAL ANSWER:\s*(\S.*)")
_GENERAL_TASK = re.compile(r"# General Task\s*(.+?)\s*(?:Please solve the task carefully|\n#|\Z)", re.DOTALL)
_EXIT_CODE = re.compile(r"\s*exitcode: (\d+)")
_LONG, _SHORT = 2_000, 300
_CALLS = 200
"""Most calls of tools that are kept: the newest."""

run = Projection(
    "run",
    version=3,
    about=(
        "An agent run: the question, the phase, the task and who has it, the orchestrator's ledger, the lists that"
        " messages enumerate and whether they agree with their sources, the calls of tools, the answer, the verdict,"
        " the errors, the tokens and the cost."
    ),
    key=STREAM,
    initial={
        "workflow": None,
        "question": None,
        "phase": "not started",
        "task": None,
        "ledger": None,
        "ledger_reasons": None,
        "replans": 0,
        "lists": {},
        "claims": {},
        "disagreements": 0,
        "sources": {},
        "calls": [],
        "failed_calls": 0,
        "answer": None,
        "verdict": None,
        "duration_ms": None,
        "errors": 0,
        "last_error": None,
        "usage": None,
        "messages": {},
    },
)


@run.on("*")
def spoke(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply a message of any kind, by any speaker."""
    text, by = text_of(happened), speaker(happened)
    if not text or happened.type == REDACTED:
        return state
    after = {
        **state,
        "messages": {**state["messages"], by: state["messages"].get(by, 0) + 1},
    }
    if state["phase"] == "not started":
        after["phase"] = "working"
    if state["question"] is None and (question := _question(happened, text)):
        after |= {"question": cut(question, _LONG), "phase": "asked"}
    if (answer := _ANSWER.findall(text)) and happened.type != "run.annotated":
        after |= {"answer": {"text": answer[-1].strip(), "by": by, "position": happened.position}, "phase": "answered"}
    return after


@run.on("agent.message", "assistant.message", "user.message", "tool.result", "code.proposed", "message*")
def enumerated(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply a message among the agents: it may enumerate lists, propose code, report the result of code."""
    before, state = state, spoke(state, happened)
    text = text_of(happened)
    if before["question"] is not None:
        state = with_lists(state, text, by=speaker(happened), position=happened.position)
    if happened.type == "code.proposed":
        return _called(state, happened, tool="code", arguments=None)
    if happened.type == "tool.result" and (exit_code := _EXIT_CODE.match(text)):
        return _returned(state, happened, failed=exit_code[1] != "0", outcome=text)
    return state


@run.on("orchestrator.thought")
def thought(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply a thought of the orchestrator: a plan, or its ledger."""
    state = spoke(state, happened)
    ledger = fields(happened).get("ledger")
    if isinstance(ledger, dict):
        state = {
            **state,
            "ledger": {name: each.get("answer") if isinstance(each, dict) else each for name, each in ledger.items()},
            "ledger_reasons": {name: each.get("reason") for name, each in ledger.items() if isinstance(each, dict)},
        }
        return {**state, "phase": "satisfied"} if state["ledger"].get("is_request_satisfied") is True else state
    text = text_of(happened)
    if text.startswith("Stalled"):
        return {**state, "phase": "replanning", "replans": state["replans"] + 1}
    return {**state, "phase": "planning"} if text.startswith(("Initial plan", "New plan")) else state


@run.on("task.delegated")
def delegated(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply the start of a task, which its agent has until the next task."""
    data = fields(happened)
    task = {
        "who": addressee(happened),
        "asked_by": name_in(data, "by") or speaker(happened),
        "position": happened.position,
        "instruction": cut(text_of(happened) or words(data.get("instruction")), _LONG),
    }
    return {**spoke(state, happened), "task": task, "phase": "working"}


@run.on("tool.called")
def called(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    data = fields(happened)
    arguments = data.get("arguments")
    if len(written := words(arguments, _LONG + 1)) > _LONG:
        arguments = cut(written, _LONG)
    return _called(
        state, happened, tool=str(data.get("name")), arguments=arguments, call_id=name_in(data, "call_id") or None
    )


@run.on("tool.returned", "tool.failed", "tool.errored", "tool.timed_out")
def returned(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    data = fields(happened)
    failed = happened.type != "tool.returned" or data.get("error") is not None
    outcome = text_of(happened) or (error_in(data) if failed else None) or words(data.get("result"))
    return _returned(spoke(state, happened), happened, failed=failed, outcome=outcome)


@run.on("workflow.started", "agent.started")
def started(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply the start of a run that comes as a trace, or of one of its agents: the first task is the question."""
    data = fields(happened)
    text = text_at(data, "task", _LONG)
    after = {**state, "phase": "working"}
    if happened.type == "workflow.started":
        after["workflow"] = state["workflow"] or name_in(data) or UNNAMED
    elif text:
        after["task"] = {"who": happened.agent, "asked_by": None, "position": happened.position, "instruction": text}
    return {**after, "question": text} if text and state["question"] is None else after


@run.on("model.replied")
def replied(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply the reply of a model to an agent. The user's first message in the history before it is the question."""
    data = fields(happened)
    after = spoke(state, happened)
    if not text_of(happened) and said(data, _SHORT):
        by = speaker(happened)
        after = {**after, "messages": {**after["messages"], by: after["messages"].get(by, 0) + 1}}
    question = after["question"]
    if question is None:
        asked = (words(each.get("content"), _LONG) for each in history_in(data) if each.get("role") == "user")
        question = next(filter(None, asked), None)
    return {**after, "question": question, "usage": with_reply(after["usage"] or NO_USAGE, data)}


@run.on("workflow.finished", "agent.finished")
def finished(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply the end of a run, or of one of its agents: in a run without a workflow the last agent has the answer."""
    data = fields(happened)
    is_over = happened.type == "workflow.finished"
    output, answer = text_at(data, "output", _LONG), state["answer"]
    if output and (answer is None or answer["text"] != output):
        answer = {"text": output, "by": happened.agent, "position": happened.position}
    if is_over:
        return {**state, "answer": answer, "phase": "finished", "duration_ms": duration(data)}
    return {**state, "answer": answer, "phase": "answered"} if output and state["workflow"] is None else state


@run.on("agent.failed", "workflow.failed", "model.failed", "step.failed", *(f"{work}.failed" for work in OTHER_WORK))
def failed(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply a failure that is not that of a tool."""
    data = fields(happened)
    after = _with_error(state, happened, error_in(data) or "")
    if happened.type == "workflow.failed":
        return {**after, "phase": "failed", "duration_ms": duration(data)}
    is_model = happened.type == "model.failed"
    return {**after, "usage": with_failure(after["usage"] or NO_USAGE)} if is_model else after


@run.on("action.*")
def acted(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply an action of OpenHands: an act of the agent, a message of the user, the setup of the run."""
    state = spoke(state, happened)
    action = happened.type.removeprefix("action.")
    args = fields(happened).get("args")
    if action == "finish":
        text = cut(text_in(args) if isinstance(args, dict) else "", _LONG) or text_of(happened)
        return {
            **state,
            "answer": {"text": text, "by": speaker(happened), "position": happened.position},
            "phase": "answered",
        }
    if action in ("system", "message", "recall", "change_agent_state"):
        return state
    arguments = cut(text_in(args), _SHORT) if isinstance(args, dict) else None
    return _called(state, happened, tool=action, arguments=fields(happened).get("target") or arguments)


@run.on("observation.*")
def observed(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply an observation of OpenHands: the result of an action."""
    text = fields(happened).get("content")
    outcome = text if isinstance(text, str) else ""
    exit_code = fields(happened).get("exit_code")
    failed = exit_code not in (None, 0, -1) or outcome.startswith("ERROR") or happened.type == "observation.error"
    return _returned(spoke(state, happened), happened, failed=failed, outcome=outcome)


@run.on("run.annotated", "run.scored", "run.finished", "run.failed")
def judged(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply the end of the run, with its verdict from outside."""
    data = fields(happened)
    kept = ("ground_truth", "is_correct", "is_corrected", "mistake_agent", "mistake_step", "mistake_reason", "label")
    verdict = {name: data[name] for name in (*kept, "reward", "error") if data.get(name) is not None}
    if isinstance(expected := data.get("expected_actions"), list):
        verdict |= _against(state["calls"], expected)
    question = state["question"]
    if question is None and isinstance(data.get("question"), str):
        question = cut(data["question"], _LONG)
    phase = "failed" if happened.type == "run.failed" else "finished"
    return {**state, "question": question, "verdict": verdict, "phase": phase}


@run.on("run.terminated")
def terminated(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    return {**spoke(state, happened), "phase": "finished"}


def _question(happened: Decoded, text: str) -> str | None:
    """Return the question of the run: the user's first message, or the task that a manager delegates."""
    if task := _GENERAL_TASK.search(text):
        return task[1]
    by_user = happened.type == "user.message" or (happened.agent or "").casefold() in ("user", "human")
    return text.strip() if by_user else None


def _called(
    state: dict[str, Any], happened: Decoded, *, tool: str, arguments: Json, call_id: str | None = None
) -> dict[str, Any]:
    call = {
        "id": happened.event.id,
        "position": happened.position,
        "by": speaker(happened),
        "tool": tool,
        "arguments": arguments,
        "outcome": None,
        **({"call_id": call_id} if call_id else {}),
    }
    return {**state, "calls": [*state["calls"][1 - _CALLS :], call], "phase": "working"}


def _returned(state: dict[str, Any], happened: Decoded, *, failed: bool, outcome: str) -> dict[str, Any]:
    """Return the state with the outcome of the call that caused an event, or has its call id, if that is known."""
    state = _with_error(state, happened, outcome) if failed else state
    calls = state["calls"]
    cause = happened.event.causation_id
    call_id = name_in(fields(happened), "call_id")
    newest = list(reversed(range(len(calls))))
    caused = (n for n in newest if calls[n]["id"] == cause)
    same_id = (n for n in newest if call_id and calls[n].get("call_id") == call_id)
    place = next(chain(caused, same_id), None)
    if place is not None:
        done = {**calls[place], "outcome": cut(outcome, _SHORT), "failed": failed}
        calls = [*calls[:place], done, *calls[place + 1 :]]
    return {**state, "calls": calls, "failed_calls": state["failed_calls"] + failed}


def _with_error(state: dict[str, Any], happened: Decoded, text: str) -> dict[str, Any]:
    name = name_in(fields(happened)) or name_in(fields(happened), "model")
    error = {
        "text": cut(text, _LONG),
        "type": happened.type,
        "name": name or None,
        "by": happened.agent,
        "position": happened.position,
    }
    return {**state, "errors": state["errors"] + 1, "last_error": error}


def _against(calls: list[dict[str, Any]], expected: list[Any]) -> dict[str, Any]:
    """Return the expected calls beside the calls that were made."""
    named = [each for each in expected if isinstance(each, dict)]
    due = [{"tool": each.get("name"), "arguments": each.get("kwargs", each.get("arguments"))} for each in named]
    made = [{"tool": call["tool"], "arguments": call["arguments"]} for call in calls]
    return {
        "not_called": [call for call in due if not any(equal(call, each) for each in made)],
        "called_beyond": [call for call in made if not any(equal(call, each) for each in due)],
    }
