"""Seeking: from a step of a replay to the next one that fits a condition, or the one before.

A condition on the event alone is a search of the log. One on the state, or on what changed, looks at each step of a
fold: forward from the step on, backward a block at a time, each from its snapshot. While a request waits no more than a
quarter of a second is searched and no more than one block is folded; a job (`seeking.py`) goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from events.query.parse import parse
from events.query.tree import Name, Named, Pattern, Query, all_of
from events.reading import scan
from events.reading.db_work import Asking
from events.types import Event
from projections.definition.fold import ReducerFailed, fold
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
from projections.states.at_moment import BLOCK, WAITED_FOR, Pace, keep
from projections.states.fold_cursor import SPACING, Folding, Mark, Point, start
from projections.states.source import Source

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
    way = _Way(log_id, wanted, head, pace, told)
    return (yield from way.back() if wanted.backward else way.on())


def _search(log_id: int, wanted: Seek, *, is_bounded: bool, told: Told) -> Asking[Sought]:
    """The event alone decides: the database looks."""
    begin = wanted.place
    while True:
        found: scan.Found = yield _scan(log_id, wanted)
        if found.events or found.complete:
            return Sought(found.events[0] if found.events else None, found.searched_to)
        done = begin - found.searched_to if wanted.backward else found.searched_to
        wanted = replace(wanted, place=found.searched_to)
        if is_bounded:
            return Sought(None, found.searched_to, wanted)
        told(wanted, done)


def _scan(log_id: int, wanted: Seek) -> scan.Search:
    source, query, end = wanted.source, wanted.condition, wanted.end
    assert not isinstance(query, (Watch, Failed))
    after, before = (None, wanted.place) if wanted.backward else (wanted.place, None)
    if source.kind == "stream":
        return scan.stream_events(
            log_id, source.name, query, after=after, before=before, backward=wanted.backward, limit=1, version=end
        )
    terms = [*_terms(source), query]
    return scan.events(log_id, all_of(terms), after=after, before=before, backward=wanted.backward, limit=1, head=end)


def _terms(source: Source) -> list[Query]:
    """What a query must ask besides, to find events of a source only."""
    match source.kind:
        case "workflow":
            return [Named(Name.CORRELATION, Pattern((source.name,)))]
        case "agent":
            return [Named(Name.AGENT, Pattern((source.name,)))]
        case "query":
            return [parse(source.name)]
        case _:
            return []


class _Steps(Folding):
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
                self._state = state = fold(self.projection, [happened], before)
            try:
                look(event, before, state)
            except Exception as error:
                raise ConditionFailed(event, error) from error


@dataclass(slots=True)
class _Way:
    """A seek on its way through a fold. The counters are of what was done; `before` is shortly before what it found."""

    log_id: int
    wanted: Seek
    head: int
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
        events: list[Event] = yield source.read(self.log_id, after=steps.place, upto=last, limit=chunk)
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
        yield from keep(self.log_id, steps, seen=self.head)
        return may_go_on

    def _found(self, steps: _Steps, event: Event) -> Asking[Sought]:
        """Of a state that grows there are few snapshots: one is kept, so that what was found can be shown at once."""
        if self.pace.most is None and self.before and self.before.at.n - steps.base.n >= SPACING:
            yield from snapshots.keep(self.log_id, steps, point=self.before.point, seen=self.head, is_asked=True)
        return Sought(event, steps.source.place(event), failed=self.failed)

    def _nearest(self, place: int) -> Asking[Point]:
        """Where a fold up to a place begins."""
        projection, source = self.wanted.projection, self.wanted.source
        # Of a stream the nth event stands at n. One with the state of a moment may stand behind it.
        if source.kind == "stream":
            found: list[Point] = yield snapshots.before(self.log_id, projection, source, n=place)
        else:
            found = yield snapshots.nearest(self.log_id, projection, source, position=place)
        return found[0] if found else start(projection)

    def _block_before(self, point: Point) -> Asking[Point]:
        """Where the block before a point begins; where there are few snapshots, at the last one before it."""
        projection, source = self.wanted.projection, self.wanted.source
        if point.n <= BLOCK:
            return start(projection)
        first, last = point.n - BLOCK, point.n
        found: list[Point] = yield snapshots.between(self.log_id, projection, source, first=first, last=last)
        if not found:
            found = yield snapshots.before(self.log_id, projection, source, n=first)
        return found[0] if found else start(projection)
