"""The tree of events, each below its cause. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from events.types import Event


@dataclass(frozen=True, slots=True)
class Branch:
    """An event in the tree. `cause` is its cause, if that is in the tree too."""

    event: Event
    depth: int
    cause: Event | None


def forest(events: Sequence[Event]) -> list[Branch]:
    """Return the events, each below its cause; roots and siblings stay in order.

    An only effect is as deep as its cause, so that a chain of a thousand stays on the page. A cause is older than its
    effect: an event that names a newer one, or itself, is a root, so there are no circles.
    """
    cause_of = causes(events)
    effects: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        if cause := cause_of.get(event.position):
            effects[cause.position].append(event)
    waiting = [(event, 0) for event in reversed(events) if event.position not in cause_of]
    branches = []
    while waiting:
        event, depth = waiting.pop()
        branches.append(Branch(event, depth, cause_of.get(event.position)))
        inner = effects[event.position]
        waiting += [(effect, depth + (len(inner) > 1)) for effect in reversed(inner)]
    return branches


def causes(events: Sequence[Event]) -> dict[int, Event]:
    """Return the causes by the position of their effect, as far as they are among the events and older."""
    by_id = {event.id: event for event in events}
    cause_of = {}
    for event in events:
        cause = by_id.get(event.causation_id) if event.causation_id else None
        if cause and cause.position < event.position:
            cause_of[event.position] = cause
    return cause_of
