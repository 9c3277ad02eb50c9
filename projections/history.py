"""How one value of a state came about: the events that changed it, newest first. The first is the one to blame.

Found by folding again what led to a moment, one block back at a time, and following the value through what each event
changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from events.types import Event
from projections import blame, snapshots, state_text
from projections.asking import Asking
from projections.blame import Changes, Touch
from projections.diff import diff
from projections.fold import fold
from projections.folding import Point, start
from projections.sources import Source, source_of
from projections.states import BLOCK, NOW, Moment, fold_to, head_of, position_at
from projections.types import Change, Projection, decode

_THE_BEGINNING = Change("replace", "")
"""Touches every value: where blame comes to it, the value stood there when the block began."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Where to go on: the value stood at `pointer` after the event at `position`, or was not there."""

    pointer: str
    position: int


@dataclass(frozen=True, slots=True)
class History:
    """The events that changed a value and what they changed, newest first. `rest` None: there are no others."""

    touches: tuple[tuple[Event, Touch], ...]
    rest: Rest | None


def history(log_id: int, projection: Projection, key: str, *, pointer: str, at: Moment = NOW) -> Asking[History]:
    """The changes of what stands at a pointer at a moment, in the block that leads to it. `Touch.n` is a position.

    Raises:
        TooFar, ReducerFailed, Invalid: as the state at that moment.
    """
    source = yield from source_of(log_id, projection, key)
    head = yield from head_of(log_id)
    upto = yield from position_at(log_id, source, at, head=head)
    end = (yield from fold_to(log_id, projection, source, upto=upto, seen=head)).point
    base = yield from _base(log_id, projection, source, end=end)
    events = yield from _read(log_id, source, after=base.place, upto=upto)
    steps = [*reversed(list(_steps(projection, source, base, events))), (0, (_THE_BEGINNING,))]
    touches = list(blame.history(pointer, steps))
    begins_here = bool(touches) and not touches[-1].n
    rest = Rest(touches.pop().pointer, base.position) if begins_here else None
    by_position = {event.position: event for event in events}
    return History(tuple((by_position[each.n], each) for each in touches), rest if base.n else None)


def _base(log_id: int, projection: Projection, source: Source, *, end: Point) -> Asking[Point]:
    """Where the block before a point begins: as far back as a block goes, where there is a snapshot to begin from."""
    if end.n <= BLOCK:
        return start(projection)
    found: Sequence[Point] = yield snapshots.between(log_id, projection, source, first=end.n - BLOCK, last=end.n)
    return found[0] if found else end


def _read(log_id: int, source: Source, *, after: int, upto: int) -> Asking[list[Event]]:
    """All events of a source between a place and a position."""
    found: list[Event] = []
    place: int | None = after
    while place is not None:
        events: list[Event] = yield source.read(log_id, after=place, upto=upto, limit=BLOCK)
        found += (event for event in events if event.position <= upto)
        is_whole = len(events) < BLOCK or events[-1].position >= upto
        place = source.end_of_places(place, upto=upto) if is_whole else source.place(events[-1])
    return found


def _steps(projection: Projection, source: Source, base: Point, events: Sequence[Event]) -> Iterator[Changes]:
    """What each event changed, by its position."""
    state = state_text.loads(base.state)
    for event in events:
        if source.takes(projection, event):
            after = fold(projection, [decode(event)], state)
            yield event.position, diff(state, after)
            state = after
