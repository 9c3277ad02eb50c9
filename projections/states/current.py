"""States as they are now: the kept ones of materialised projections, else folded; one, or many by key.

Kept states may hold the content of an event that was redacted since: until the runner has rebuilt them, states are
folded.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from events import models
from events.errors import Invalid
from events.query.prefix import begins_with
from events.query.tree import Query
from events.reading import store
from events.reading.db_work import Asking
from events.reading.store import Read
from projections.definition.fold import ReducerFailed
from projections.definition.projection import AGENT, LOG, STREAM, WORKFLOW, Projection
from projections.materialise.checkpoints import live
from projections.models import Checkpoint, ProjectionState
from projections.states.at_moment import State, state_at
from projections.states.fold import BLOCK, Fold, Pace, TooFar
from projections.states.fold_cursor import SPACING
from projections.states.moment import NOW, Moment, head_of
from projections.states.query import state_matcher, where_state
from projections.states.sources.parse import source_of
from projections.values.exact_json import dumps

_BUDGET = 0.25
"""Seconds after which a search through kept states says how far it came."""
_SLICE = 2_000
"""Kept states looked at in one statement."""
_AGENTS = 1_000
"""Agents whose states are listed."""


@dataclass(frozen=True, slots=True)
class Found:
    """One of many states. `error`: the reducer raised at this position, and there is none."""

    key: str
    state: State
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """States by key. `next`: every key up to it was looked at, go on after it; None: there are no more.

    `position`: up to where the log is in them.
    """

    found: tuple[Found, ...]
    next: str | None
    position: int


def state(log_id: int, projection: Projection, key: str, *, at: Moment = NOW) -> Asking[State]:
    """The state at a moment; now, that which the runner keeps, if it does. Raises as `state_at` does."""
    if at == NOW and projection.materialised and (yield _kept(log_id, projection)):
        rows: list[Found] = yield _rows(live(log_id, projection.name).filter(key=key))
        if not rows:
            return State(dumps(projection.initial), 0, 0, 0)
        [found] = yield from _with_versions(log_id, projection, rows)
        return found.state
    return (yield from state_at(log_id, projection, key, at=at))


def reached(log_id: int, projection: Projection) -> Read[int]:
    """Up to where the log is in what readers see: no row where that is nothing; on demand, it is the log's head."""
    if not projection.materialised:
        return store.head(log_id)
    seen = Checkpoint.objects.filter(log_id=log_id, projection=projection.name, is_live=True)
    return Read(seen.values_list("position"), int)


def _kept(log_id: int, projection: Projection) -> Read[int]:
    """Up to where the log is in the kept states; no row while they may hold what was redacted."""
    emptied = models.Redaction.objects.filter(
        log_id=OuterRef("log_id"), position__lte=OuterRef("position"), marker_position__gt=OuterRef("seen")
    )
    builds = Checkpoint.objects.filter(~Exists(emptied), log_id=log_id, is_live=True)
    return Read(builds.filter(projection=projection.name).values_list("position"), int)


def states(
    log_id: int, projection: Projection, *, query: Query | None, after: str | None, limit: int, prefix: str = ""
) -> Asking[Page]:
    """States by key, those after a key that begin with a prefix and fit a query.

    Raises:
        TooFar: the first of them takes more than one block.
        Invalid: the projection's keys are not known, as it is not materialised.
    """
    kept: list[int] = []
    if projection.materialised:
        kept = yield _kept(log_id, projection)
    if kept:
        return (yield from _search(log_id, projection, kept[0], query, after, limit, prefix))
    return (yield from _fold_each(log_id, projection, query, after, limit, prefix))


def _rows(query: QuerySet[ProjectionState, ProjectionState]) -> Read[Found]:
    def row(key: str, text: str, events: int, position: int) -> Found:
        return Found(key, State(text, events, position, 0))

    return Read(query.values_list("key", "state", "events", "position"), row)


