"""The states that the runner keeps, as readers see them: of one key, or of many.

Kept states may hold the content of an event that was redacted since. Readers see none of them until the runner has
built them again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q, QuerySet

from events import models
from events.query.prefix import begins_with
from events.reading.db_work import DbWork
from events.reading.statement import Statement
from events.reading.store import Read
from projections.definition.projection import STREAM, Projection
from projections.materialise.checkpoints import live
from projections.materialise.standing import BuildStanding
from projections.models import Parked, ProjectionState
from projections.states import sql
from projections.states.at_moment import Stale, State
from projections.values.exact_json import dumps

_BUDGET_SECONDS = 0.25
"""After so long a search through kept states ends, and says up to which key it came."""
_SLICE_KEYS = 2_000
"""The kept states that one statement searches."""
_BUILD_COLUMNS = len(BuildStanding.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class ListedState:
    """One state of a list.

    If the reducer raised, `error` is its error at `error_position`, and the state is the kept one before that event; a
    state that is not kept is null. Without a position, `error` says why the state is not JSON.
    """

    key: str
    state: State
    error: str | None = None
    error_position: int | None = None


@dataclass(frozen=True, slots=True)
class StatesPage:
    """A page of states, ordered by key.

    `next` is the last key that was searched: the next page begins after it; None: there are no more. The states hold at
    `position`; `stale` says why that is not the log's head.
    """

    states: tuple[ListedState, ...]
    next: str | None
    position: int
    stale: Stale | None = None


@dataclass(frozen=True, slots=True)
class KeptState:
    """A state that the runner keeps, with its build. `parked` is the error that parked its key."""

    build: BuildStanding
    state: State | None
    parked: Stale | None

    @property
    def stale(self) -> Stale | None:
        """The reason why the state is not up to date."""
        return self.parked or stale(self.build)


def kept_state(log_id: int, projection: Projection, key: str) -> Statement[KeptState]:
    """The kept state of a key; no row if there is no live build, or it may hold redacted content."""
    return Statement(sql.LIVE_STATE, {"log_id": log_id, "projection": projection.name, "key": key}, _kept_state)


def live_build(log_id: int, projection: Projection) -> Statement[BuildStanding]:
    """The standing of the live build; no row if there is no live build, or it may hold redacted content."""
    return Statement(sql.LIVE_BUILD, {"log_id": log_id, "projection": projection.name}, BuildStanding)


def stale(build: BuildStanding) -> Stale | None:
    """The reason why the states of a build are not up to date."""
    is_of_other_code = build.state == "code changed"
    if not build.lag and not is_of_other_code:
        return None
    reason = "behind" if build.is_moving else build.state
    if build.state != "stopped":
        return Stale(reason, build.position, build.head)
    return Stale(reason, build.position, build.head, build.error, build.error_position)


def _kept_state(*values: Any) -> KeptState:
    build = BuildStanding(*values[:_BUILD_COLUMNS])
    text, events, position, version, parked_at, error, is_retried = values[_BUILD_COLUMNS:]
    state = None if text is None else State(text, events, position, version)
    if parked_at is None:
        return KeptState(build, state, None)
    reason = "behind" if is_retried and build.is_moving else "failed"
    return KeptState(build, state, Stale(reason, parked_at - 1, build.head, error, parked_at))


def search(
    log_id: int,
    projection: Projection,
    build: BuildStanding,
    *,
    fits: Q,
    after: str | None,
    limit: int,
    prefix: str,
) -> DbWork[StatesPage]:
    """The kept states that fit, ordered by key: slice by slice, until there are enough or the time is over."""
    start, states = time.monotonic(), list[ListedState]()
    all_states = live(log_id, projection.name).filter(begins_with("key", prefix)).order_by("key")
    while True:
        rest = all_states if after is None else all_states.filter(key__gt=after)
        ends: list[str] = yield Read(rest.values_list("key")[_SLICE_KEYS - 1 : _SLICE_KEYS], str)
        part = rest.filter(key__lte=ends[0]) if ends else rest
        states += yield _rows(part.filter(fits)[: limit - len(states)])
        is_full = len(states) == limit
        after = states[-1].key if is_full else ends[0] if ends else None
        if is_full or after is None or time.monotonic() - start > _BUDGET_SECONDS:
            states = yield from _with_versions(log_id, projection, states)
            states = yield from _with_faults(log_id, build, states)
            return StatesPage(tuple(states), after, build.position, stale(build))


def _rows(query: QuerySet[ProjectionState, ProjectionState]) -> Read[ListedState]:
    def row(key: str, text: str, events: int, position: int) -> ListedState:
        return ListedState(key, State(text, events, position, 0))

    return Read(query.values_list("key", "state", "events", "position"), row)


def _with_versions(log_id: int, projection: Projection, rows: Sequence[ListedState]) -> DbWork[list[ListedState]]:
    """The rows with the versions of their last events, if the keys are streams."""
    if projection.key is not STREAM:
        return list(rows)
    places = models.Event.objects.filter(log_id=log_id, position__in=[each.state.position for each in rows])
    versions = dict((yield Read(places.values_list("position", "version"), lambda *pair: pair)))
    return [replace(each, state=replace(each.state, version=versions[each.state.position])) for each in rows]


def _with_faults(log_id: int, build: BuildStanding, rows: Sequence[ListedState]) -> DbWork[list[ListedState]]:
    """The rows with the errors that parked their keys."""
    parked = Parked.objects.filter(
        log_id=log_id, projection=build.projection, build=build.build, key__in=[each.key for each in rows]
    )
    faults = yield Read(parked.values_list("key", "error", "position"), lambda *values: values)
    by_key = {key: (error, position) for key, error, position in faults}
    return [ListedState(each.key, each.state, *by_key.get(each.key, (None, None))) for each in rows]


def initial(projection: Projection) -> State:
    """The state before any event."""
    return State(dumps(projection.initial), 0, 0, 0)
