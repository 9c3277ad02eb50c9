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

_LAST: Changes = (0, (Change("replace", ""),))
"""Touches every value: put behind the steps, it tells where a pointer has come to that none of them touched."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The condition that a step changes one value: what stands at a pointer right behind the step that is sought from,
    or `backward` right before it.

    An item of an array is followed to where it moves, which `changed:` of the query language does not.
    """

    pointer: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The condition that an event says of itself that something failed, as lists mark it."""


Condition: TypeAlias = Query | Watch | Failed


def asks_state(query: Query) -> bool:
    """Whether a query asks for more of a step than its event."""
    try:
        refuse_state(query)
    except NotForEvents:
        return True
    return False


@dataclass(frozen=True, slots=True)
class Seek:
    """The next step behind `place` that fits, or `backward` the last one before it.

    Places are those of the source; `end` is that of its last event. The times of a query are pinned.
    """

    projection: Projection
    source: Source
    condition: Condition
    place: int
    end: int
    backward: bool = False

    @property
    def is_over(self) -> bool:
        """Whether no step is left to look at."""
        return self.place <= 1 if self.backward else self.place >= self.end

    @property
    def asks_state(self) -> bool:
        """Whether the log alone does not decide."""
        if not self.source.is_searchable or isinstance(self.condition, (Watch, Failed)):
            return True
        return asks_state(self.condition)


@dataclass(frozen=True, slots=True)
class Sought:
    """What a seek came to. Every step up to `searched_to` was looked at.

    `event` None and `rest` None: no step fits. `rest`: its time was up, and this is what is left to do. `failed`: the
    reducer failed on the way; steps from there on have no state, and fit no condition that asks for it.
    """

    event: Event | None
    searched_to: int
    rest: Seek | None = None
    failed: ReducerFailed | None = None


class ConditionFailed(Exception):
    """A condition raised, at an event."""

    def __init__(self, event: Event, cause: Exception) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.event = event


def watch_before(pointer: str, changes: Sequence[Change]) -> Watch | None:
    """The watch, `backward`, of what stands at a pointer after a step that changed something; None: it came with it."""
    back = blame.history(pointer, [(1, changes), _LAST])
    return next((Watch(touch.pointer) for touch in back if not touch.n), None)


def changed_pointers(changes: Sequence[Change]) -> tuple[str, ...]:
    """Where operations changed something: what `changed:` asks about."""
    return tuple(pointer for each in changes for pointer in (each.path, each.source) if pointer is not None)
