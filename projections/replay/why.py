"""Why a value of a replay's state is what it is: the steps that changed it."""

from __future__ import annotations

from dataclasses import dataclass

from events.reading.db_work import Asking
from events.types import Event
from projections.replay.window import Window
from projections.states.fold import Fold
from projections.states.value_history import Rest, way_through
from projections.values import blame, change
from projections.values.summary import ChangeSummary, summary

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Change:
    """A step that changed the value, which stood at `pointer` then. `n` None: its number is not known here."""

    event: Event
    place: int
    n: int | None
    pointer: str
    operations: tuple[change.Change, ...]

    @property
    def said(self) -> tuple[ChangeSummary, ...]:
        return tuple(map(summary, self.operations[:2]))


@dataclass(frozen=True, slots=True)
class Why:
    """The changes up to the step that is looked at, newest first; those before and behind it, as places to go to.

    `more`: how many are not listed. `rest`: what stood there before the block that was looked through, and from where.
    `looked_to`: up to where the next one was looked for; None: to the end, or until it was found.
    """

    pointer: str
    changes: tuple[Change, ...]
    more: int
    previous: int | None
    next: int | None
    looked_to: int | None
    rest: Rest | None


def why(fold: Fold, window: Window, pointer: str) -> Asking[Why]:
    """The history of what stands at a pointer after the step of a replay.

    Raises:
        TooFar, ReducerFailed: as the state itself.
    """
    step = window.step
    upto = step.event.position if step else 0
    way = yield from way_through(fold, upto=upto, along=pointer)
    found = way.history(pointer)
    numbers = {each.event.position: each.n for each in window.steps}
    changes = []
    for event, touch in found.touches:
        place = window.source.place(event)
        n = place if window.source.is_numbered else numbers.get(event.position)
        changes.append(Change(event, place, n, touch.pointer, touch.changes))
    earlier = [each for each in changes if step is None or each.event.position < step.event.position]
    following, looked_to = _next(window, pointer)
    return Why(
        pointer,
        tuple(changes[:_SHOWN]),
        more=max(0, len(changes) - _SHOWN),
        previous=earlier[0].place if earlier else None,
        next=following,
        looked_to=looked_to,
        rest=found.rest,
    )


def _next(window: Window, pointer: str) -> tuple[int | None, int | None]:
    """The next change among the steps of the window; or up to where there is none, if they don't go to the end."""
    known = [(each.place, each.changes) for each in window.steps[window.at + 1 :] if each.changes is not None]
    following = next((touch.n for touch in blame.future(pointer, known)), None)
    looked_to = known[-1][0] if known else window.place
    near = window.near
    is_end = near.ends and looked_to == (window.source.place(near.events[-1]) if near.events else 0)
    return following, None if is_end or following is not None else looked_to
