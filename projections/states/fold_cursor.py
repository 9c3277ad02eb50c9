"""A cursor that folds a source on from a point, and collects snapshots on the way. Pure.

A snapshot is due at each multiple of `SPACING_EVENTS` (`WIDE_SPACING_EVENTS` if the state is large), as long as all
snapshots together stay under `MAX_SNAPSHOT_RATIO` times the size of the events. So every fold leaves the same
snapshots: a small state has one every hundred events, and a state that grows with the log has fewer and fewer.
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

SPACING_EVENTS = 100
"""The least number of events between two snapshots: a millisecond of folding."""
WIDE_SPACING_EVENTS = 500
LARGE_STATE_CHARACTERS = 16_000
"""To write a state of that size takes longer than to fold 200 events."""
MAX_SNAPSHOT_RATIO = 2
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
    """A place that the cursor has passed: a point whose state becomes a text only when somebody asks for it."""

    at: Point
    state: Json
    is_loaded: bool

    @property
    def point(self) -> Point:
        """The point. Raises `NotAState` if the reducer returned something that is not a JSON value."""
        return structs.replace(self.at, state=exact_json.dumps(self.state)) if self.is_loaded else self.at


class FoldCursor:
    """A fold of a source, at one place of it.

    `due_snapshots` are stored and cleared by the caller. `seconds` counts processor time.
    """

    def __init__(self, projection: Projection, source: Source, base: Point) -> None:
        self.base = base
        self.due_snapshots: list[Point] = []
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
    def passed_count(self) -> int:
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
        """Fold the events up to a position; return False if an event lies after that position.

        Raises:
            ReducerFailed: the reducer raised. The cursor is then right before that event.
        """
        events_upto = [event for event in events if event.position <= upto]
        start_seconds = time.thread_time()
        try:
            self._take(events_upto)
        finally:
            self.seconds += time.thread_time() - start_seconds
        return len(events_upto) == len(events)

    def skip_to(self, place: int) -> None:
        """Continue from a place; no event of the source lies in between."""
        self._at = structs.replace(self._at, place=place)

    def _take(self, events: Sequence[Event]) -> None:
        first = 0
        while first < len(events):
            last = first + SPACING_EVENTS - self._at.n % SPACING_EVENTS
            self._pass(events[first:last])
            self._save_snapshot()
            first = last

    def _pass(self, events: Sequence[Event]) -> None:
        """Fold the next few events, up to the next place where a snapshot may be due."""
        folded_events: list[Decoded] = []
        try:
            self._fold(events, folded_events)
        except ReducerFailed as failed:
            self._state, self._is_loaded = failed.state, True
            position = failed.at.position
            events_before = [event for event in events if event.position < position]
            self._advance(events_before, [each for each in folded_events if each.position < position])
            raise
        self._advance(events, folded_events)

    def _fold(self, events: Sequence[Event], folded_events: list[Decoded]) -> None:
        """Fold the events into the state; the events that the projection takes are added to `folded_events`."""
        folded_events += map(decode, filter(self._takes, events))
        if folded_events:
            self._state = fold(self.projection, folded_events, self.state)
            self._is_loaded = True

    def _advance(self, events: Sequence[Event], folded_events: Sequence[Decoded]) -> None:
        if not events:
            return
        at = self._at
        self._at = Point(
            at.n + len(events),
            self.source.place(events[-1]),
            at.events + len(folded_events),
            folded_events[-1].position if folded_events else at.position,
            folded_events[-1].version if folded_events else at.version,
            at.event_size + sum(len(event.data) + len(event.metadata) for event in events),
            at.kept_size,
            at.state,
        )

    def _takes(self, event: Event) -> bool:
        try:
            return self.source.takes(self.projection, event)
        except Exception as error:  # the function that returns the keys belongs to the projection, too
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
            self.due_snapshots.append(self._at)

    @property
    def _is_due(self) -> bool:
        at, spacing = self._at, SPACING_EVENTS if self._size < LARGE_STATE_CHARACTERS else WIDE_SPACING_EVENTS
        return not at.n % spacing and at.kept_size + self._size <= MAX_SNAPSHOT_RATIO * at.event_size
