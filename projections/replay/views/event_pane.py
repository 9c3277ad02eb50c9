"""The event of a step of a replay: what it says, its cause and its effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from events import redaction
from events.json.tree import tree
from events.json.value import loads
from events.models import Member
from events.views.data_tree import data_context
from events.views.event import around
from events.views.event_line import Line
from projections.replay.address import Address
from projections.replay.window import Replay


@dataclass(frozen=True, slots=True)
class Linked:
    """A cause or an effect. `url` and `n` where it is a step of the window."""

    line: Line
    url: str | None
    n: int | None


def replay_event(member: Member, made: Replay, address: Address) -> dict[str, Any]:
    """The event of the step: what it says, its cause and its effects, as steps where they are some."""
    if made.stop is None:
        return {}
    event = made.stop.event
    near = {stop.event.position: stop for stop in made.stops}
    found = around(member.log_id, event)

    def linked(other: Line) -> Linked:
        stop = near.get(other.event.position)
        return Linked(other, address.step(stop.place) if stop else None, stop.n if stop else None)

    return {
        **data_context(address.log_name, event, QueryDict()),
        "redaction": redaction.of(member.log_id, event),
        "metadata": tree(loads(event.metadata)),
        "cause": linked(found.cause) if found.cause else None,
        "effects": [linked(each) for each in found.effects],
        "more_effects": found.more_effects,
    }
