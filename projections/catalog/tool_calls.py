"""The calls of tools in a run with their outcomes: the newest ones, all that are pending, and counts by tool.

A call stands under the position of its event and the name of its tool. An outcome belongs to the call that is its
cause, or that has its call id; without either, to the oldest pending call of the tool by the agent. An outcome may also
come before its call, or without it.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, TypeAlias

from projections import Decoded
from projections.catalog.machine import without
from projections.catalog.messages import cut, fields
from projections.catalog.run_data import SHORT, UNNAMED, arguments_in, duration, error_in, name_in, small_value
from projections.catalog.usage import room_for

State: TypeAlias = dict[str, Any]
"""The state of `agent_run`. This module changes `calls`, `tools`, and the calls in `causes`, by the ids of events."""

PENDING, RETURNED, FAILED = "pending", "returned", "failed"
_MAX_ENDED, _MAX_PENDING = 30, 100
"""Most calls that are listed: the newest with an outcome, and the newest without one."""
_MAX_TOOLS = 50
_NO_CALLS = {PENDING: 0, RETURNED: 0, FAILED: 0, "retried": 0}


def called(state: State, happened: Decoded, by: str) -> State:
    """Return the state with a call, which is pending unless its outcome came first."""
    data, id = fields(happened), happened.event.id
    tool, call_id = name_in(data) or UNNAMED, name_in(data, "call_id")
    arguments = arguments_in(data.get("arguments"))
    if early := _early(state, id, call_id):
        call = {name: value for name, value in state["calls"][early].items() if name != "start"}
        return _with_call(state, early, {**call, "arguments": arguments}, id)
    attempt = _attempt(state["calls"], tool, by)
    call = {
        "outcome": PENDING,
        "by": by,
        "arguments": arguments,
        **({"attempt": attempt} if attempt > 1 else {}),
        **({"call_id": call_id} if call_id else {}),
    }
    counted = _counted(state, tool, {PENDING: 1, "retried": int(attempt > 1)})
    return _without_oldest(_with_call(counted, f"{happened.position} {tool}", call, id))


def ended(state: State, happened: Decoded, by: str) -> tuple[State, str]:
    """Return the state with the outcome of a call, and the key of the call."""
    data, cause = fields(happened), happened.event.causation_id
    tool, call_id = name_in(data), name_in(data, "call_id")
    outcome = _outcome(happened)
    if key := _key(state, cause, call_id, tool, by):
        before = state["calls"][key]
        call = {name: value for name, value in before.items() if name not in ("error", "result")} | outcome
        counted = _counted(state, tool_of(key), {before["outcome"]: -1})
        counted = _counted(counted, tool_of(key), {call["outcome"]: 1})
        return _without_oldest(_with_call(counted, key, call), besides=key), key
    key = f"{happened.position} {tool or UNNAMED}"
    call = {**outcome, "by": by, "start": "not seen", **({"call_id": call_id} if call_id else {})}
    unlisted = state["tools"].get(_entry(state, tool_of(key)), {}).get("unlisted", 0)
    counted = _counted(state, tool_of(key), {call["outcome"]: 1, "unlisted": -min(unlisted, 1)})
    return _without_oldest(_with_call(counted, key, call, cause), besides=key), key


def pending_of(state: State, by: str) -> list[str]:
    """Return the names of the tools whose calls by an agent are pending."""
    return [tool_of(key) for key, call in state["calls"].items() if call["outcome"] == PENDING and call["by"] == by]


def tool_of(key: str) -> str:
    """Return the name of the tool of a call."""
    return key.partition(" ")[2]


def _outcome(happened: Decoded) -> dict[str, Any]:
    """Return the members of a call that its outcome sets."""
    data = fields(happened)
    error = error_in(data)
    if error is not None or happened.type != "tool.returned":
        outcome: dict[str, Any] = {"outcome": FAILED, "error": cut(error or "no reason is given", SHORT)}
    else:
        outcome = {"outcome": RETURNED, "result": small_value(data.get("result"))}
    outcome["took_ms"] = duration(data)
    return {name: value for name, value in outcome.items() if value is not None}


def _early(state: State, id: str, call_id: str) -> str | None:
    """Return the key of a call that is known by its outcome alone, and now begins."""
    caused = state["causes"]["calls"].get(id)
    early = ((key, call.get("call_id")) for key, call in state["calls"].items() if "start" in call)
    return next((key for key, its_id in early if key == caused or (call_id and its_id == call_id)), None)


def _attempt(calls: dict[str, Any], tool: str, by: str) -> int:
    """Return how often in a row an agent has now called a tool, if each call before failed."""
    alike = (call for key, call in reversed(calls.items()) if call["by"] == by and tool_of(key) == tool)
    last = next(alike, None)
    return last.get("attempt", 1) + 1 if last and last["outcome"] == FAILED else 1


def _key(state: State, cause: str | None, call_id: str, tool: str, by: str) -> str | None:
    """Return the key of the call to which an outcome belongs. It is pending, or had another outcome before."""
    calls: dict[str, dict[str, Any]] = state["calls"]
    caused: str | None = state["causes"]["calls"].get(cause)
    if caused in calls and "start" not in calls[caused]:
        return caused
    pending = {key: call for key, call in calls.items() if call["outcome"] == PENDING}
    same_id = (key for key, call in pending.items() if call_id and call.get("call_id") == call_id)
    alike = (
        key
        for key, call in pending.items()
        if call["by"] == by and tool in ("", tool_of(key)) and not (call_id and "call_id" in call)
    )
    return next(chain(same_id, alike), None)


def _with_call(state: State, key: str, call: dict[str, Any], id: str | None = None) -> State:
    """Return the state with a call, which later events name by the id of its event."""
    after = {**state, "calls": {**state["calls"], key: call}}
    if id is None:
        return after
    causes = state["causes"]
    return {**after, "causes": {**causes, "calls": {**causes["calls"], id: key}}}


def _counted(state: State, tool: str, more: dict[str, int]) -> State:
    """Return the state with other counts of a tool."""
    entry = _entry(state, tool)
    counts = state["tools"].get(entry, _NO_CALLS)
    changed = {name: counts.get(name, 0) + number for name, number in more.items() if number}
    return {**state, "tools": {**state["tools"], entry: {**counts, **changed}}}


def _entry(state: State, tool: str) -> str:
    return room_for(state["tools"], tool, _MAX_TOOLS)


def _without_oldest(state: State, *, besides: str = "") -> State:
    """Return the state with no more calls than it may list; the one `besides` stays."""
    calls = state["calls"]
    pending = [key for key, call in calls.items() if call["outcome"] == PENDING]
    if len(pending) > _MAX_PENDING:
        oldest = pending[0]
        state = _counted(state, tool_of(oldest), {PENDING: -1, "unlisted": 1})
    elif len(calls) - len(pending) > _MAX_ENDED:
        oldest = next(key for key, call in calls.items() if call["outcome"] != PENDING and key != besides)
    else:
        return state
    known = {id: key for id, key in state["causes"]["calls"].items() if key != oldest}
    return {**state, "calls": without(calls, oldest), "causes": {**state["causes"], "calls": known}}
