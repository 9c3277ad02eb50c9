"""States as they are now: the kept ones of materialised projections, else folded; one, or many by key."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import Q

from events import models
from events.errors import Invalid
from events.query.tree import Query
from events.reading import store
from events.reading.db_work import Asking
from events.reading.store import Read
from projections.definition.fold import ReducerFailed
from projections.definition.projection import AGENT, LOG, STREAM, WORKFLOW, Projection
from projections.materialise.standing import BuildStanding
from projections.states import kept
from projections.states.at_moment import Stale, State, fold_of, state_at
from projections.states.fold import BLOCK, Fold, Pace, TooFar
from projections.states.fold_cursor import SPACING
from projections.states.kept import Found, KeptState, Page
from projections.states.moment import NOW, Moment, head_of
from projections.states.query import state_matcher, where_state
from projections.states.sources.indexed import ReadThrough
from projections.states.sources.parse import source_of
from projections.values.exact_json import NotAState

_AGENTS = 1_000
"""Agents whose states are listed."""
_STANDING_STILL = ("stopped", "paused", "stalled", "code changed")


def state(log_id: int, projection: Projection, key: str, *, at: Moment = NOW) -> Asking[State]:
    """The state at a moment; now, that which the runner keeps, if it does and goes on. Raises as `state_at` does."""
    kept_states: list[KeptState] = []
    if at == NOW and projection.materialised:
        kept_states = yield kept.kept_state(log_id, projection, key)
    if not kept_states:
        return (yield from state_at(log_id, projection, key, at=at))
    [kept_state] = kept_states
    state = replace(kept_state.state or kept.initial(projection), stale=kept_state.stale)
    if kept_state.stale is None or kept_state.parked or kept_state.build.state not in _STANDING_STILL:
        return state
    return (yield from _folded(log_id, projection, key, or_else=state))


def _folded(log_id: int, projection: Projection, key: str, *, or_else: State) -> Asking[State]:
    """The state of a key whose build stands still: folded, as far as its own events go.

    Where that would take the whole log it is the kept one.
    """
    fold = yield from fold_of(log_id, projection, key)
    if isinstance(fold.source, ReadThrough):
        return or_else
    try:
        return State.of((yield from fold.to(fold.head)).point)
    except NotAState:
        return or_else
    except ReducerFailed as failed:
        error, position = str(failed), failed.at.position
    before = State.of((yield from fold.to(position - 1)).point)
    return replace(before, stale=Stale("failed", position - 1, fold.head, error, position))


def states(
    log_id: int, projection: Projection, *, query: Query | None, after: str | None, limit: int, prefix: str = ""
) -> Asking[Page]:
    """States by key, those after a key that begin with a prefix and fit a query.

    Raises:
        TooFar: the first of them takes more than one block.
        Invalid: the projection's keys are not known, as it is not materialised.
    """
    builds: list[BuildStanding] = []
    if projection.materialised:
        builds = yield kept.live_build(log_id, projection)
    if not builds:
        return (yield from _fold_each(log_id, projection, query, after, limit, prefix))
    fits = Q() if query is None else where_state(query)
    return (yield from kept.search(log_id, projection, builds[0], fits=fits, after=after, limit=limit, prefix=prefix))


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
        at = failed.at
        return Found(key, State("null", 0, at.position, at.version), str(failed), at.position), SPACING
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
    why = "nothing is kept of it yet" if projection.materialised else "it is not materialised, so nothing is kept of it"
    raise Invalid(f"The keys of {projection.name} are not known: {why}. Ask for one of them.")
