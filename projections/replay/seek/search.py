"""The search of a seek: from a step of a replay to the next, or the last earlier, step that fits a condition.

A condition on the event alone is a search of the log. A condition on the state, or on changes, tests each step of a
fold: forward from the step on, backward a block at a time, each from its snapshot. While a request waits, at most a
quarter of a second is searched and at most one block is folded; a job (`job.py`) goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from events.reading import scan
from events.reading.db_work import DbWork
from events.types import Event
from projections.definition.fold import ReducerFailed
from projections.definition.fold import fold as fold_events
from projections.definition.projection import Decoded, decode
from projections.replay.seek.condition import (
    ConditionFailed,
    EventFailed,
    Seek,
    SeekResult,
    Watch,
)
from projections.replay.seek.look import Look, look_for
from projections.states import snapshots
from projections.states.fold import BLOCK, REQUEST_PACE, Fold, Pace
from projections.states.fold_cursor import SPACING_EVENTS, FoldCursor, Mark, Point, start

Report: TypeAlias = Callable[[Seek, int], None]
"""Called after each stretch with the rest of the seek, and the number of places that are done. (Forward, the places up
to the step at which the seek starts count as well.)"""


def _no_report(rest: Seek, done_places: int) -> None:
    pass


def seek(
    log_id: int, target: Seek, *, head: int, pace: Pace = REQUEST_PACE, report: Report = _no_report
) -> DbWork[SeekResult]:
    """Search for a step. `head` is the log's last position; a pace without `max_events` goes to the end.

    Raises:
        ConditionFailed: the condition raised at a step.
    """
    if target.is_over:
        return SeekResult(None, target.place)
    if not target.asks_state:
        return (yield from _search_log(log_id, target, is_bounded=pace.max_events is not None, report=report))
    search = _FoldSearch(Fold(log_id, target.projection, target.source, head), target, pace, report)
    return (yield from search.backward() if target.backward else search.forward())


def _search_log(log_id: int, target: Seek, *, is_bounded: bool, report: Report) -> DbWork[SeekResult]:
    """Search the log for a step whose event alone decides."""
    start_place = target.place
    while True:
        page: scan.SearchResult = yield _scan(log_id, target)
        if page.events or page.complete:
            return SeekResult(page.events[0] if page.events else None, page.searched_to)
        done_places = start_place - page.searched_to if target.backward else page.searched_to
        target = replace(target, place=page.searched_to)
        if is_bounded:
            return SeekResult(None, page.searched_to, target)
        report(target, done_places)


def _scan(log_id: int, target: Seek) -> scan.Search:
    assert not isinstance(target.condition, (Watch, EventFailed))
    after, before = (None, target.place) if target.backward else (target.place, None)
    return target.source.search(
        log_id, target.condition, after=after, before=before, backward=target.backward, end=target.end
    )


class _Steps(FoldCursor):
    """A fold whose steps are tested as soon as there is a `test`."""

    test: Look | None = None

    def _fold(self, events: Sequence[Event], folded_events: list[Decoded]) -> None:
        if self.test is None:
            super()._fold(events, folded_events)
            return
        look, state = self.test.look, self.state
        self._state, self._is_loaded = state, True
        for event in events:
            before = state
            if self._takes(event):
                folded_events.append(happened := decode(event))
                self._state = state = fold_events(self.projection, [happened], before)
            try:
                look(event, before, state)
            except Exception as error:
                raise ConditionFailed(event, error) from error


@dataclass(slots=True)
class _FoldSearch:
    """The search of a seek through a fold.

    `passed_count` and `seconds` measure the fold so far; `before` is a mark shortly before the step that was found.
    """

    fold: Fold
    target: Seek
    pace: Pace
    report: Report
    passed_count: int = 0
    seconds: float = 0.0
    failure: ReducerFailed | None = None
    before: Mark | None = None

    def forward(self) -> DbWork[SeekResult]:
        """Search from the step at which the seek starts to the end."""
        target, look = self.target, look_for(self.target)
        steps = self._steps((yield from self._nearest(target.place)))
        while (yield from self._stretch(steps, last=target.place)):
            self.report(target, steps.place)
            if self._is_spent:
                return SeekResult(None, target.place, target)
        if self.failure:
            return SeekResult(None, target.place, failure=self.failure)
        steps.test = look
        while (yield from self._stretch(steps, last=target.end)) and not look.hit:
            rest = replace(target, place=steps.place, condition=look.end())
            self.report(rest, steps.place)
            if self._is_spent:
                return SeekResult(None, steps.place, rest)
        if look.hit:
            return (yield from self._result(steps, look.hit))
        return SeekResult(None, steps.place if self.failure else target.end, failure=self.failure)

    def backward(self) -> DbWork[SeekResult]:
        """Search from the step at which the seek starts to the beginning, a block at a time."""
        target = rest = self.target
        base = yield from self._nearest(target.place - 1)
        while True:
            look, steps = look_for(rest), self._steps(base)
            steps.test = look
            while (yield from self._stretch(steps, last=rest.place - 1)):
                self.report(rest, target.place - rest.place + steps.place - base.place)
                if self._is_spent:
                    return SeekResult(None, rest.place, rest, self.failure)
            condition = look.end()
            if look.hit:
                return (yield from self._result(steps, look.hit))
            if not base.n:
                return SeekResult(None, 1, failure=self.failure)
            rest = replace(rest, place=base.place + 1, condition=condition)
            self.report(rest, target.place - rest.place)
            if self._is_spent:
                return SeekResult(None, rest.place, rest, self.failure)
            base = yield from self._block_before(base)

    @property
    def _is_spent(self) -> bool:
        return self.pace.is_spent(passed_count=self.passed_count, seconds=self.seconds)

    def _steps(self, base: Point) -> _Steps:
        return _Steps(self.target.projection, self.target.source, base)

    def _stretch(self, steps: _Steps, *, last: int) -> DbWork[bool]:
        """Fold the next stretch up to a place; return whether there may be more events."""
        source, chunk = steps.source, self.pace.chunk_events
        events: list[Event] = yield source.read(self.fold.log_id, after=steps.place, upto=last, limit=chunk)
        events_upto = [event for event in events if source.place(event) <= last]
        if not events_upto:
            return False
        passed_count, seconds, mark = steps.passed_count, steps.seconds, steps.mark
        hit = steps.test and steps.test.hit
        may_go_on = len(events_upto) == chunk
        try:
            steps.take(events_upto, upto=events_upto[-1].position)
        except ReducerFailed as failure:
            self.failure, may_go_on = failure, False
        self.passed_count += steps.passed_count - passed_count
        self.seconds += steps.seconds - seconds
        if steps.test and steps.test.hit is not hit:
            self.before = mark
        yield from self.fold.keep(steps)
        return may_go_on

    def _result(self, steps: _Steps, event: Event) -> DbWork[SeekResult]:
        """Return the result for the event of the step that fits.

        A state that grows has few snapshots, so a job keeps one shortly before the step: the page shows it at once.
        """
        if self.pace.max_events is None and self.before and self.before.at.n - steps.base.n >= SPACING_EVENTS:
            yield from snapshots.keep(self.fold, self.before.point, is_asked=True)
        return SeekResult(event, steps.source.place(event), failure=self.failure)

    def _nearest(self, place: int) -> DbWork[Point]:
        """Return the nearest point from which to fold up to a place."""
        # The place in a stream is a version, which is also the number of the event there.
        if self.fold.source.place_is_position:
            points: list[Point] = yield snapshots.nearest(self.fold, position=place)
        else:
            points = yield snapshots.before(self.fold, n=place)
        return points[0] if points else start(self.fold.projection)

    def _block_before(self, point: Point) -> DbWork[Point]:
        """Return the beginning of the block before a point: the last snapshot there, however far back it lies."""
        if point.n <= BLOCK:
            return start(self.fold.projection)
        first, last = point.n - BLOCK, point.n
        points: list[Point] = yield snapshots.between(self.fold, first=first, last=last)
        if not points:
            points = yield snapshots.before(self.fold, n=first)
        return points[0] if points else start(self.fold.projection)
