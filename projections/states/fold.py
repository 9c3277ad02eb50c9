"""A fold: a source of events, the projection that folds it, and the log's head when that was read.

A fold begins at the nearest snapshot. While a request waits it folds no more than one block of events. Where that is
not enough it says so (`TooFar`), and a job (`projections/jobs/fold.py`) goes the way once and leaves snapshots.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from events.errors import Busy, brief
from events.reading.db_work import Asking
from projections.definition.projection import Projection
from projections.states import snapshots
from projections.states.fold_cursor import SPACING, FoldCursor, Mark, Point, start
from projections.states.sources.base import Near, Source

logger = logging.getLogger(__name__)

BLOCK = 1_000
"""The most events that are folded while a request waits: 6 to 8 ms of decoding and folding."""
_BLOCK_SECONDS = 0.05
"""Of processor time, after which a request waits no longer: of a reducer that is slow, or of large events."""
_CHUNK_EVENTS = 200
"""Events folded at a stretch, between two reads: other requests wait no longer than for these."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a fold goes on: `chunk` events a read, `most` in all (None: no bound). `told` is called after each chunk."""

    chunk: int = _CHUNK_EVENTS
    most: int | None = BLOCK
    told: Callable[[FoldCursor], None] | None = None

    def is_spent(self, *, passed: int, seconds: float) -> bool:
        """Whether that many events, or seconds of processor time, are too many for a request that waits."""
        return self.most is not None and (passed >= self.most or seconds > _BLOCK_SECONDS)


WAITED_FOR = Pace()


class TooFar(Exception):
    """More than one block of events lies between the nearest snapshot and the moment: this is work for a job."""

    def __init__(self, source: Source, upto: int) -> None:
        super().__init__(f"{source.kind} {source.name!r} up to position {upto:,}")
        self.source = source
        self.upto = upto


@dataclass(frozen=True, slots=True)
class Fold:
    """A source as a projection folds it.

    `head` is the log's, read before any event of the source: a snapshot that this fold keeps is known to miss whatever
    is redacted later.
    """

    log_id: int
    projection: Projection
    source: Source
    head: int

    def near(self, place: int, *, side: int) -> Asking[Near]:
        """The events of the source around a place, at most `side` on each side."""
        return self.source.near(self.log_id, place, head=self.head, side=side)

    def to(self, position: int, *, begin: Point | None = None, pace: Pace = WAITED_FOR) -> Asking[FoldCursor]:
        """Fold the source up to a position, from `begin` or the nearest snapshot on, and leave snapshots on the way.

        Raises:
            TooFar: the pace is spent; what was reached is kept.
            Busy: the build that noted the source's events was replaced meanwhile.
            ReducerFailed: at an event before that position; what was reached is kept.
        """
        if begin is None:
            points: list[Point] = yield snapshots.nearest(self, position=position)
            begin = points[0] if points else start(self.projection)
        cursor = FoldCursor(self.projection, self.source, begin)
        marks: list[Mark] = []
        try:
            while (yield from self._go_on(cursor, upto=position, chunk=pace.chunk)):
                if pace.told:
                    pace.told(cursor)
                yield from self.keep(cursor)
                marks = [mark for mark in marks if mark.at.n > cursor.mark.at.n - BLOCK] + [cursor.mark]
                if pace.is_spent(passed=cursor.passed, seconds=cursor.seconds):
                    raise TooFar(self.source, position)
        except TooFar:
            raise
        except Exception:  # the reducer failed, or the job's turn is over: the next one goes on from here
            yield from self.keep(cursor, is_asked=cursor.passed >= SPACING)
            raise
        is_asked = pace.most is None and cursor.passed >= SPACING
        yield from self.keep(cursor, is_asked=is_asked)
        if is_asked:
            yield from self._keep_before(cursor, marks)
        if not (yield from self.source.is_there(self.log_id)):
            raise Busy("The projection was built anew while its events were read: ask again.")
        return cursor

    def keep(self, cursor: FoldCursor, *, is_asked: bool = False) -> Asking[None]:
        """Store the snapshots that the fold collected; with `is_asked`, its current state too.

        Errors are logged and ignored: snapshots are only a cache.
        """
        points, cursor.left = cursor.left, []
        if (points or is_asked) and not (yield from self.source.is_there(self.log_id)):
            return
        try:
            # A fold that ends amid the snapshots of another one leaves none: the sizes would not add up after it.
            if points and (yield snapshots.behind(self, n=points[-1].n)):
                points = []
            for point in points:
                yield from snapshots.keep(self, point)
            if is_asked:
                yield from snapshots.keep(self, cursor.point, is_asked=True)
        except Exception as error:
            logger.warning("a snapshot was not kept: %s", brief(error))

    def _go_on(self, cursor: FoldCursor, *, upto: int, chunk: int) -> Asking[bool]:
        """Fold the next chunk. Returns whether there may be more."""
        place = cursor.place
        events = yield self.source.read(self.log_id, after=place, upto=upto, limit=chunk)
        if not cursor.take(events, upto=upto) or len(events) == chunk:
            return len(events) == chunk and events[-1].position < upto
        end = self.source.end_of_places(place, upto=upto)
        if end is not None:
            cursor.skip_to(end)
        return end is not None

    def _keep_before(self, cursor: FoldCursor, marks: Sequence[Mark]) -> Asking[None]:
        """Keep a state of up to a block earlier, where none was left: the search for what set a value begins there."""
        n = cursor.mark.at.n
        earlier = [mark for mark in marks if n - BLOCK <= mark.at.n < n]
        if earlier and not (yield snapshots.between(self, first=n - BLOCK, last=n)):
            yield from snapshots.keep(self, earlier[0].point, is_asked=True)
