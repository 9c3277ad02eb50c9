"""The type, the id and the data of an event, as the versions of OpenHands write it."""

from __future__ import annotations

import json

from events.errors import Invalid
from events.transfer.importers.members import Fields, integer, members, text, with_added

_SDK_KINDS = {"ActionEvent": "action", "ObservationEvent": "observation"}
# The answer of a model and its cost are long, and rarely of interest, so they stand last.
_BULKY = ("tool_call_metadata", "llm_metrics")


def event_type(event: Fields) -> str:
    """Return `action.<action>` or `observation.<observation>`; for events of the SDK with the tool's name, else `kind`.

    Raises:
        Invalid: the event names none of these.
    """
    kind = text(event, "kind")
    for name in ("action", "observation"):
        if action := text(event, name) or (_SDK_KINDS.get(kind) == name and text(event, "tool_name")):
            return f"{name}.{action}"
    if kind and "source" in event:
        return kind
    raise Invalid("The event is neither an action nor an observation.", field="action")


def own_id(event: Fields, name: str) -> str | None:
    """Return the run's own id of an event, or of its cause. (A number below 0 means that there is none.)"""
    number = integer(event, name)
    if number is None:
        return json.dumps(text(event, name)) if text(event, name) else None
    return str(number) if number >= 0 else None


def event_data(event: Fields) -> bytes:
    """Return the event, with the values of most interest before it, and the long ones at its end."""
    args = members(event, "args") or members(event, "action")
    extras = members(event, "extras") or members(event, "observation")
    beside = {
        "exit_code": members(extras, "metadata").get("exit_code") or extras.get("exit_code"),
        "target": args.get("path") or extras.get("path"),
    }
    bulky = {name: event[name] for name in _BULKY if name in event}
    return with_added({name: raw for name, raw in event.items() if name not in bulky} | bulky, beside, first=True)
