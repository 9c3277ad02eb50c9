"""A fold: a source of events, the projection that folds it, and the log's head before the events were read.

A fold begins at the nearest snapshot. While a request waits, it folds no more than one block of events. If that is not
enough, it raises `TooFar`; a job (`projections/jobs/fold.py`) then folds all events once and leaves snapshots.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from events.errors import Busy, brief
from events.reading.db_work import DbWork
from projections.definition.projection import Projection
from projections.states import snapshots
from projections.states.fold_cursor import SPACING_EVENTS, FoldCursor, Mark, Point, start
from projections.states.sources.base import Near, Source

logger = logging.getLogger(__name__)

BLOCK = 1_000
"""The most events that are folded while a request waits: 6 to 8 ms of decoding and folding."""
_BLOCK_SECONDS = 0.05
"""After so much processor time a request waits no longer: the reducer is slow, or the events are large."""
_CHUNK_EVENTS = 200
"""The events that are folded between two reads: other requests wait no longer than for these."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of a fold: `chunk_events` a read, `max_events` in all (None: no limit). `report` follows each chunk."""

    chunk_events: int = _CHUNK_EVENTS
    max_events: int | None = BLOCK
    report: Callable[[FoldCursor], None] | None = None

    def is_spent(self, *, passed_count: int, seconds: float) -> bool:
        """Whether so many events, or seconds of processor time, are too many for a request that waits."""
        return self.max_events is not None and (passed_count >= self.max_events or seconds > _BLOCK_SECONDS)


REQUEST_PACE = Pace()


class TooFar(Exception):
    """More than one block of events lies between the nearest snapshot and the moment: this is work for a job."""

    def __init__(self, source: Source, upto: int) -> None:
        super().__init__(f"{source.kind} {source.name!r} up to position {upto:,}")
        self.source = source
        self.upto = upto


@dataclass(frozen=True, slots=True)
class Fold:
    """A source as a projection folds it.

    `head` is the log's head before any event of the source was read. A snapshot of this fold notes it, and is dropped
    if one of its events is redacted later.
    """

    log_id: int
    projection: Projection
    source: Source
    head: int

    def near(self, place: int, *, side: int) -> DbWork[Near]:
        """The events of the source around a place, at most `side` on each side."""
        return self.source.near(self.log_id, place, head=self.head, side=side)

    def to(self, position: int, *, begin: Point | None = None, pace: Pace = REQUEST_PACE) -> DbWork[FoldCursor]:
        """Fold the source up to a position, from `begin` or the nearest snapshot on, and leave snapshots on the way.

        Raises:
            TooFar: the pace is spent. The fold keeps the state that it reached.
            Busy: the build that noted the source's events was replaced meanwhile.
            ReducerFailed: the reducer raised for an event. The fold keeps the state before it.
        """
        if begin is None:
            points: list[Point] = yield snapshots.nearest(self, position=position)
            begin = points[0] if points else start(self.projection)
        cursor = FoldCursor(self.projection, self.source, begin)
        marks: list[Mark] = []
        try:
            while (yield from self._go_on(cursor, upto=position, chunk=pace.chunk_events)):
                if pace.report:
                    pace.report(cursor)
                yield from self.keep(cursor)
                marks = [mark for mark in marks if mark.at.n > cursor.mark.at.n - BLOCK] + [cursor.mark]
                if pace.is_spent(passed_count=cursor.passed_count, seconds=cursor.seconds):
                    raise TooFar(self.source, position)
        except TooFar:
            raise
        except Exception:  # the reducer failed, or the job's turn is over: the next fold begins here
            yield from self.keep(cursor, is_asked=cursor.passed_count >= SPACING_EVENTS)
            raise
        is_asked = pace.max_events is None and cursor.passed_count >= SPACING_EVENTS
        yield from self.keep(cursor, is_asked=is_asked)
        if is_asked:
            yield from self._keep_before(cursor, marks)
        if not (yield from self.source.is_there(self.log_id)):
            raise Busy("The projection was rebuilt while its events were read: ask again.")
        return cursor

    def keep(self, cursor: FoldCursor, *, is_asked: bool = False) -> DbWork[None]:
        """Store the snapshots that the fold collected; with `is_asked`, its current state too.

        Errors are logged and ignored: snapshots are only a cache.
        """
        points, cursor.due_snapshots = cursor.due_snapshots, []
        if (points or is_asked) and not (yield from self.source.is_there(self.log_id)):
            return
        try:
            # If another fold has left snapshots after these, these are not stored: the later sizes do not include them.
            if points and (yield snapshots.after(self, n=points[-1].n)):
                points = []
            for point in points:
                yield from snapshots.keep(self, point)
            if is_asked:
                yield from snapshots.keep(self, cursor.point, is_asked=True)
        except Exception as error:
            logger.warning("a snapshot was not kept: %s", brief(error))

    def _go_on(self, cursor: FoldCursor, *, upto: int, chunk: int) -> DbWork[bool]:
        """Fold the next chunk; return whether there may be more events."""
        place = cursor.place
        events = yield self.source.read(self.log_id, after=place, upto=upto, limit=chunk)
        if not cursor.take(events, upto=upto) or len(events) == chunk:
            return len(events) == chunk and events[-1].position < upto
        end = self.source.end_of_places(place, upto=upto)
        if end is not None:
            cursor.skip_to(end)
        return end is not None

    def _keep_before(self, cursor: FoldCursor, marks: Sequence[Mark]) -> DbWork[None]:
        """Keep a state of up to one block earlier if there is none: a search for the setter of a value begins there."""
        n = cursor.mark.at.n
        earlier = [mark for mark in marks if n - BLOCK <= mark.at.n < n]
        if earlier and not (yield snapshots.between(self, first=n - BLOCK, last=n)):
            yield from snapshots.keep(self, earlier[0].point, is_asked=True)
