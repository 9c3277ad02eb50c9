"""The steps of a replay as data: one with the states on both sides of it, or one after another."""

from __future__ import annotations

from dataclasses import dataclass

from events.errors import Invalid
from events.reading.db_work import Asking
from events.types import Event
from projections.definition.fold import ReducerFailed
from projections.definition.fold import fold as fold_events
from projections.definition.projection import decode
from projections.replay.window import WindowStep, changes_near, place_of, states_through
from projections.states.fold import Fold, TooFar
from projections.states.fold_cursor import Point, start
from projections.states.sources.base import Near, Source
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

    steps: list[WindowStep]
    next: int | None
    too_far: TooFar | None = None
    failed: ReducerFailed | None = None


def place_of_number(fold: Fold, n: int) -> Asking[int]:
    """Where step `n` stands; no further than the source goes.

    Raises:
        Invalid: nobody counts the steps of a query; or there are less.
        TooFar: it takes too long to count to it.
    """
    if not fold.source.is_counted:
        raise Invalid("The steps of a query have no numbers: use place.", field="n")
    place = yield from place_of(fold, n)
    if place is None:
        last_place = yield from fold.source.last_place(fold.log_id, head=fold.head)
        last = (yield from fold.to(last_place)).point.n
        raise Invalid(f"There is no step {n:,}: the last is {last:,}.", field="n", last=last)
    return place


def step_at(fold: Fold, place: int) -> Asking[Step]:
    """The last step at or before a place.

    Raises:
        TooFar: the state is more than one block away.
        ReducerFailed: at this step, or before it.
    """
    source, projection = fold.source, fold.projection
    near = yield from fold.near(place, side=1)
    previous, following = _beside(source, near)
    if near.at < 0:
        state: Json = projection.initial
        if not near.begins:
            state = (yield from fold.to(place)).state
        return Step(0 if near.begins else place, 0 if near.begins else None, None, state, (), previous, following)
    event = near.events[near.at]
    cursor = yield from fold.to(event.position - 1)
    before = cursor.state
    after = fold_events(projection, [decode(event)], before) if source.takes(projection, event) else before
    n = near.at + 1 if near.begins else source.first_number(event, passed=cursor.point.n)
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


def steps_after(fold: Fold, *, after: int, limit: int) -> Asking[Steps]:
    """The steps after a place, and what each of them changed."""
    source = fold.source
    events, to = yield from source.after(fold.log_id, after, head=fold.head, limit=limit)
    steps = Steps([], to)
    if not events:
        return steps
    base: Point | None = None
    states: list[Json] = []
    try:
        base = (yield from fold.to(events[0].position - 1)).point if after else start(fold.projection)
        states, steps.failed = states_through(fold, base, events)
    except TooFar as error:
        steps.too_far = error
    except ReducerFailed as error:
        steps.failed = error
    first = source.first_number(events[0], passed=base.n if base else None)
    changes = changes_near(states, 0, 0, range(len(events)))
    for i, event in enumerate(events):
        steps.steps.append(WindowStep(event, source.place(event), None if first is None else first + i, changes.get(i)))
    return steps
