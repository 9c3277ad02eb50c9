"""A cursor that folds a source on from a point, and collects snapshots on the way. Pure.

A snapshot is due at each multiple of `SPACING` events (`WIDE` where the state is large), as long as all snapshots so
far stay under `BUDGET` times the size of the events. So every fold leaves the same snapshots: a small state has one
every hundred events, and the snapshots of a state that grows as the log does stand further and further apart.
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
"""The least number of events between two snapshots: a millisecond of folding."""
WIDE = 500
LARGE = 16_000
"""Characters of a state that takes longer to write than to fold 200 events."""
BUDGET = 2
"""The most characters of snapshots for each character of events."""


class Point(Struct, frozen=True):
    """A state on the way through a source.

    The cursor has passed `n` events of the source, the last one at `place`. It has folded `events` of them, the last
    one at `position` in the log and `version` in its stream. The sizes are in characters.
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
    """The point before the first event."""
    return Point(0, 0, 0, 0, 0, 0, 0, exact_json.dumps(projection.initial))


class Mark(Struct, frozen=True):
    """A place that the cursor has been at: a point whose state becomes a text only when somebody asks for it."""

    at: Point
    state: Json
    is_loaded: bool

    @property
    def point(self) -> Point:
        """The point. Raises `NotAState` if the reducer returned something that is not a JSON value."""
        return structs.replace(self.at, state=exact_json.dumps(self.state)) if self.is_loaded else self.at


class FoldCursor:
    """A fold of a source, at one place of it.

    `left` collects the snapshots that are due; the caller stores and clears them. `seconds` counts processor time.
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
        """The place of the last event that the cursor has passed."""
        return self._at.place

    @property
    def passed(self) -> int:
        """The number of events that the cursor has passed since its base."""
        return self._at.n - self.base.n

    @property
    def mark(self) -> Mark:
        """The place that the cursor is at."""
        return Mark(self._at, self._state, self._is_loaded)

    @property
    def point(self) -> Point:
        """The point that the cursor is at, with the text of the state. Raises `NotAState` as `Mark.point` does."""
        return self.mark.point

    @property
    def state(self) -> Json:
        """The state as a value."""
        return self._state if self._is_loaded else exact_json.loads(self._at.state)

    def take(self, events: Sequence[Event], *, upto: int) -> bool:
        """Fold the events up to a position. Returns False if an event lies beyond that position.

        Raises:
            ReducerFailed: the cursor stands right before the event that the reducer raised for.
        """
        within = [event for event in events if event.position <= upto]
        began = time.thread_time()
        try:
            self._take(within)
        finally:
            self.seconds += time.thread_time() - began
        return len(within) == len(events)

    def skip_to(self, place: int) -> None:
        """Continue from a place; no event of the source lies in between."""
        self._at = structs.replace(self._at, place=place)

    def _take(self, events: Sequence[Event]) -> None:
        first = 0
        while first < len(events):
            last = first + SPACING - self._at.n % SPACING
            self._pass(events[first:last])
            self._save_snapshot()
            first = last

    def _pass(self, events: Sequence[Event]) -> None:
        """Fold the next few events, up to the next place where a snapshot may be due."""
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
        """Fold the events into the state; the events that the projection takes are added to `read`."""
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
        except Exception as error:  # the function that tells keys belongs to the projection, too
            raise ReducerFailed(decode(event), self.state, error) from error

    def _save_snapshot(self) -> None:
        """Save a snapshot if one is due here and fits the size budget.

        The size of the previous state is the estimate, so that nothing is serialised in vain.
        """
        if not self._is_due:
            return
        point = self.point
        self._size = len(point.state)
        if self._is_due:
            self._at = structs.replace(point, kept_size=point.kept_size + self._size)
            self.left.append(self._at)

    @property
    def _is_due(self) -> bool:
        at, spacing = self._at, SPACING if self._size < LARGE else WIDE
        return not at.n % spacing and at.kept_size + self._size <= BUDGET * at.event_size
