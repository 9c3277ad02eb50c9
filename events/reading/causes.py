"""The causes of an event: the events that led to it, nearest first."""

from __future__ import annotations

from dataclasses import dataclass

from events.reading import store
from events.reading.db_work import DbWork
from events.types import Event

_MAX_CAUSES = 60


@dataclass(frozen=True, slots=True)
class Chain:
    """The causes of an event, nearest first.

    `missing`: the id of a cause that is not in the log; `is_cut`: there are more.
    """

    events: tuple[Event, ...]
    missing: str | None = None
    is_cut: bool = False


def causes_of(log_id: int, event: Event) -> DbWork[Chain]:
    """Return the events that led to an event, each the cause of the one before, up to the one that started it."""
    chain: list[Event] = []
    while event.causation_id is not None:
        if len(chain) == _MAX_CAUSES:
            return Chain(tuple(chain), is_cut=True)
        causes: list[Event] = yield store.event_by_id(log_id, event.causation_id)
        # A cause is older than its effect: an event that names a newer one, or itself, would lead round in circles.
        if not causes or causes[0].position >= event.position:
            return Chain(tuple(chain), missing=event.causation_id)
        event = causes[0]
        chain.append(event)
    return Chain(tuple(chain))
