"""Events below their causes. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from events.types import Event


@dataclass(frozen=True, slots=True)
class Branch:
    """An event in the tree. `cause` is its cause, where that is among the events of the tree."""

    event: Event
    depth: int
    cause: Event | None


def forest(events: Sequence[Event]) -> list[Branch]:
    """Events, given in order, each below its cause; roots and siblings stay in order.

    An only effect stands as deep as its cause, so that a chain of a thousand does not wander off the page. A cause is
    older than its effect: what names a newer event, or itself, is a root, so there are no circles.
    """
    cause_of = causes(events)
    effects: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        if cause := cause_of.get(event.position):
            effects[cause.position].append(event)
    below = [(event, 0) for event in reversed(events) if event.position not in cause_of]
    found = []
    while below:
        event, depth = below.pop()
        found.append(Branch(event, depth, cause_of.get(event.position)))
        inner = effects[event.position]
        below += [(effect, depth + (len(inner) > 1)) for effect in reversed(inner)]
    return found


def causes(events: Sequence[Event]) -> dict[int, Event]:
    """The cause of each event, by the event's position, for those whose cause is among them and older."""
    by_id = {event.id: event for event in events}
    found = {}
    for event in events:
        cause = by_id.get(event.causation_id) if event.causation_id else None
        if cause and cause.position < event.position:
            found[event.position] = cause
    return found
