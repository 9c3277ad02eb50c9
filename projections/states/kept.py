"""The states that the runner keeps, as readers see them: one, or many by key; and how far they are.

Kept states may hold the content of an event that was redacted since: until the runner has rebuilt them, there are none.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q, QuerySet

from events import models
from events.query.prefix import begins_with
from events.reading.db_work import Asking
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
"""After so long a search through kept states says how far it came."""
_SLICE_KEYS = 2_000
"""Kept states looked at in one statement."""
_BUILD_COLUMNS = len(BuildStanding.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Found:
    """One of many states.

    `error`: the reducer raised at `error_position`; the state is the one before it, if that is kept, or else there
    is none.
    """

    key: str
    state: State
    error: str | None = None
    error_position: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """States by key. `next`: every key up to it was looked at, go on after it; None: there are no more.

    `position`: up to where the log is in them. `stale`: why that is not as far as the log goes.
    """

    found: tuple[Found, ...]
    next: str | None
    position: int
    stale: Stale | None = None


@dataclass(frozen=True, slots=True)
class KeptState:
    """A state that the runner keeps, and how its build stands. `parked`: what its key is parked by."""

    build: BuildStanding
    state: State | None
    parked: Stale | None

    @property
    def stale(self) -> Stale | None:
        """Why it is not as far as the log goes."""
        return self.parked or stale(self.build)


def kept_state(log_id: int, projection: Projection, key: str) -> Statement[KeptState]:
    """The kept state of a key; no row while nothing is kept, or what is kept may hold redacted content."""
    return Statement(sql.LIVE_STATE, {"log_id": log_id, "projection": projection.name, "key": key}, _kept_state)


def live_build(log_id: int, projection: Projection) -> Statement[BuildStanding]:
    """How the build stands that readers see; no row while there is none, or it may hold redacted content."""
    return Statement(sql.LIVE_BUILD, {"log_id": log_id, "projection": projection.name}, BuildStanding)


def stale(build: BuildStanding) -> Stale | None:
    """Why the states of a build are not as far as the log goes."""
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
) -> Asking[Page]:
    """The kept states that fit, by key: slice by slice of the keys, until there are enough or the time is up."""
    began, found = time.monotonic(), list[Found]()
    everything = live(log_id, projection.name).filter(begins_with("key", prefix)).order_by("key")
    while True:
        rest = everything if after is None else everything.filter(key__gt=after)
        ends: list[str] = yield Read(rest.values_list("key")[_SLICE_KEYS - 1 : _SLICE_KEYS], str)
        part = rest.filter(key__lte=ends[0]) if ends else rest
        found += yield _rows(part.filter(fits)[: limit - len(found)])
        is_full = len(found) == limit
        after = found[-1].key if is_full else ends[0] if ends else None
        if is_full or after is None or time.monotonic() - began > _BUDGET_SECONDS:
            found = yield from _with_versions(log_id, projection, found)
            found = yield from _with_faults(log_id, build, found)
            return Page(tuple(found), after, build.position, stale(build))


def _rows(query: QuerySet[ProjectionState, ProjectionState]) -> Read[Found]:
    def row(key: str, text: str, events: int, position: int) -> Found:
        return Found(key, State(text, events, position, 0))

    return Read(query.values_list("key", "state", "events", "position"), row)


def _with_versions(log_id: int, projection: Projection, rows: Sequence[Found]) -> Asking[list[Found]]:
    """The rows with the versions of their last events, where the keys are streams."""
    if projection.key is not STREAM:
        return list(rows)
    places = models.Event.objects.filter(log_id=log_id, position__in=[each.state.position for each in rows])
    versions = dict((yield Read(places.values_list("position", "version"), lambda *pair: pair)))
    return [replace(each, state=replace(each.state, version=versions[each.state.position])) for each in rows]


def _with_faults(log_id: int, build: BuildStanding, rows: Sequence[Found]) -> Asking[list[Found]]:
    """The rows with the errors that parked their keys."""
    parked = Parked.objects.filter(
        log_id=log_id, projection=build.projection, build=build.build, key__in=[each.key for each in rows]
    )
    faults = yield Read(parked.values_list("key", "error", "position"), lambda *values: values)
    by_key = {key: (error, position) for key, error, position in faults}
    return [Found(each.key, each.state, *by_key.get(each.key, (None, None))) for each in rows]


def initial(projection: Projection) -> State:
    """The state before any event."""
    return State(dumps(projection.initial), 0, 0, 0)
