"""The steps of a replay as data: one with the states on both sides of it, or one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from events.errors import Invalid
from events.query.parse import parse
from events.reading import scan, store
from events.reading.db_work import Asking
from events.reading.scan import Found
from events.types import Event, StreamInfo
from projections.definition.fold import ReducerFailed, fold
from projections.definition.projection import Projection, decode
from projections.replay.window import Near, Stop, changes_near, near_to, place_of, states_through
from projections.states.at_moment import TooFar, fold_to
from projections.states.fold_cursor import Point, start
from projections.states.source import Source
from projections.values.change import Change, Json
from projections.values.diff import diff


@dataclass(frozen=True, slots=True)
class Step:
    """The last step at or before a place.

    `event` None: it is step 0, before the first event; or `n` is None, too, and the search for a query's event gave up:
    then the state is that of the place. `previous`, `next`: where to ask for the steps beside it; None: there is none.
    """

    place: int
    n: int | None
    event: Event | None
    state: Json
    changes: tuple[Change, ...]
    previous: int | None
    next: int | None


@dataclass(slots=True)
class Steps:
    """Steps in order. `next`: behind which place there may be more; None: there are none.

    `too_far`, `failed`: why it is not known what they changed, or what the last of them did.
    """

    stops: list[Stop]
    next: int | None
    too_far: TooFar | None = None
    failed: ReducerFailed | None = None


def last_place(log_id: int, source: Source, *, head: int) -> Asking[int]:
    """Up to where a source can have steps."""
    if source.kind != "stream":
        return source.places.upto if source.places else head
    found: Sequence[StreamInfo] = yield store.stream(log_id, source.name)
    return found[0].version if found else 0


def place_of_number(log_id: int, projection: Projection, source: Source, n: int, *, head: int) -> Asking[int]:
    """Where step `n` stands; no further than the source goes.

    Raises:
        Invalid: nobody counts the steps of a query; or there are less.
        TooFar: it takes too long to count to it.
    """
    if source.kind == "query":
        raise Invalid("The steps of a query have no numbers: use place.", field="n")
    place = yield from place_of(log_id, projection, source, n)
    if place is None:
        upto = yield from last_place(log_id, source, head=head)
        last = (yield from fold_to(log_id, projection, source, upto=upto, seen=head)).point.n
        raise Invalid(f"There is no step {n:,}: the last is {last:,}.", field="n", last=last)
    return place


def step_at(log_id: int, projection: Projection, source: Source, *, place: int, head: int) -> Asking[Step]:
    """The last step at or before a place. `head` is the log's, read before.

    Raises:
        TooFar: the state is more than one block away.
        ReducerFailed: at this step, or before it.
    """
    near = yield from near_to(log_id, source, place, head=head, side=1)
    previous, following = _beside(source, near)
    if near.at < 0:
        state: Json = projection.initial
        if not near.begins:
            state = (yield from fold_to(log_id, projection, source, upto=place, seen=head)).state
        return Step(0 if near.begins else place, 0 if near.begins else None, None, state, (), previous, following)
    event = near.events[near.at]
    folding = yield from fold_to(log_id, projection, source, upto=event.position - 1, seen=head)
    before = folding.state
    after = fold(projection, [decode(event)], before) if source.takes(projection, event) else before
    n = near.at + 1 if near.begins else _number(source, event, folding.point)
    return Step(source.place(event), n, event, after, diff(before, after), previous, following)


def _beside(source: Source, near: Near) -> tuple[int | None, int | None]:
    """Where to ask for the steps before and behind; a search that gave up goes on where it stopped."""
    before, behind = near.events[: max(near.at, 0)], near.events[near.at + 1 :]
    previous = near.looked_back_to and near.looked_back_to - 1
    if before:
        previous = source.place(before[-1])
    elif near.begins and near.at == 0:
        previous = 0
    return previous, source.place(behind[0]) if behind else near.looked_on_to


def steps_after(
    log_id: int, projection: Projection, source: Source, *, after: int, limit: int, head: int
) -> Asking[Steps]:
    """The steps behind a place, and what each changed."""
    if source.kind == "query":
        search = scan.events(log_id, parse(source.name), after=after, backward=False, limit=limit, head=head)
        found: Found = yield search
        events, to = list(found.events), None if found.at_end else found.searched_to
    else:
        is_over = source.places is not None and after >= source.places.upto
        events = [] if is_over else (yield source.read(log_id, after=after, upto=head, limit=limit + 1))
        events, to = events[:limit], source.place(events[limit - 1]) if len(events) > limit else None
    if not events:
        return Steps([], to)
    made = Steps([], to)
    base: Point | None = None
    states: list[Json] = []
    try:
        upto = events[0].position - 1
        base = (
            (yield from fold_to(log_id, projection, source, upto=upto, seen=head)).point if after else start(projection)
        )
        states, made.failed = states_through(projection, source, base, events)
    except TooFar as error:
        made.too_far = error
    except ReducerFailed as error:
        made.failed = error
    first = _number(source, events[0], base)
    changes = changes_near(states, 0, 0, range(len(events)))
    for i, event in enumerate(events):
        made.stops.append(Stop(event, source.place(event), None if first is None else first + i, changes.get(i)))
    return made


def _number(source: Source, event: Event, base: Point | None) -> int | None:
    """The number of the event behind a point. Of a query nobody counts the events, but from the beginning."""
    if source.kind in ("stream", "log"):
        return source.place(event)
    if base is None or (source.kind == "query" and base.n):
        return None
    return base.n + 1
