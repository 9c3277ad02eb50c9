"""A window of a replay: the steps around the current one, with their states and changes.

A replay shows the events of a source, each as a step. The states of a window are folded from the nearest snapshot
before it, so that a step costs the same anywhere. If that snapshot is too far, the events are shown without states,
and a job folds the source once (`projections/jobs/fold.py`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from events.reading.db_work import DbWork
from events.types import Event
from projections.definition.fold import ReducerFailed
from projections.definition.fold import fold as fold_events
from projections.definition.projection import Projection, decode
from projections.states import snapshots
from projections.states.fold import Fold, TooFar
from projections.states.fold_cursor import Point, start
from projections.states.sources.base import Near, Source
from projections.values import exact_json
from projections.values.change import Change, Json
from projections.values.diff import diff
from projections.values.exact_json import NotAState

HOP = 40
"""The window moves on by this many steps, and has at least as many on each side of the current step."""
_SIDE = 2 * HOP
_DIFF_SECONDS = 0.03
"""Processor time for the changes of the steps around the current one; the nearest steps come first."""


@dataclass(frozen=True, slots=True)
class WindowStep:
    """A step of the window: its event, its place in the source, and its number.

    `n` None: the number is not known. `changes` None: the changes were not computed.
    """

    event: Event
    place: int
    n: int | None
    changes: tuple[Change, ...] | None = None


@dataclass(slots=True)
class Window:
    """A source at a step. `at` is the index of the current step; -1 stands for step 0, before the first event.

    `before` and `after` are the states on both sides of the step. `is_known` tells whether they could be folded; if
    not, `too_far` or `failure` says why. `failure` may also come from a later step of the window. `states` holds the
    known states after the steps, by index; the one at -1 is the state before the first step.
    """

    projection: Projection
    source: Source
    near: Near
    steps: list[WindowStep] = field(default_factory=list)
    at: int = -1
    is_known: bool = False
    before: Json = None
    after: Json = None
    failure: ReducerFailed | None = None
    too_far: TooFar | None = None
    states: dict[int, Json] = field(default_factory=dict)

    @property
    def step(self) -> WindowStep | None:
        """The current step; None for step 0, before the first event."""
        return self.steps[self.at] if self.at >= 0 else None

    @property
    def place(self) -> int:
        """The place of the current step; 0 for step 0."""
        return self.step.place if self.step else 0

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of the current step."""
        return (self.step.changes or ()) if self.step else ()


def window_at(fold: Fold, *, place: int) -> DbWork[Window]:
    """Return the window around the last step at or before a place.

    Raises:
        NotAState: the state before the window, or that of the step, is not JSON.
    """
    near = yield from fold.near(place, side=_SIDE)
    window = Window(fold.projection, fold.source, near)
    base: Point | None = None
    skip_count = 0
    try:
        base, skip_count = yield from _base_point(fold, near)
    except TooFar as too_far:
        window.too_far = too_far
    except ReducerFailed as failure:
        window.failure = failure
    passed_count = base.n - skip_count if base else None
    first = fold.source.first_number(near.events[0], passed_count=passed_count) if near.events else 1
    states: list[Json] = []
    if base:
        states, window.failure = states_through(fold, base, near.events[skip_count:])
    _fill(window, first, states, skip_count)
    return window


def _base_point(fold: Fold, near: Near) -> DbWork[tuple[Point, int]]:
    """Return the point from which the window is folded, and how many of the window's events lie before it."""
    if near.begins or not near.events:
        return start(fold.projection), 0
    try:
        return (yield from fold.to(near.events[0].position - 1)).point, 0
    except TooFar:
        # A state that grows has few snapshots: one inside the window serves as well.
        place, now = fold.source.place, near.events[max(near.at, 0)]
        points: list[Point] = yield snapshots.nearest(fold, position=now.position - 1)
        if not points or not place(near.events[0]) <= points[0].place < place(now):
            raise
        return points[0], sum(place(event) <= points[0].place for event in near.events)


def states_through(fold: Fold, base: Point, events: Sequence[Event]) -> tuple[list[Json], ReducerFailed | None]:
    """Return the states at the base and after each event, up to an event at which the reducer fails."""
    states: list[Json] = [exact_json.loads(base.state)]
    try:
        for event in events:
            takes = fold.source.takes(fold.projection, event)
            states.append(fold_events(fold.projection, [decode(event)], states[-1]) if takes else states[-1])
    except ReducerFailed as failure:
        return states, failure
    return states, None


