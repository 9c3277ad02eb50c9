"""The state that the consumer of an event saw: the state before the event, in the source of the event's key."""

from __future__ import annotations

from dataclasses import dataclass

from events.models import OrderBy
from events.reading.db_work import DbWork
from events.types import Event
from projections.definition.projection import Projection
from projections.states.fold import Fold
from projections.states.moment import head_of
from projections.states.sources.base import Source
from projections.states.sources.indexed import AgentSource, StreamSource, WorkflowSource
from projections.states.value_history import Way, way_through


@dataclass(frozen=True, slots=True)
class StateBefore:
    """The state before an event. `place` is that of the step before it in the source (0: it is the first event)."""

    source: Source
    place: int
    way: Way


def source_of(order_by: str, event: Event) -> Source:
    """Return the events of a key: its stream, workflow or agent.

    If events are ordered by something else, or the event has no such name, they are those of its stream.
    """
    if order_by == OrderBy.WORKFLOW and event.correlation_id is not None:
        return WorkflowSource(event.correlation_id)
    if order_by == OrderBy.AGENT and event.agent is not None:
        return AgentSource(event.agent)
    return StreamSource(event.stream)


def place_before(log_id: int, source: Source, event: Event) -> DbWork[int]:
    """The place of the last event of a source before one of its events; 0 if there is none."""
    near = yield from source.near(log_id, source.place(event) - 1, head=event.position, side=0)
    return source.place(near.events[near.at]) if near.at >= 0 else 0


def state_before(log_id: int, projection: Projection, source: Source, event: Event) -> DbWork[StateBefore]:
    """The state before an event, with the events that set its values.

    Raises:
        TooFar: the fold takes more than one block.
        ReducerFailed: the reducer raised for an earlier event.
        NotAState: the reducer returned a value that is not JSON.
    """
    place = yield from place_before(log_id, source, event)
    fold = Fold(log_id, projection, source, (yield from head_of(log_id)))
    way = yield from way_through(fold, upto=event.position - 1)
    return StateBefore(source, place, way)
