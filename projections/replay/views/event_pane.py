"""The event of a step of a replay: its data, its cause and its effects."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import QueryDict

from events import redaction
from events.json.tree import TreeRow, tree_rows
from events.json.value import loads
from events.models import Member, Redaction
from events.types import Event
from events.views.data_tree import DataTree, data_tree
from events.views.event import around
from events.views.event_line import EventLine
from projections.replay.address import ReplayAddress
from projections.replay.window import Window


@dataclass(frozen=True, slots=True)
class LinkedEvent:
    """A cause or an effect. `url` and `n` belong to its step, if that is in the window."""

    line: EventLine
    url: str | None
    n: int | None


@dataclass(frozen=True, slots=True)
class EventPane:
    """The event of a step. `effects` is cut after a few (`has_more_effects`)."""

    event: Event
    data: DataTree
    metadata: list[TreeRow]
    redaction: Redaction | None
    cause: LinkedEvent | None
    effects: list[LinkedEvent]
    has_more_effects: bool


def event_pane(member: Member, window: Window, address: ReplayAddress) -> EventPane | None:
    """Return the event of the current step; None at step 0, before the first event."""
    if window.step is None:
        return None
    event = window.step.event
    steps = {step.event.position: step for step in window.steps}
    neighbours = around(member.log_id, event)

    def linked(other: EventLine) -> LinkedEvent:
        step = steps.get(other.event.position)
        return LinkedEvent(other, address.step(step.place) if step else None, step.n if step else None)

    return EventPane(
        event,
        data=data_tree(address.log_name, event, QueryDict()),
        metadata=tree_rows(loads(event.metadata)),
        redaction=redaction.of(member.log_id, event),
        cause=linked(neighbours.cause) if neighbours.cause else None,
        effects=[linked(effect) for effect in neighbours.effects],
        has_more_effects=neighbours.more_effects,
    )
