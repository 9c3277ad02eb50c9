"""The history of one value of a state, and the causes of its last change."""

from __future__ import annotations

from dataclasses import dataclass

from events.json.value import brief, shortened
from events.models import Member
from events.reading.causes import Chain, causes_of
from events.reading.db_work import run
from events.types import Event
from projections.definition.projection import Projection
from projections.states import value_history
from projections.states.moment import Moment
from projections.states.value_history import History
from projections.values.change import Change, Json
from projections.views.causes import Because
from projections.views.forms import StateRequest

_MAX_EVENTS = 100
_MAX_CHANGES_OF_EVENT = 5
_MAX_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class ChangingEvent:
    """An event that changed the value. `changes` are texts: operation, pointer, old value, new value."""

    event: Event
    changes: list[tuple[str, str, str, str]]


@dataclass(frozen=True, slots=True)
class OlderHistory:
    """The place at which the history goes on: the value was at `pointer` after the event at position `before`."""

    pointer: str
    before: int


@dataclass(frozen=True, slots=True)
class HistoryPane:
    """The events that changed the value at `pointer`, newest first.

    `older` is None if there are no older changes. `chain` and `causes` are the events that led to the last change.
    """

    pointer: str
    events: list[ChangingEvent]
    older: OlderHistory | None
    chain: Chain
    causes: list[Because]


def history_pane(member: Member, projection: Projection, request: StateRequest) -> HistoryPane | None:
    """Return the history of the value that a request names, or None.

    Raises:
        TooFar, ReducerFailed, NotAState, Invalid: the block that led to the moment can't be folded.
    """
    if request.value is None:
        return None
    log_id, is_newest = member.log_id, request.before is None
    at = request.at if is_newest else Moment(position=request.before)
    history = run(value_history.history(log_id, projection, request.key, pointer=request.value, at=at))
    events = [
        ChangingEvent(event, [_change_texts(change) for change in touch.changes[:_MAX_CHANGES_OF_EVENT]])
        for event, touch in history.touches[:_MAX_EVENTS]
    ]
    chain = run(causes_of(log_id, events[0].event)) if events and is_newest else Chain(())
    causes = [Because(event, f"#{event.position:,}", None) for event in chain.events]
    return HistoryPane(request.value, events, _older(history), chain, causes)


def _older(history: History) -> OlderHistory | None:
    if len(history.touches) > _MAX_EVENTS:
        _, touch = history.touches[_MAX_EVENTS - 1]
        return OlderHistory(touch.pointer, touch.n - 1)
    return OlderHistory(history.rest.pointer, history.rest.position) if history.rest else None


def _change_texts(change: Change) -> tuple[str, str, str, str]:
    return change.op, change.path, _text(change.old), _text(change.value)


def _text(value: Json) -> str:
    return shortened(brief(value), _MAX_CHARACTERS)
