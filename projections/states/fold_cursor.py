"""Folding a source on from a point, and the points at which a snapshot is left on the way. Pure.

Points are left at multiples of `SPACING` events, or of `WIDE` where the state is large, where the sizes of all so far
stay under `BUDGET` times that of the events: so whoever folds leaves the same ones, a small state has one every hundred
events, and a state that grows as the log does has them ever further apart.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec import Struct, structs

from events.types import Event
from projections.definition.fold import ReducerFailed, fold
from projections.definition.projection import Decoded, Projection, decode
from projections.states.sources.base import Source
from projections.values import exact_json
from projections.values.change import Json

SPACING = 100
"""Events between two snapshots, at the least: a millisecond of folding."""
WIDE = 500
LARGE = 16_000
"""Characters of a state that takes longer to write than to fold 200 events."""
BUDGET = 2
"""Characters of snapshots for one of events, at the most."""


class Point(Struct, frozen=True):
    """A state on the way through a source.

    `n` events were passed, the last of them at `place` in the source; `events` of them were folded, the last of them at
    `position` in the log and `version` in its stream. The sizes are characters.
    """

    n: int
    place: int
    events: int
    position: int
    version: int
    event_size: int
    kept_size: int
    state: str


def start(projection: Projection) -> Point:
    """Before the first event."""
    return Point(0, 0, 0, 0, 0, 0, 0, exact_json.dumps(projection.initial))


class Mark(Struct, frozen=True):
    """Where a fold was: as good as a point, but a text only when it is asked for one."""

    at: Point
    state: Json
    is_loaded: bool

    @property
    def point(self) -> Point:
        """Raises `NotAState`: the reducer made something that is no JSON value."""
        return structs.replace(self.at, state=exact_json.dumps(self.state)) if self.is_loaded else self.at


class FoldCursor:
    """A projection on its way through a source.

    `left` are the snapshots to keep, taken away by who keeps them; `seconds` the processor time that it took.
    """

    def __init__(self, projection: Projection, source: Source, base: Point) -> None:
        self.base = base
        self.left: list[Point] = []
        self.seconds = 0.0
        self.projection = projection
        self.source = source
        self._at = base
        self._state: Json = None
        self._is_loaded = False
        self._size = len(base.state)

    @property
    def place(self) -> int:
        """Where the last event that was passed stands in the source."""
        return self._at.place

    @property
    def passed(self) -> int:
        """How many events were passed since the base."""
        return self._at.n - self.base.n

    @property
    def mark(self) -> Mark:
        """Where it is now."""
        return Mark(self._at, self._state, self._is_loaded)

    @property
    def point(self) -> Point:
        """The same with the text of the state. Raises `NotAState` as that does."""
        return self.mark.point

    @property
    def state(self) -> Json:
        """The state as a value."""
        return self._state if self._is_loaded else exact_json.loads(self._at.state)

    def take(self, events: Sequence[Event], *, upto: int) -> bool:
        """Fold the events up to a position; False where one stood beyond it.

        Raises:
            ReducerFailed: it stands right before the event that the reducer raised for.
        """
        within = [event for event in events if event.position <= upto]
        began = time.thread_time()
        try:
            self._take(within)
        finally:
            self.seconds += time.thread_time() - began
        return len(within) == len(events)

    def skip_to(self, place: int) -> None:
        """Go on from a place: there is nothing to fold in between."""
        self._at = structs.replace(self._at, place=place)

    def _take(self, events: Sequence[Event]) -> None:
        first = 0
        while first < len(events):
            last = first + SPACING - self._at.n % SPACING
            self._pass(events[first:last])
            self._leave()
            first = last

    def _pass(self, events: Sequence[Event]) -> None:
        """Fold the next few."""
        read: list[Decoded] = []
        try:
            self._fold(events, read)
        except ReducerFailed as failed:
            self._state, self._is_loaded = failed.state, True
            good = [event for event in events if event.position < failed.at.position]
            self._advance(good, [each for each in read if each.position < failed.at.position])
            raise
        self._advance(events, read)

    def _fold(self, events: Sequence[Event], read: list[Decoded]) -> None:
        """The same for the state alone; those that the projection folds are added to `read`."""
        read += map(decode, filter(self._takes, events))
        if read:
            self._state = fold(self.projection, read, self.state)
            self._is_loaded = True

    def _advance(self, events: Sequence[Event], read: Sequence[Decoded]) -> None:
        if not events:
            return
        at = self._at
        self._at = Point(
            at.n + len(events),
            self.source.place(events[-1]),
            at.events + len(read),
            read[-1].position if read else at.position,
            read[-1].version if read else at.version,
            at.event_size + sum(len(event.data) + len(event.metadata) for event in events),
            at.kept_size,
            at.state,
        )

    def _takes(self, event: Event) -> bool:
        try:
            return self.source.takes(self.projection, event)
        except Exception as error:  # the key's function is the projection's, too
            raise ReducerFailed(decode(event), self.state, error) from error

    def _leave(self) -> None:
        """Leave a snapshot, if this is the place and it is not too dear. The last size says whether to try."""
        if not self._is_place:
            return
        point = self.point
        self._size = len(point.state)
        if self._is_place:
            self._at = structs.replace(point, kept_size=point.kept_size + self._size)
            self.left.append(self._at)

    @property
    def _is_place(self) -> bool:
        at, spacing = self._at, SPACING if self._size < LARGE else WIDE
        return not at.n % spacing and at.kept_size + self._size <= BUDGET * at.event_size
