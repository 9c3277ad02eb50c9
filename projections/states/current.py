"""Present states, of one key or of many: kept by the runner if the projection is materialised, else folded."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import Q

from events import models
from events.errors import Invalid
from events.lists import reads as lists
from events.query.tree import Query
from events.reading import store
from events.reading.db_work import DbWork
from events.reading.statement import Statement
from events.reading.store import Read
from projections.definition.fold import ReducerFailed
from projections.definition.projection import AGENT, LOG, STREAM, WORKFLOW, Projection
from projections.materialise.standing import BuildStanding
from projections.states import kept
from projections.states.at_moment import Stale, State, fold_of, state_at
from projections.states.fold import BLOCK, Fold, Pace, TooFar
from projections.states.fold_cursor import SPACING_EVENTS
from projections.states.kept import KeptState, ListedState, StatesPage
from projections.states.moment import NOW, Moment, head_of
from projections.states.query import state_matcher, where_state
from projections.states.sources.indexed import ReadThrough
from projections.states.sources.parse import source_of
from projections.values.exact_json import NotAState

_MAX_AGENTS = 1_000
"""Most agents whose states are listed."""
_STANDING_STILL = ("stopped", "paused", "stalled", "code changed")


def state(log_id: int, projection: Projection, key: str, *, at: Moment = NOW) -> DbWork[State]:
    """The state at a moment; for the present, the state that the runner keeps. Raises as `state_at` does.

    If the build stands still, the present state is folded.
    """
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


def _folded(log_id: int, projection: Projection, key: str, *, or_else: State) -> DbWork[State]:
    """The folded state of a key whose build stands still.

    If the fold would read the whole log, or ends in no state, it is the kept state `or_else`. If the reducer raises, it
    is the state before that event.
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
) -> DbWork[StatesPage]:
    """The states that fit a query, ordered by key: those after the key `after` whose keys begin with a prefix.

    Raises:
        TooFar: the fold of the first state takes more than one block.
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
) -> DbWork[StatesPage]:
    """Fold key by key, until there are enough states or a block of events was folded."""
    head = yield from head_of(log_id)
    fits = state_matcher(query) if query else lambda state: True
    names: list[str] = yield _names(log_id, projection, after=after, prefix=prefix, limit=limit)
    # Not every read of names can begin after a name.
    names = [name for name in names if after is None or name > after][:limit]
    listed_states: list[ListedState] = []
    budget = BLOCK
    for name in names:
        try:
            listed_state, cost_events = yield from _fold_one(
                log_id, projection, name, upto=head, pace=Pace(max_events=budget)
            )
        except TooFar:
            if name == names[0]:
                raise
            break
        if listed_state.error or fits(listed_state.state.value):
            listed_states.append(listed_state)
        after = name
        budget -= cost_events
        if budget <= 0:
            break
    is_last = len(names) < limit and (not names or after == names[-1])
    return StatesPage(tuple(listed_states), None if is_last else after, head)


def _fold_one(
    log_id: int, projection: Projection, key: str, *, upto: int, pace: Pace
) -> DbWork[tuple[ListedState, int]]:
    """The state of a key, and the number of events that the fold took."""
    source = yield from source_of(log_id, projection, key)
    try:
        cursor = yield from Fold(log_id, projection, source, upto).to(upto, pace=pace)
    except ReducerFailed as failed:
        at = failed.at
        return ListedState(key, State("null", 0, at.position, at.version), str(failed), at.position), SPACING_EVENTS
    except NotAState as error:  # of a snapshot on the way
        return ListedState(key, State("null", 0, 0, 0), str(error)), SPACING_EVENTS
    try:
        return ListedState(key, State.of(cursor.point)), cursor.passed_count
    except NotAState as error:
        point = cursor.mark.at
        return ListedState(
            key, State("null", point.events, point.position, point.version), str(error)
        ), cursor.passed_count


def _names(
    log_id: int, projection: Projection, *, after: str | None, prefix: str, limit: int
) -> Read[str] | Statement[str]:
    """The keys of a projection in order, from an index of the log."""
    if projection.key is STREAM:
        return lists.stream_names(log_id, prefix=prefix, after=after or "", limit=limit)
    if projection.key is WORKFLOW:
        return lists.workflow_ids(log_id, after=after or "", limit=limit)
    if projection.key is AGENT:
        return store.names_seen(log_id, "agent", limit=_MAX_AGENTS)
    if projection.key is LOG:
        return Read(models.Log.objects.filter(id=log_id).values_list("name"), lambda name: "")
    why = "it has not been built yet" if projection.materialised else "it is not materialised"
    raise Invalid(f"The keys of {projection.name} are not known: {why}. Ask for one of them.")
