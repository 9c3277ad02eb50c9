"""The last change of the state that agents share, as `agent_run` shows it. The whole state is that of `agent_state`."""

from __future__ import annotations

from typing import Any, TypeAlias

from projections import Decoded
from projections.catalog.messages import cut, fields
from projections.catalog.run_data import SHORT, small_value

State: TypeAlias = dict[str, Any]
"""The state of `agent_run`. This module changes `shared_state`."""

_MOST = 10
"""Most members of a whole state, and most operations of a change, that are kept."""


def changed(state: State, happened: Decoded) -> State:
    """Return the state with a whole shared state, or a change of it as JSON Patch."""
    data = fields(happened)
    is_whole = happened.type == "state.snapshot"
    change = {"whole": _members(data.get("state"))} if is_whole else _operations(data.get("patch"))
    times = state["shared_state"]["told"] + 1
    return {**state, "shared_state": {"told": times, "position": happened.position, "last_change": change}}


def _members(whole: Any) -> Any:
    if not isinstance(whole, dict):
        return small_value(whole)
    members = {cut(name, SHORT): small_value(value) for name, value in [*whole.items()][:_MOST]}
    return members if len(whole) <= _MOST else {**members, "…": f"{len(whole) - _MOST} more"}


def _operations(patch: Any) -> Any:
    """Return what operations set by their numbers, kinds and paths: `{"1 add /vans/-": "V2"}`."""
    if not isinstance(patch, list):
        return small_value(patch)
    operations = dict(map(_operation, range(1, _MOST + 1), patch))
    return operations if len(patch) <= _MOST else {**operations, "…": f"{len(patch) - _MOST} more"}


def _operation(number: int, operation: Any) -> tuple[str, Any]:
    if not isinstance(operation, dict):
        return f"{number}", small_value(operation)
    kind, path = (operation.get(name) for name in ("op", "path"))
    value = operation["value"] if "value" in operation else operation.get("from")
    return cut(f"{number} {kind} {path}", SHORT), small_value(value)