def _fill(window: Window, first: int | None, states: list[Json], skip_count: int) -> None:
    """Fill the window with its part of the events, and with the changes of its steps."""
    near = window.near
    begin, end = _cut(first, near)
    changes = changes_near(states, skip_count, near.at, range(begin, end))
    window.failure = drop_odd_states(near.events, states, changes, skip_count) or window.failure
    window.steps = [
        WindowStep(event, window.source.place(event), None if first is None else first + i, changes.get(i))
        for i, event in enumerate(near.events[begin:end], start=begin)
    ]
    window.at = near.at - begin if near.at >= 0 else -1
    first_known = skip_count - 1 - begin  # the index of the step after which the first known state holds
    window.states = {i: state for i, state in enumerate(states, start=first_known) if -1 <= i < len(window.steps)}
    now = near.at - skip_count + 1
    if 0 <= now < len(states) and (now or near.at < 0):
        window.is_known = True
        window.before, window.after = states[max(now - 1, 0)], states[now]
        exact_json.dumps(window.after)  # changes before the window, or those that nobody computed, may be odd, too


def _cut(first: int | None, near: Near) -> tuple[int, int]:
    """Return the range of events that the window shows. It stays the same while somebody steps through it."""
    count = len(near.events)
    if first is None:
        begin = 0 if near.searched_from else _landmark(near.events, range(1, near.at - HOP + 1), or_else=0)
        is_whole = near.ends or near.searched_to
        return begin, count if is_whole else _landmark(near.events, range(near.at + HOP + 1, count), or_else=count)
    n = first + near.at
    # No block comes before the first one: all its steps share one window.
    blocks = 3 if n >= HOP else 2
    begin = max(0, n - n % HOP - HOP - first + 1)
    return begin, min(count, begin + blocks * HOP)


def _landmark(events: Sequence[Event], among: range, *, or_else: int) -> int:
    """Choose a window boundary for sources whose steps are not numbered.

    It is the event whose position differs from its predecessor in the highest bit. Neighbouring steps then mostly
    agree, so the window stays in place.
    """
    return max(among, key=lambda i: events[i].position ^ events[i - 1].position, default=or_else)


def changes_near(states: list[Json], skip_count: int, at: int, indexes: range) -> dict[int, tuple[Change, ...]]:
    """Return the changes of events by their index; the nearest to `at` come first, until the time is spent."""
    changes: dict[int, tuple[Change, ...]] = {}
    start_time = time.thread_time()
    for i in sorted(indexes, key=lambda i: abs(i - at)):
        place = i - skip_count
        if 0 <= place < len(states) - 1:
            changes[i] = diff(states[place], states[place + 1])
            if time.thread_time() - start_time > _DIFF_SECONDS:
                break
    return changes


def drop_odd_states(
    events: Sequence[Event], states: list[Json], changes: dict[int, tuple[Change, ...]], skip_count: int
) -> ReducerFailed | None:
    """Drop the states and changes from the first state on that is not JSON; return the failure of its event.

    A set or a float of a reducer is found in the changes of its step: to look at whole states would take longer.
    """
    for i in sorted(changes):
        try:
            for change in changes[i]:
                exact_json.dumps(change.value)
        except NotAState:
            before, odd_state = states[i - skip_count], states[i - skip_count + 1]
            del states[i - skip_count + 1 :]
            for later in [each for each in changes if each >= i]:
                del changes[later]
            return _failure(events[i], before, odd_state)
    return None


def _failure(event: Event, before: Json, odd_state: Json) -> ReducerFailed | None:
    try:
        exact_json.dumps(odd_state)  # says where in the state
    except NotAState as error:
        failure = ReducerFailed(decode(event), before, error)
        failure.__cause__ = error
        return failure
    return None


def place_of(fold: Fold, n: int) -> DbWork[int | None]:
    """Return the place of step `n`, or of the last step; None if counting to it takes too long."""
    if not n or fold.source.is_numbered:
        return n
    points: list[Point] = yield snapshots.before(fold, n=n)
    passed_count, place = (points[0].n, points[0].place) if points else (0, 0)
    return (yield from fold.source.nth_place(fold.log_id, n, passed_count=passed_count, place=place, head=fold.head))
