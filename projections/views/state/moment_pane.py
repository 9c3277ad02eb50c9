"""The state at one moment, with the event that last set each value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.http import QueryDict
from django.urls import reverse

from events.json.tree import LastSetter, TreeRow, tree_rows
from events.models import Member
from events.reading import store
from events.reading.db_work import DbWork, run
from events.types import Event
from projections.definition.fold import ReducerFailed
from projections.definition.projection import Projection
from projections.materialise import checkpoints
from projections.models import Parked
from projections.states import current, value_history
from projections.states.at_moment import State
from projections.states.fold import TooFar
from projections.states.moment import Moment
from projections.states.sources.keyed import ScannedSource
from projections.states.sources.parse import source_under
from projections.states.value_history import Way
from projections.values.change import Json
from projections.values.exact_json import NotAState
from projections.values.tree_marks import tree_marks
from projections.views.forms import StateRequest


@dataclass(frozen=True, slots=True)
class MomentPane:
    """A state at a moment, as rows of a tree.

    `event` is its last event. `next_position` belongs to the next event of the key; it is None if there is no such
    event, or no index to find it. `parked` says why the key is parked. `history_url` leads to the history of the whole
    state.
    """

    state: State
    event: Event | None
    rows: list[TreeRow]
    next_position: int | None
    parked: Parked | None
    history_url: str

    @property
    def value(self) -> Json:
        """The state as a value."""
        return self.state.value


def moment_pane(
    member: Member, projection: Projection, request: StateRequest, *, whole_text: str | None, params: QueryDict
) -> MomentPane:
    """Return the state at the moment of a request; the text at the pointer `whole_text` is not cut.

    Raises:
        TooFar, ReducerFailed, NotAState, Invalid: the state can't be folded.
    """
    log_id, key = member.log_id, request.key
    state = run(current.state(log_id, projection, key, at=request.at))
    way = _way(log_id, projection, request, state)
    rows = tree_rows(state.value, marks=tree_marks(way.changes[0] if way and way.changes else ()), whole=whole_text)
    return MomentPane(
        state,
        event=store.event(log_id, state.position).first(),
        rows=_with_setters(rows, way, member.log.name, lambda pointer: _history_url(params, pointer)),
        next_position=run(_next_position(log_id, projection, key, state, head=member.log.head)),
        parked=_parked(log_id, projection, key),
        history_url=_history_url(params, ""),
    )


def _way(log_id: int, projection: Projection, request: StateRequest, state: State) -> Way | None:
    """Return the block of events that led to a state; None if it can't be folded here.

    The runner keeps the state of a materialised projection, so the fold may be long although the state is at hand: the
    page then shows the values without their setters, and folds only for somebody who opens a value's history.
    """
    try:
        return run(value_history.way_to(log_id, projection, request.key, at=Moment(position=state.position)))
    except (TooFar, ReducerFailed, NotAState):
        if request.value is not None or not projection.materialised:
            raise
        return None


def _history_url(params: QueryDict, pointer: str) -> str:
    """Return the query string of this page with the history of the value at a pointer."""
    query = params.copy()
    query.pop("before", None)
    query["value"] = pointer
    return f"?{query.urlencode()}"


def _with_setters(
    rows: list[TreeRow], way: Way | None, log_name: str, history_url: Callable[[str], str]
) -> list[TreeRow]:
    """Return the rows, each with the last setter of its value; unfolded, as unchanged values have setters too."""
    pointers = [row.pointer for row in rows if _has_setter(row)]
    setter_of = way.setters(pointers) if way else {}
    # A value that no event has set since the very first one is part of the initial state.
    unset_position = 0 if way and not way.begins_at else None
    events_url = reverse("event", args=[log_name, 0]).removesuffix("0")

    def last_setter(row: TreeRow) -> LastSetter | None:
        if not _has_setter(row):
            return None
        url, event = history_url(row.pointer), setter_of.get(row.pointer)
        if event is None:
            return LastSetter(url, unset_position)
        return LastSetter(url, event.position, f"{events_url}{event.position}", event.type, event.agent)

    return [replace(row, by=last_setter(row), unfolded=True) for row in rows]


def _has_setter(row: TreeRow) -> bool:
    """Whether a row shows a plain value that exists."""
    return row.shape in ("leaf", "text") and row.mark != "del"


def _next_position(log_id: int, projection: Projection, key: str, state: State, *, head: int) -> DbWork[int | None]:
    """Return the query for the position of the next event of a key; None if there is no such event, or no index."""
    source = source_under(projection, key)
    if isinstance(source, ScannedSource) or not state.position:
        return None
    events: list[Event] = yield source.read(log_id, after=source.place(state), upto=head, limit=1)
    return events[0].position if events else None


def _parked(log_id: int, projection: Projection, key: str) -> Parked | None:
    live = checkpoints.sound(log_id).filter(projection=projection.name, is_live=True).values("build")
    return Parked.objects.filter(log_id=log_id, projection=projection.name, build__in=live, key=key).first()
