"""The projection `agent_state`: the state that the agents of a run share, as their framework told it.

`state.snapshot` tells it whole, and `state.patched` a change of it as JSON Patch (RFC 6902). A checkpoint of LangGraph,
and a state of AG-UI, comes as one of them.
"""

from __future__ import annotations

from typing import Any

from projections import STREAM, Decoded, Projection
from projections.values.patching import PatchError, patched

agent_state = Projection(
    "agent_state",
    about="The state that the agents of a run share, such as that of a graph, as their framework told it.",
    key=STREAM,
    initial={"state": None, "unfitting_patches": 0, "last_unfitting": None},
)


@agent_state.on("state.snapshot")
def told(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply a whole state, with which all is right again."""
    data = happened.data
    whole = data.get("state") if isinstance(data, dict) else None
    return {**state, "state": whole, "unfitting_patches": 0, "last_unfitting": None}


@agent_state.on("state.patched")
def changed(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    """Apply a change. One that does not fit changes nothing, and is counted until the next whole state."""
    data = happened.data
    try:
        return {**state, "state": patched(state["state"], data.get("patch") if isinstance(data, dict) else None)}
    except PatchError as error:
        last = {"position": happened.position, "error": str(error)}
        return {**state, "unfitting_patches": state["unfitting_patches"] + 1, "last_unfitting": last}
