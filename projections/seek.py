"""Seeking: from a step of a replay to the next one that fits a condition, or the one before.

A condition on the event alone is a search of the log. One on the state, or on what changed, looks at each step of a
fold: forward from the step on, backward a block at a time, each from its snapshot. While a request waits no more than a
quarter of a second is searched and no more than one block is folded; a job (`seeking.py`) goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from events import scan
from events.line import line
from events.query.errors import NotForEvents
from events.query.match import step_matcher
from events.query.parse import parse
from events.query.reading import refuse_state
from events.query.tree import Changed, Name, Named, Pattern, Query, all_of, leaves
from events.types import Event
from projections import blame, snapshots
from projections.asking import Asking
from projections.blame import Changes
from projections.diff import diff_along
from projections.fold import ReducerFailed, fold
from projections.folding import SPACING, Folding, Mark, Point, start
from projections.sources import Source
from projections.states import BLOCK, WAITED_FOR, Pace, keep
from projections.types import Change, Decoded, Json, Projection, decode

_LAST: Changes = (0, (Change("replace", ""),))
"""Touches every value: put behind the steps, it tells where a pointer has come to that none of them touched."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The condition that a step changes one value: what stands at a pointer right behind the step that is sought from,
    or `backward` right before it.

    An item of an array is followed to where it moves, which `changed:` of the query language does not.
    """

    pointer: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The condition that an event says of itself that something failed, as lists mark it."""


Condition: TypeAlias = Query | Watch | Failed


def asks_state(query: Query) -> bool:
    """Whether a query asks for more of a step than its event."""
    try:
        refuse_state(query)
    except NotForEvents:
        return True
    return False


@dataclass(frozen=True, slots=True)
class Seek:
    """The next step behind `place` that fits, or `backward` the last one before it.

    Places are those of the source; `end` is that of its last event. The times of a query are pinned.
    """

    projection: Projection
    source: Source
    condition: Condition
    place: int
    end: int
    backward: bool = False

    @property
    def is_over(self) -> bool:
        """Whether no step is left to look at."""
        return self.place <= 1 if self.backward else self.place >= self.end

    @property
    def asks_state(self) -> bool:
        """Whether the log alone does not decide."""
        is_noted = self.source.places is not None  # which no condition of the log's says
        return is_noted or isinstance(self.condition, (Watch, Failed)) or asks_state(self.condition)


@dataclass(frozen=True, slots=True)
class Sought:
    """What a seek came to. Every step up to `searched_to` was looked at.

    `event` None and `rest` None: no step fits. `rest`: its time was up, and this is what is left to do. `failed`: the
    reducer failed on the way; steps from there on have no state, and fit no condition that asks for it.
    """

    event: Event | None
    searched_to: int
    rest: Seek | None = None
    failed: ReducerFailed | None = None


class ConditionFailed(Exception):
    """A condition raised, at an event."""

    def __init__(self, event: Event, cause: Exception) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.event = event


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


def watch_before(pointer: str, changes: Sequence[Change]) -> Watch | None:
    """The watch, `backward`, of what stands at a pointer after a step that changed something; None: it came with it."""
    back = blame.history(pointer, [(1, changes), _LAST])
    return next((Watch(touch.pointer) for touch in back if not touch.n), None)


class _Look(Protocol):
    """Looks at the steps of a stretch, in order."""

    found: Event | None

    def look(self, event: Event, before: Json, after: Json) -> None: ...

    def end(self) -> Condition:
        """The stretch ends here. What is asked of the next one."""
        ...


def _looking(wanted: Seek) -> _Look:
    if isinstance(wanted.condition, Watch):
        return _Watching(wanted.condition.pointer, wanted.backward)
    return _Matching(wanted.condition, wanted.source, wanted.backward)


class _Matching:
    """For the first step that fits a query, or `backward` for the last."""

    def __init__(self, condition: Query | Failed, source: Source, backward: bool) -> None:
        self.found: Event | None = None
        self._condition = condition
        self._pointers: set[str] = set()
        if isinstance(condition, Failed):
            self._fits: Callable[[Event, Json, Sequence[str]], bool] = lambda event, *_: line(event).failed
        else:
            self._fits = step_matcher(condition)
            self._pointers = {leaf.pointer for leaf in leaves(condition) if isinstance(leaf, Changed)}
        self._source = source
        self._backward = backward

    def look(self, event: Event, before: Json, after: Json) -> None:
        if self.found and not self._backward:
            return
        changed = [path for each in self._pointers for path in changed_pointers(diff_along(before, after, each))]
        if self._fits(event, after, changed) and self._source.has(event):
            self.found = event

    def end(self) -> Condition:
        return self._condition


class _Watching:
    """For a step that changes a value. Backward a value can only be followed when the stretch has ended."""

    def __init__(self, pointer: str, backward: bool) -> None:
        self.found: Event | None = None
        self._pointer = pointer
        self._backward = backward
        self._steps: list[tuple[Event, Sequence[Change]]] = []

    def look(self, event: Event, before: Json, after: Json) -> None:
        # An array that it may have moved in is looked at whole.
        changes = diff_along(before, after, self._pointer) if before is not after and not self.found else ()
        if not changes:
            return
        if self._backward:
            self._steps.append((event, changes if len(self._steps) < BLOCK else _bare(changes)))
        else:
            self._follow([(event, changes)])

    def end(self) -> Condition:
        if self._backward:
            self._follow(self._steps[::-1])
        return Watch(self._pointer)

    def _follow(self, steps: Sequence[tuple[Event, Sequence[Change]]]) -> None:
        follow = blame.history if self._backward else blame.future
        numbered = [(n, changes) for n, (_, changes) in enumerate(steps, start=1)]
        touch = next(follow(self._pointer, [*numbered, _LAST]))
        self._pointer = touch.pointer
        if touch.n:
            self.found = steps[touch.n - 1][0]


def _bare(changes: Sequence[Change]) -> list[Change]:
    """The same without the values: a stretch without snapshots may be as long as the log."""
    return [Change(each.op, each.path, source=each.source, shifts=each.shifts) for each in changes]


def changed_pointers(changes: Sequence[Change]) -> tuple[str, ...]:
    """Where operations changed something: what `changed:` asks about."""
    return tuple(pointer for each in changes for pointer in (each.path, each.source) if pointer is not None)


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