def _with_versions(log_id: int, projection: Projection, rows: Sequence[Found]) -> Asking[list[Found]]:
    """The same with the versions of their last events, where the keys are streams."""
    if projection.key is not STREAM:
        return list(rows)
    places = models.Event.objects.filter(log_id=log_id, position__in=[each.state.position for each in rows])
    versions = dict((yield Read(places.values_list("position", "version"), lambda *pair: pair)))
    return [
        Found(each.key, State(each.state.text, each.state.events, each.state.position, versions[each.state.position]))
        for each in rows
    ]


def _search(
    log_id: int, projection: Projection, position: int, query: Query | None, after: str | None, limit: int, prefix: str
) -> Asking[Page]:
    """Slice by slice of the keys, until there are enough or the time is up."""
    began, found = time.monotonic(), list[Found]()
    everything = live(log_id, projection.name).filter(begins_with("key", prefix)).order_by("key")
    fits = Q() if query is None else where_state(query)
    while True:
        rest = everything if after is None else everything.filter(key__gt=after)
        ends: list[str] = yield Read(rest.values_list("key")[_SLICE - 1 : _SLICE], str)
        part = rest.filter(key__lte=ends[0]) if ends else rest
        found += yield _rows(part.filter(fits)[: limit - len(found)])
        is_full = len(found) == limit
        after = found[-1].key if is_full else ends[0] if ends else None
        if is_full or after is None or time.monotonic() - began > _BUDGET:
            return Page(tuple((yield from _with_versions(log_id, projection, found))), after, position)


def _fold_each(
    log_id: int, projection: Projection, query: Query | None, after: str | None, limit: int, prefix: str
) -> Asking[Page]:
    """Key by key, until there are enough or a block of events was folded."""
    head = yield from head_of(log_id)
    fits = state_matcher(query) if query else lambda state: True
    names: list[str] = yield _names(log_id, projection, after=after, prefix=prefix, limit=limit)
    # Not every index can be entered behind a name.
    names = [name for name in names if after is None or name > after][:limit]
    found: list[Found] = []
    left = BLOCK
    for name in names:
        try:
            one, passed = yield from _fold_one(log_id, projection, name, upto=head, pace=Pace(most=left))
        except TooFar:
            if name == names[0]:
                raise
            break
        if one.error or fits(one.state.value):
            found.append(one)
        after = name
        left -= passed
        if left <= 0:
            break
    is_last = len(names) < limit and (not names or after == names[-1])
    return Page(tuple(found), None if is_last else after, head)


def _fold_one(log_id: int, projection: Projection, key: str, *, upto: int, pace: Pace) -> Asking[tuple[Found, int]]:
    """A key's state, and how many events it took."""
    source = yield from source_of(log_id, projection, key)
    try:
        cursor = yield from Fold(log_id, projection, source, upto).to(upto, pace=pace)
    except ReducerFailed as failed:
        return Found(key, State("null", 0, failed.at.position, failed.at.version), str(failed)), SPACING
    return Found(key, State.of(cursor.point)), cursor.passed


def _names(log_id: int, projection: Projection, *, after: str | None, prefix: str, limit: int) -> Read[str]:
    """The keys that the log has an index of, in order."""
    if projection.key is STREAM:
        streams = store.streams(log_id, prefix=prefix, after=after or "", limit=limit)
        return Read(streams.query, lambda *values: values[0])
    if projection.key is WORKFLOW:
        workflows = models.Workflow.objects.filter(log_id=log_id, correlation_id__gt=after or "")
        return Read(workflows.order_by("correlation_id").values_list("correlation_id")[:limit], str)
    if projection.key is AGENT:
        return store.names_seen(log_id, "agent", limit=_AGENTS)
    if projection.key is LOG:
        return Read(models.Log.objects.filter(id=log_id).values_list("name"), lambda name: "")
    kept = (
        "nothing is kept of it yet" if projection.materialised else "it is not materialised, so nothing is kept of it"
    )
    raise Invalid(f"The keys of {projection.name} are not known: {kept}. Ask for one of them.")
