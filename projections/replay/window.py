"""A replay: the events of a source, each a step, with what a projection makes of them.

What is shown is a window of steps around one of them. Its states are folded from the nearest snapshot before it, so
that a step costs the same anywhere; where that is too far, the events are shown and a job (`indexing.py`) goes the way.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from django.db.models import Q

from events.query.parse import parse
from events.reading import scan, store
from events.reading.db_work import Asking
from events.reading.scan import Found
from events.reading.store import Read
from events.types import Event
from projections.definition.fold import ReducerFailed, fold
from projections.definition.projection import Projection, decode
from projections.states import snapshots
from projections.states.at_moment import TooFar, fold_to
from projections.states.fold_cursor import Point, start
from projections.states.source import Source
from projections.values import exact_json
from projections.values.change import Change, Json
from projections.values.diff import diff

HOP = 40
"""The window moves on by so many steps, and has at least as many on each side of the one that is looked at."""
_SIDE = 2 * HOP
_DIFF_SECONDS = 0.03
"""Processor time spent on what the steps around changed; the nearest come first."""
_SEARCH_SECONDS = 0.15
_COUNTED = 50_000
"""So many entries of an index are counted while a request waits: some milliseconds."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A step of the window: its event, where it stands in the source, which one it is.

    `n` None: its number is not known. `changes` None: what it changed was not computed.
    """

    event: Event
    place: int
    n: int | None
    changes: tuple[Change, ...] | None = None


@dataclass(frozen=True, slots=True)
class Near:
    """The events of a source around a place, in order, up to `at` those at or before it.

    `begins`, `ends`: there are none before, none behind. A search that gave up says to where it looked.
    """

    events: list[Event]
    at: int
    begins: bool
    ends: bool
    looked_back_to: int | None = None
    looked_on_to: int | None = None


@dataclass(slots=True)
class Replay:
    """A source at a step. `at` is the index of its stop; -1 is step 0, before the first.

    `before` and `after` are the states on both sides of the step, and `is_known` whether they are; else `too_far` or
    `failed` says why not. `failed` may also be of a step behind. `states` are those after the stops, by their index,
    as far as they are known; that at -1 is before the first.
    """

    projection: Projection
    source: Source
    near: Near
    stops: list[Stop] = field(default_factory=list)
    at: int = -1
    is_known: bool = False
    before: Json = None
    after: Json = None
    failed: ReducerFailed | None = None
    too_far: TooFar | None = None
    states: dict[int, Json] = field(default_factory=dict)

    @property
    def stop(self) -> Stop | None:
        """The step that is looked at; None is the one before the first event."""
        return self.stops[self.at] if self.at >= 0 else None

    @property
    def changes(self) -> tuple[Change, ...]:
        return (self.stop.changes or ()) if self.stop else ()


def replay(log_id: int, projection: Projection, source: Source, *, place: int, head: int) -> Asking[Replay]:
    """The last step at or before a place in a source. `head` is the log's, read before."""
    near = yield from near_to(log_id, source, place, head=head)
    made = Replay(projection, source, near)
    base: Point | None = None
    skipped = 0
    try:
        base, skipped = yield from _base(log_id, made, head=head)
    except TooFar as too_far:
        made.too_far = too_far
    except ReducerFailed as failed:
        made.failed = failed
    first = _first_number(source, near, base, skipped)
    states: list[Json] = []
    if base:
        states, made.failed = states_through(projection, source, base, near.events[skipped:])
    _show(made, first, states, skipped)
    return made


def near_to(log_id: int, source: Source, place: int, *, head: int, side: int = _SIDE) -> Asking[Near]:
    """The events around a place: so many on each side, and the last one at or before it."""
    if source.kind == "query":
        return (yield from _found(log_id, source, place, head=head, side=side))
    if source.kind == "stream":
        back = yield store.stream_events(log_id, source.name, from_version=place, backward=True, limit=side + 1)
        ahead = yield store.stream_events(log_id, source.name, from_version=place + 1, limit=side + 1)
    elif source.places:
        noted = source.noted(log_id, source.places)
        last = noted.filter(position__lte=place).order_by("-position")[: side + 1]
        following = noted.filter(position__gt=place).order_by("position")[: side + 1]
        back = yield store.events(log_id, Q(position__in=last), backward=True, limit=side + 1)
        ahead = yield store.events(log_id, Q(position__in=following), limit=side + 1)
    else:
        condition = source.condition
        back = yield store.events(log_id, condition, before=place + 1, backward=True, limit=side + 1)
        ahead = yield store.events(log_id, condition, after=place, limit=side + 1)
    events = [*back[::-1], *ahead[:side]]
    return Near(events, len(back) - 1, begins=len(back) <= side, ends=len(ahead) <= side)


def _found(log_id: int, source: Source, place: int, *, head: int, side: int) -> Asking[Near]:
    """The same by a search, which stops after a while."""
    query = parse(source.name)
    search = partial(scan.events, log_id, query, limit=side + 1, budget=_SEARCH_SECONDS, head=head)
    back: Found = yield search(before=place + 1)
    ahead: Found = yield search(after=place, backward=False)
    return Near(
        [*back.events[::-1], *ahead.events[:side]],
        len(back.events) - 1,
        begins=back.complete and len(back.events) <= side,
        ends=ahead.complete and len(ahead.events) <= side,
        looked_back_to=None if back.complete else back.searched_to,
        looked_on_to=None if ahead.complete else ahead.searched_to,
    )


