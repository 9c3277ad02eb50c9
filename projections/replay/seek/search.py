"""Seeking: from a step of a replay to the next one that fits a condition, or the one before.

A condition on the event alone is a search of the log. One on the state, or on what changed, looks at each step of a
fold: forward from the step on, backward a block at a time, each from its snapshot. While a request waits no more than a
quarter of a second is searched and no more than one block is folded; a job (`job.py`) goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from events.reading import scan
from events.reading.db_work import Asking
from events.types import Event
from projections.definition.fold import ReducerFailed
from projections.definition.fold import fold as fold_events
from projections.definition.projection import Decoded, decode
from projections.replay.seek.condition import (
    ConditionFailed,
    Failed,
    Seek,
    Sought,
    Watch,
)
from projections.replay.seek.look import _Look, _looking
from projections.states import snapshots
from projections.states.fold import BLOCK, WAITED_FOR, Fold, Pace
from projections.states.fold_cursor import SPACING, FoldCursor, Mark, Point, start

Told: TypeAlias = Callable[[Seek, int], None]
"""Is told after each stretch what is left to do, and how many places are done. (Forward the way up to the step that is
sought from counts as well.)"""


def _tell_nobody(rest: Seek, done: int) -> None:
    pass


def seek(log_id: int, wanted: Seek, *, head: int, pace: Pace = WAITED_FOR, told: Told = _tell_nobody) -> Asking[Sought]:
    """Look for a step. `head` is the log's, read before; a pace without `most` goes to the end.

    Raises:
        ConditionFailed: at the first step for which the condition raises.
    """
    if wanted.is_over:
        return Sought(None, wanted.place)
    if not wanted.asks_state:
        return (yield from _search(log_id, wanted, is_bounded=pace.most is not None, told=told))
    way = _Way(Fold(log_id, wanted.projection, wanted.source, head), wanted, pace, told)
    return (yield from way.back() if wanted.backward else way.on())


def _search(log_id: int, wanted: Seek, *, is_bounded: bool, told: Told) -> Asking[Sought]:
    """The event alone decides: the database looks."""
    begin = wanted.place
    while True:
        found: scan.SearchResult = yield _scan(log_id, wanted)
        if found.events or found.complete:
            return Sought(found.events[0] if found.events else None, found.searched_to)
        done = begin - found.searched_to if wanted.backward else found.searched_to
        wanted = replace(wanted, place=found.searched_to)
        if is_bounded:
            return Sought(None, found.searched_to, wanted)
        told(wanted, done)


def _scan(log_id: int, wanted: Seek) -> scan.Search:
    assert not isinstance(wanted.condition, (Watch, Failed))
    after, before = (None, wanted.place) if wanted.backward else (wanted.place, None)
    return wanted.source.search(
        log_id, wanted.condition, after=after, before=before, backward=wanted.backward, end=wanted.end
    )


class _Steps(FoldCursor):
    """A fold each step of which somebody looks at, from when on there is somebody."""

    looking: _Look | None = None

    def _fold(self, events: Sequence[Event], read: list[Decoded]) -> None:
        if self.looking is None:
            super()._fold(events, read)
            return
        look, state = self.looking.look, self.state
        self._state, self._is_loaded = state, True
        for event in events:
            before = state
            if self._takes(event):
                read.append(happened := decode(event))
                self._state = state = fold_events(self.projection, [happened], before)
            try:
                look(event, before, state)
            except Exception as error:
                raise ConditionFailed(event, error) from error


@dataclass(slots=True)
class _Way:
    """A seek on its way through a fold. The counters are of what was done; `before` is shortly before what it found."""

    fold: Fold
    wanted: Seek
    pace: Pace
    told: Told
    passed: int = 0
    seconds: float = 0.0
    failed: ReducerFailed | None = None
    before: Mark | None = None

    def on(self) -> Asking[Sought]:
        """From the step that is sought from to the end."""
        wanted, look = self.wanted, _looking(self.wanted)
        steps = self._steps((yield from self._nearest(wanted.place)))
        while (yield from self._stretch(steps, last=wanted.place)):
            self.told(wanted, steps.place)
            if self._is_long:
                return Sought(None, wanted.place, wanted)
        if self.failed:
            return Sought(None, wanted.place, failed=self.failed)
        steps.looking = look
        while (yield from self._stretch(steps, last=wanted.end)) and not look.found:
            rest = replace(wanted, place=steps.place, condition=look.end())
            self.told(rest, steps.place)
            if self._is_long:
                return Sought(None, steps.place, rest)
        if look.found:
            return (yield from self._found(steps, look.found))
        return Sought(None, steps.place if self.failed else wanted.end, failed=self.failed)

    def back(self) -> Asking[Sought]:
        """From the step that is sought from to the beginning, a block at a time."""
        wanted = rest = self.wanted
        base = yield from self._nearest(wanted.place - 1)
        while True:
            look, steps = _looking(rest), self._steps(base)
            steps.looking = look
            while (yield from self._stretch(steps, last=rest.place - 1)):
                self.told(rest, wanted.place - rest.place + steps.place - base.place)
                if self._is_long:
                    return Sought(None, rest.place, rest, self.failed)
            condition = look.end()
            if look.found:
                return (yield from self._found(steps, look.found))
            if not base.n:
                return Sought(None, 1, failed=self.failed)
            rest = replace(rest, place=base.place + 1, condition=condition)
            self.told(rest, wanted.place - rest.place)
            if self._is_long:
                return Sought(None, rest.place, rest, self.failed)
            base = yield from self._block_before(base)

    @property
    def _is_long(self) -> bool:
        return self.pace.is_spent(passed=self.passed, seconds=self.seconds)

    def _steps(self, base: Point) -> _Steps:
        return _Steps(self.wanted.projection, self.wanted.source, base)

    def _stretch(self, steps: _Steps, *, last: int) -> Asking[bool]:
        """Fold the next stretch up to a place; whether there may be more."""
        source, chunk = steps.source, self.pace.chunk
        events: list[Event] = yield source.read(self.fold.log_id, after=steps.place, upto=last, limit=chunk)
        within = [event for event in events if source.place(event) <= last]
        if not within:
            return False
        passed, seconds, mark = steps.passed, steps.seconds, steps.mark
        found = steps.looking and steps.looking.found
        may_go_on = len(within) == chunk
        try:
            steps.take(within, upto=within[-1].position)
        except ReducerFailed as failed:
            self.failed, may_go_on = failed, False
        self.passed += steps.passed - passed
        self.seconds += steps.seconds - seconds
        if steps.looking and steps.looking.found is not found:
            self.before = mark
        yield from self.fold.keep(steps)
        return may_go_on

    def _found(self, steps: _Steps, event: Event) -> Asking[Sought]:
        """Of a state that grows there are few snapshots: one is kept, so that what was found can be shown at once."""
        if self.pace.most is None and self.before and self.before.at.n - steps.base.n >= SPACING:
            yield from snapshots.keep(self.fold, self.before.point, is_asked=True)
        return Sought(event, steps.source.place(event), failed=self.failed)

    def _nearest(self, place: int) -> Asking[Point]:
        """Where a fold up to a place begins."""
        # A place that is a version is no position: the nth event of a stream stands at n.
        if self.fold.source.place_is_position:
            points: list[Point] = yield snapshots.nearest(self.fold, position=place)
        else:
            points = yield snapshots.before(self.fold, n=place)
        return points[0] if points else start(self.fold.projection)

    def _block_before(self, point: Point) -> Asking[Point]:
        """Where the block before a point begins; where there are few snapshots, at the last one before it."""
        if point.n <= BLOCK:
            return start(self.fold.projection)
        first, last = point.n - BLOCK, point.n
        points: list[Point] = yield snapshots.between(self.fold, first=first, last=last)
        if not points:
            points = yield snapshots.before(self.fold, n=first)
        return points[0] if points else start(self.fold.projection)
