"""The state of a key at any moment: from the nearest snapshot, and the events after it."""

from __future__ import annotations

from dataclasses import dataclass

from events.reading.db_work import DbWork
from projections.definition.projection import Projection
from projections.states import snapshots
from projections.states.fold import REQUEST_PACE, Fold, Pace
from projections.states.fold_cursor import Point, start
from projections.states.moment import NOW, Moment, head_of, position_at
from projections.states.sources.parse import source_of
from projections.values import exact_json
from projections.values.change import Change, Json
from projections.values.diff import diff


@dataclass(frozen=True, slots=True)
class Stale:
    """The reason why a state is not up to date: it holds at `position`, while the log goes to `head`.

    `reason`: `behind`, while the runner is on its way; `failed`, if the reducer raised for an event of the state's key;
    or the standing of the build. `error` is the error at `error_position`, if that is the reason.
    """

    reason: str
    position: int
    head: int
    error: str | None = None
    error_position: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """The state of a key at a moment.

    `text` is the exact state. `events` were folded; the last of them stands at `position` in the log and `version` in
    its stream (0: there is none). `stale` says why the present state is not up to date.
    """

    text: str
    events: int
    position: int
    version: int
    stale: Stale | None = None

    @classmethod
    def of(cls, point: Point) -> State:
        """The state at a point of a fold."""
        return cls(point.state, point.events, point.position, point.version)

    @property
    def value(self) -> Json:
        value: Json = exact_json.loads(self.text)
        return value


def fold_of(log_id: int, projection: Projection, key: str) -> DbWork[Fold]:
    """The fold that makes the state of a key."""
    source = yield from source_of(log_id, projection, key)
    head = yield from head_of(log_id)
    return Fold(log_id, projection, source, head)


def state_at(
    log_id: int, projection: Projection, key: str, *, at: Moment = NOW, pace: Pace = REQUEST_PACE
) -> DbWork[State]:
    """The state of a key at a moment.

    Raises:
        TooFar: the fold takes more than one block.
        ReducerFailed: the reducer raised for an event before that moment.
        NotAState: the reducer returned a value that is not JSON.
        Invalid: the key can't have this moment.
    """
    if at == NOW:
        return (yield from _state_now(log_id, projection, key, pace=pace))
    fold = yield from fold_of(log_id, projection, key)
    position = yield from position_at(log_id, fold.source, at, head=fold.head)
    return State.of((yield from fold.to(position, pace=pace)).point)


def _state_now(log_id: int, projection: Projection, key: str, *, pace: Pace) -> DbWork[State]:
    source = yield from source_of(log_id, projection, key)
    [(head, point)] = yield snapshots.newest(log_id, projection, source)
    fold = Fold(log_id, projection, source, head)
    return State.of((yield from fold.to(head, begin=point or start(projection), pace=pace)).point)


def difference(
    log_id: int, projection: Projection, key: str, *, first: Moment, second: Moment
) -> DbWork[tuple[State, State, tuple[Change, ...]]]:
    """The states at two moments, and the changes from the first to the second. Raises as `state_at` does."""
    before = yield from state_at(log_id, projection, key, at=first)
    after = yield from state_at(log_id, projection, key, at=second)
    return before, after, diff(before.value, after.value)