def _base(log_id: int, made: Replay, *, head: int) -> Asking[tuple[Point, int]]:
    """Where the window is folded from, and how many of its first events that has passed already."""
    near, source, projection = made.near, made.source, made.projection
    if near.begins or not near.events:
        return start(projection), 0
    try:
        upto = near.events[0].position - 1
        return (yield from fold_to(log_id, projection, source, upto=upto, seen=head)).point, 0
    except TooFar:
        # A state that grows has few snapshots: one that stands within the window serves as well.
        now = near.events[max(near.at, 0)]
        found = yield from _nearest(log_id, projection, source, now.position - 1)
        if found is None or found.place < source.place(near.events[0]) or found.place >= source.place(now):
            raise
        return found, sum(source.place(event) <= found.place for event in near.events)


def _nearest(log_id: int, projection: Projection, source: Source, position: int) -> Asking[Point | None]:
    found: list[Point] = yield snapshots.nearest(log_id, projection, source, position=position)
    return found[0] if found else None


def _first_number(source: Source, near: Near, base: Point | None, skipped: int) -> int | None:
    """The number of the first event of the window. Of a search nobody counts the events."""
    if source.kind in ("stream", "log"):
        return source.place(near.events[0]) if near.events else 1
    if source.kind == "query":
        return 1 if near.begins else None
    return base.n - skipped + 1 if base else None


def states_through(
    projection: Projection, source: Source, base: Point, events: Sequence[Event]
) -> tuple[list[Json], ReducerFailed | None]:
    """The state at the base and after each event behind it, as far as the reducer goes."""
    states: list[Json] = [exact_json.loads(base.state)]
    try:
        for event in events:
            takes = source.takes(projection, event)
            states.append(fold(projection, [decode(event)], states[-1]) if takes else states[-1])
    except ReducerFailed as failed:
        return states, failed
    return states, None


def _show(made: Replay, first: int | None, states: list[Json], skipped: int) -> None:
    """Cut the window out of what was read, and say what its steps changed."""
    near = made.near
    begin, end = _cut(first, near)
    changes = changes_near(states, skipped, near.at, range(begin, end))
    made.stops = [
        Stop(event, made.source.place(event), None if first is None else first + i, changes.get(i))
        for i, event in enumerate(near.events[begin:end], start=begin)
    ]
    made.at = near.at - begin if near.at >= 0 else -1
    first_known = skipped - 1 - begin  # the stop after which the first state stands
    made.states = {i: state for i, state in enumerate(states, start=first_known) if -1 <= i < len(made.stops)}
    now = near.at - skipped + 1
    if 0 <= now < len(states) and (now or near.at < 0):
        made.is_known = True
        made.before, made.after = states[max(now - 1, 0)], states[now]


def _cut(first: int | None, near: Near) -> tuple[int, int]:
    """From which to which event the window goes: so that it stays where it is while one steps."""
    count = len(near.events)
    if first is None:
        begin = 0 if near.looked_back_to else _landmark(near.events, range(1, near.at - HOP + 1), or_else=0)
        is_whole = near.ends or near.looked_on_to
        return begin, count if is_whole else _landmark(near.events, range(near.at + HOP + 1, count), or_else=count)
    n = first + near.at
    # There is no block before the first: the same steps are shown all through it.
    blocks = 3 if n >= HOP else 2
    begin = max(0, n - n % HOP - HOP - first + 1)
    return begin, min(count, begin + blocks * HOP)


def _landmark(events: Sequence[Event], among: range, *, or_else: int) -> int:
    """Where nobody counts, a window ends at the event before which the positions pass the roundest binary number: from
    step to step that is mostly the same."""
    return max(among, key=lambda i: events[i].position ^ events[i - 1].position, default=or_else)


def changes_near(states: list[Json], skipped: int, at: int, window: range) -> dict[int, tuple[Change, ...]]:
    """What the events of a window changed, by index, the nearest to `at` first, as long as there is time."""
    found: dict[int, tuple[Change, ...]] = {}
    began = time.thread_time()
    for i in sorted(window, key=lambda i: abs(i - at)):
        place = i - skipped
        if 0 <= place < len(states) - 1:
            found[i] = diff(states[place], states[place + 1])
            if time.thread_time() - began > _DIFF_SECONDS:
                break
    return found


def place_of(log_id: int, projection: Projection, source: Source, n: int) -> Asking[int | None]:
    """Where the nth event of a source stands, or its last one; None where the way to it is long to count."""
    if source.kind in ("stream", "log", "query") or not n:
        return n
    if source.places:
        nth: list[int] = yield Read(source.noted(log_id, source.places).filter(n=n).values_list("position"), int)
        return nth[0] if nth else None
    near = yield from _before(log_id, projection, source, n)
    passed, place = (near.n, near.place) if near else (0, 0)
    if n == passed:
        return place
    if n - passed > _COUNTED:
        return None
    found: list[int] = yield store.nth_position(log_id, source.condition, n - passed, after=place)
    if not found:
        found = yield store.nth_position(log_id, source.condition, 1, backward=True)
    return found[0] if found else 0


def _before(log_id: int, projection: Projection, source: Source, n: int) -> Asking[Point | None]:
    found: list[Point] = yield snapshots.before(log_id, projection, source, n=n)
    return found[0] if found else None
