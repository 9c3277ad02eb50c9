"""The condition of a seek, the seek itself, and its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from events.query.errors import NotForEvents
from events.query.reading import refuse_state
from events.query.tree import Query
from events.types import Event
from projections.definition.fold import ReducerFailed
from projections.definition.projection import Projection
from projections.states.sources.base import Source
from projections.values import blame
from projections.values.blame import Changes
from projections.values.change import Change

ANY_CHANGE: Changes = (0, (Change("replace", ""),))
"""Changes that touch every value: after the steps, they tell the pointer of a value that no step touched."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The condition that a step changes one value.

    The value is the one at `pointer` right after the step at which the seek starts; in a backward seek, right before
    it. An item of an array is followed when it moves, unlike with `changed:` of the query language.
    """

    pointer: str


@dataclass(frozen=True, slots=True)
class EventFailed:
    """The condition that an event reports a failure, as the lists of events mark it."""


Condition: TypeAlias = Query | Watch | EventFailed


def asks_state(query: Query) -> bool:
    """Whether a query asks for more than the event of a step."""
    try:
        refuse_state(query)
    except NotForEvents:
        return True
    return False


@dataclass(frozen=True, slots=True)
class Seek:
    """A search for the next step after `place` that fits, or, with `backward`, for the last one before it.

    `place` and `end`, the place of the last event, are places in the source. The times of a query are pinned.
    """

    projection: Projection
    source: Source
    condition: Condition
    place: int
    end: int
    backward: bool = False

    @property
    def is_over(self) -> bool:
        """Whether no step is left to search."""
        return self.place <= 1 if self.backward else self.place >= self.end

    @property
    def asks_state(self) -> bool:
        """Whether the search needs states or changes, not only the log."""
        if not self.source.is_searchable or isinstance(self.condition, (Watch, EventFailed)):
            return True
        return asks_state(self.condition)


@dataclass(frozen=True, slots=True)
class SeekResult:
    """The result of a seek. Every step up to `searched_to` was tested.

    If `event` and `rest` are None, no step fits. `rest` is the seek that is left to do when the time was up. `failure`:
    the reducer raised on the way; steps from there on have no state, and fit no condition that asks for it.
    """

    event: Event | None
    searched_to: int
    rest: Seek | None = None
    failure: ReducerFailed | None = None


class ConditionFailed(Exception):
    """The test of a condition raised an error at an event."""

    def __init__(self, event: Event, cause: Exception) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.event = event


def watch_before(pointer: str, changes: Sequence[Change]) -> Watch | None:
    """Return the condition of a backward seek for the value at a pointer after a step with some changes.

    None: the step itself created the value.
    """
    touches = blame.past(pointer, [(1, changes), ANY_CHANGE])
    return next((Watch(touch.pointer) for touch in touches if not touch.n), None)


def changed_pointers(changes: Sequence[Change]) -> tuple[str, ...]:
    """Return the pointers at which operations changed something, which `changed:` asks about."""
    return tuple(pointer for each in changes for pointer in (each.path, each.source) if pointer is not None)
