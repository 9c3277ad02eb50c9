"""The steps of a replay as data, for the API: one step with its state, or a list of steps."""

from __future__ import annotations

from dataclasses import dataclass

from events.errors import Invalid
from events.reading.db_work import DbWork
from events.types import Event
from projections.definition.fold import ReducerFailed
from projections.definition.fold import fold as fold_events
from projections.definition.projection import decode
from projections.replay.window import WindowStep, changes_near, drop_odd_states, place_of, states_through
from projections.states.fold import Fold, TooFar
from projections.states.fold_cursor import Point, start
from projections.states.sources.base import Near, Source
from projections.values.change import Change, Json
from projections.values.diff import diff


@dataclass(frozen=True, slots=True)
class Step:
    """The last step at or before a place.

    `event` is None at step 0, before the first event. If `n` is None too, the search for a query's event gave up, and
    `state` is the state at the place. `previous` and `next` are the places to ask for the neighbouring steps; None:
    there is no such step.
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
    """Steps in order. `next` is the place after which there may be more; None: there are no more.

    `too_far` or `failure` says why the changes of all steps, or of the last of them, are not known.
    """

    steps: list[WindowStep]
    next: int | None
    too_far: TooFar | None = None
    failure: ReducerFailed | None = None


def place_of_number(fold: Fold, n: int) -> DbWork[int]:
    """Return the place of step `n`, at most the last place of the source.

    Raises:
        Invalid: the steps of a query are not numbered, or there are fewer steps.
        TooFar: it takes too long to count to the step.
    """
    if not fold.source.is_counted:
        raise Invalid("The steps of a query have no numbers: use place.", field="n")
    place = yield from place_of(fold, n)
    if place is None:
        last_place = yield from fold.source.last_place(fold.log_id, head=fold.head)
        last = (yield from fold.to(last_place)).point.n
        raise Invalid(f"There is no step {n:,}: the last is {last:,}.", field="n", last=last)
    return place


def step_at(fold: Fold, place: int) -> DbWork[Step]:
    """Return the last step at or before a place.

    Raises:
        TooFar: the state is more than one block away.
        ReducerFailed: the reducer raised at this step, or before it.
    """
    source, projection = fold.source, fold.projection
    near = yield from fold.near(place, side=1)
    previous, next_place = _neighbours(source, near)
    if near.at < 0:
        state: Json = projection.initial
        if not near.begins:
            state = (yield from fold.to(place)).state
        return Step(0 if near.begins else place, 0 if near.begins else None, None, state, (), previous, next_place)
    event = near.events[near.at]
    cursor = yield from fold.to(event.position - 1)
    before = cursor.state
    after = fold_events(projection, [decode(event)], before) if source.takes(projection, event) else before
    n = near.at + 1 if near.begins else source.first_number(event, passed_count=cursor.point.n)
    return Step(source.place(event), n, event, after, diff(before, after), previous, next_place)


def _neighbours(source: Source, near: Near) -> tuple[int | None, int | None]:
    """Return the places of the steps before and after; a search that ran out of time goes on from its last place."""
    before, after = near.events[: max(near.at, 0)], near.events[near.at + 1 :]
    previous = near.searched_from and near.searched_from - 1
    if before:
        previous = source.place(before[-1])
    elif near.begins and near.at == 0:
        previous = 0
    return previous, source.place(after[0]) if after else near.searched_to


def steps_after(fold: Fold, *, after: int, limit: int) -> DbWork[Steps]:
    """Return the steps after a place with their changes."""
    source = fold.source
    events, next_place = yield from source.after(fold.log_id, after, head=fold.head, limit=limit)
    steps = Steps([], next_place)
    if not events:
        return steps
    base: Point | None = None
    states: list[Json] = []
    try:
        base = (yield from fold.to(events[0].position - 1)).point if after else start(fold.projection)
        states, steps.failure = states_through(fold, base, events)
    except TooFar as error:
        steps.too_far = error
    except ReducerFailed as error:
        steps.failure = error
    first = source.first_number(events[0], passed_count=base.n if base else None)
    changes = changes_near(states, 0, 0, range(len(events)))
    steps.failure = drop_odd_states(events, states, changes, 0) or steps.failure
    for i, event in enumerate(events):
        steps.steps.append(WindowStep(event, source.place(event), None if first is None else first + i, changes.get(i)))
    return steps
