"""The state that a replay's page shows: the state of its step, or the difference between two steps."""

from __future__ import annotations

from dataclasses import dataclass

from events.reading.db_work import run
from projections.definition.fold import ReducerFailed
from projections.replay.address import ReplayAddress
from projections.replay.compare import Difference, step_difference
from projections.replay.window import Window
from projections.states.fold import Fold, TooFar
from projections.values.change import Change, Json


@dataclass(slots=True)
class ShownState:
    """The states before and after, and the changes between them: of one step, or of two that are compared.

    `too_far` or `failure` says why the state is not known.
    """

    window: Window
    address: ReplayAddress
    before: Json = None
    after: Json = None
    changes: tuple[Change, ...] = ()
    difference: Difference | None = None
    too_far: TooFar | None = None
    failure: ReducerFailed | None = None

    @property
    def is_known(self) -> bool:
        """Whether the state could be folded."""
        return self.too_far is None and self.failure is None


def state_to_show(fold: Fold, window: Window, address: ReplayAddress, *, last_place: int) -> ShownState:
    """Return the state that an address asks for: with `from`, the difference from that step."""
    shown_state = ShownState(window, address, window.before, window.after, window.changes)
    if not window.is_known:
        shown_state.too_far, shown_state.failure = window.too_far, window.failure
    other = address.compared_place
    if not window.is_known or other is None or other == window.place:
        return shown_state
    try:
        shown_state.difference = run(step_difference(fold, window, min(other, last_place)))
    except TooFar as too_far:
        shown_state.too_far = too_far
    except ReducerFailed as failure:
        shown_state.failure = failure
    else:
        shown_state.before, shown_state.after = shown_state.difference.first.state, shown_state.difference.last.state
        shown_state.changes = shown_state.difference.changes
    return shown_state
