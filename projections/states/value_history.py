"""The history of one value of a state: the events that changed it, newest first.

The last block of events before a moment is folded again, and the value is followed through the changes of each event.
Older events are left to the next request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from events.reading.db_work import DbWork
from events.types import Event
from projections.definition.fold import fold as fold_events
from projections.definition.projection import Projection, decode
from projections.states import snapshots
from projections.states.at_moment import State, fold_of
from projections.states.fold import BLOCK, Fold
from projections.states.fold_cursor import Point, start
from projections.states.moment import NOW, Moment, position_at
from projections.values import blame, exact_json
from projections.values.blame import Changes, Touch
from projections.values.change import Change
from projections.values.diff import diff_along
from projections.values.last_set import setters

_THE_BEGINNING = Change("replace", "")
"""A change of the whole state. If blame reaches it, the value existed before the block."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The point at which the history goes on: the value was at `pointer` after the event at `position`.

    `place` is the place of that event in the source.
    """

    pointer: str
    position: int
    place: int


@dataclass(frozen=True, slots=True)
class History:
    """The events that changed a value, with their changes, newest first. `rest` None: no older event changed it."""

    touches: tuple[tuple[Event, Touch], ...]
    rest: Rest | None


@dataclass(frozen=True, slots=True)
class Way:
    """The block of events that led to a state: its events, newest first, with the changes of each.

    The block begins after the event at position `begins_at` (0: it begins with the first event), at `place` in the
    source.
    """

    state: State
    events: tuple[Event, ...]
    changes: tuple[tuple[Change, ...], ...]
    begins_at: int
    place: int

    @property
    def steps(self) -> list[Changes]:
        """The changes of the block as `blame` takes them: numbered by position, newest first."""
        return [(event.position, changes) for event, changes in zip(self.events, self.changes, strict=True)]

    def history(self, pointer: str) -> History:
        """The changes of the value that is at a pointer at the end of the block. `Touch.n` is a position."""
        touches = list(blame.past(pointer, [*self.steps, (0, (_THE_BEGINNING,))]))
        begins_here = bool(touches) and not touches[-1].n
        rest = Rest(touches.pop().pointer, self.begins_at, self.place) if begins_here else None
        by_position = {event.position: event for event in self.events}
        return History(tuple((by_position[each.n], each) for each in touches), rest if self.begins_at else None)

    def setters(self, pointers: Iterable[str]) -> dict[str, Event]:
        """The events that last set the values at some pointers, as far as they belong to this block."""
        by_position = {event.position: event for event in self.events}
        return {pointer: by_position[n] for pointer, n in setters(pointers, self.steps).items()}


def way_to(log_id: int, projection: Projection, key: str, *, at: Moment = NOW) -> DbWork[Way]:
    """The state at a moment and the block that led to it.

    Raises:
        TooFar, ReducerFailed, NotAState, Invalid: as the state at that moment.
    """
    fold = yield from fold_of(log_id, projection, key)
    upto = yield from position_at(log_id, fold.source, at, head=fold.head)
    return (yield from way_through(fold, upto=upto))


def way_through(fold: Fold, *, upto: int, along: str = "") -> DbWork[Way]:
    """The block of a fold that leads to a position, whatever the key of the projection.

    With the pointer `along`, only the changes that affect the value there are computed: a fraction of the work.
    """
    end = (yield from fold.to(upto)).point
    base = yield from _base(fold, end=end)
    events = yield from _read(fold, after=base.place, upto=upto)
    steps = list(_steps(fold, base, events, along))[::-1]
    by_position = {event.position: event for event in events}
    return Way(
        State.of(end),
        tuple(by_position[position] for position, _ in steps),
        tuple(tuple(changes) for _, changes in steps),
        base.position if base.n else 0,
        base.place,
    )


def history(log_id: int, projection: Projection, key: str, *, pointer: str, at: Moment = NOW) -> DbWork[History]:
    """The changes of a value in the block that led to a moment, as `way_to` has it. Raises as `way_to` does."""
    return (yield from way_to(log_id, projection, key, at=at)).history(pointer)


def _base(fold: Fold, *, end: Point) -> DbWork[Point]:
    """The point where the block before `end` begins: a snapshot at most 1,000 events earlier, else `end` itself."""
    if end.n <= BLOCK:
        return start(fold.projection)
    points: Sequence[Point] = yield snapshots.between(fold, first=end.n - BLOCK, last=end.n)
    return points[0] if points else end


def _read(fold: Fold, *, after: int, upto: int) -> DbWork[list[Event]]:
    """All events of a source between a place and a position."""
    block: list[Event] = []
    source = fold.source
    place: int | None = after
    while place is not None:
        events: list[Event] = yield source.read(fold.log_id, after=place, upto=upto, limit=BLOCK)
        block += (event for event in events if event.position <= upto)
        is_whole = len(events) < BLOCK or events[-1].position >= upto
        place = source.end_of_places(place, upto=upto) if is_whole else source.place(events[-1])
    return block


def _steps(fold: Fold, base: Point, events: Sequence[Event], along: str) -> Iterator[Changes]:
    """The changes of each event, by its position."""
    state = exact_json.loads(base.state)
    for event in events:
        if fold.source.takes(fold.projection, event):
            after = fold_events(fold.projection, [decode(event)], state)
            yield event.position, diff_along(state, after, along)
            state = after
