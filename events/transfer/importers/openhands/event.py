"""One event as the versions of OpenHands write it: what happened, which id it has, what a reader looks for first."""

from __future__ import annotations

import json

from events.errors import Invalid
from events.transfer.importers.members import Fields, integer, members, text, with_added

_SDK_KINDS = {"ActionEvent": "action", "ObservationEvent": "observation"}
# What a model answered and what that cost: long, and rarely what one looks for, so it stands last.
_BULKY = ("tool_call_metadata", "llm_metrics")


def event_type(event: Fields) -> str:
    """`action.<action>` or `observation.<observation>`, of the SDK's events with the tool's name, else their `kind`.

    Raises `Invalid` where the event names none of these.
    """
    kind = text(event, "kind")
    for name in ("action", "observation"):
        if called := text(event, name) or (_SDK_KINDS.get(kind) == name and text(event, "tool_name")):
            return f"{name}.{called}"
    if kind and "source" in event:
        return kind
    raise Invalid("The event is neither an action nor an observation.", field="action")


def own_id(event: Fields, name: str) -> str | None:
    """An id that the run gave to an event, or its name for a cause. What is below 0 was never given."""
    number = integer(event, name)
    if number is None:
        return json.dumps(text(event, name)) if text(event, name) else None
    return str(number) if number >= 0 else None


def event_data(event: Fields) -> bytes:
    """The event, with what one looks for before it and what is long after it."""
    args = members(event, "args") or members(event, "action")
    extras = members(event, "extras") or members(event, "observation")
    beside = {
        "exit_code": members(extras, "metadata").get("exit_code") or extras.get("exit_code"),
        "target": args.get("path") or extras.get("path"),
    }
    bulky = {name: event[name] for name in _BULKY if name in event}
    return with_added({name: raw for name, raw in event.items() if name not in bulky} | bulky, beside, first=True)
