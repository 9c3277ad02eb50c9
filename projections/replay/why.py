"""The history of a value in a replay: the steps that changed it."""

from __future__ import annotations

from dataclasses import dataclass

from events.reading.db_work import DbWork
from events.types import Event
from projections.replay.window import Window
from projections.states.fold import Fold
from projections.states.value_history import Rest, way_through
from projections.values import blame, change
from projections.values.summary import ChangeSummary, summary

_MAX_CHANGES = 12


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A step that changed the value, which stood at `pointer` then. `n` is None if its number is not known."""

    event: Event
    place: int
    n: int | None
    pointer: str
    operations: tuple[change.Change, ...]

    @property
    def summaries(self) -> tuple[ChangeSummary, ...]:
        """Summaries of the first operations."""
        return tuple(map(summary, self.operations[:2]))


@dataclass(frozen=True, slots=True)
class Why:
    """The changes of a value up to the current step, newest first.

    `more` counts the changes that are not listed. `previous` and `next` are the places of the changes before and after
    the current step. `rest` is the value's place before the searched block, where the history goes on. `searched_to` is
    the place up to which the next change was searched; None: it was found, or the search came to the end.
    """

    pointer: str
    changes: tuple[ValueChange, ...]
    unlisted_count: int
    previous: int | None
    next: int | None
    searched_to: int | None
    rest: Rest | None


def why(fold: Fold, window: Window, pointer: str) -> DbWork[Why]:
    """Return the history of the value at a pointer after the current step of a replay.

    Raises:
        TooFar, ReducerFailed: the state can't be folded.
    """
    step = window.step
    upto = step.event.position if step else 0
    way = yield from way_through(fold, upto=upto, along=pointer)
    history = way.history(pointer)
    numbers = {step.event.position: step.n for step in window.steps}
    changes = []
    for event, touch in history.touches:
        place = window.source.place(event)
        n = place if window.source.is_numbered else numbers.get(event.position)
        changes.append(ValueChange(event, place, n, touch.pointer, touch.changes))
    earlier = [change for change in changes if step is None or change.event.position < step.event.position]
    next_place, searched_to = _next_change(window, pointer)
    return Why(
        pointer,
        tuple(changes[:_MAX_CHANGES]),
        unlisted_count=max(0, len(changes) - _MAX_CHANGES),
        previous=earlier[0].place if earlier else None,
        next=next_place,
        searched_to=searched_to,
        rest=history.rest,
    )


def _next_change(window: Window, pointer: str) -> tuple[int | None, int | None]:
    """Return the place of the next change in the window; and, if there is none, how far the window was searched.

    The second is None if the window goes to the end of the source.
    """
    later_changes = [(step.place, step.changes) for step in window.steps[window.at + 1 :] if step.changes is not None]
    next_place = next((touch.n for touch in blame.future(pointer, later_changes)), None)
    searched_to = later_changes[-1][0] if later_changes else window.place
    near = window.near
    is_end = near.ends and searched_to == (window.source.place(near.events[-1]) if near.events else 0)
    return next_place, None if is_end or next_place is not None else searched_to
