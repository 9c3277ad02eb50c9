"""What the state pane of a replay shows: a state and its changes, since the step before or since another step."""

from __future__ import annotations

from dataclasses import dataclass

from events.reading.db_work import run
from projections.definition.fold import ReducerFailed
from projections.replay.address import Address
from projections.replay.compare import Difference, difference
from projections.replay.window import Replay
from projections.states.fold import Fold, TooFar
from projections.values.change import Change, Json


@dataclass(slots=True)
class Seen:
    """What is in the pane: a state and what changed in it, since the step before or since another one."""

    made: Replay
    address: Address
    before: Json = None
    after: Json = None
    changes: tuple[Change, ...] = ()
    difference: Difference | None = None
    too_far: TooFar | None = None
    failed: ReducerFailed | None = None

    @property
    def is_known(self) -> bool:
        return self.too_far is None and self.failed is None

    @property
    def place(self) -> int:
        return self.made.stop.place if self.made.stop else 0


def look(fold: Fold, made: Replay, address: Address) -> Seen:
    """What an address asks for."""
    found = Seen(made, address, made.before, made.after, made.changes)
    if not made.is_known:
        found.too_far, found.failed = made.too_far, made.failed
    other = address.other
    if not made.is_known or other is None or other == found.place:
        return found
    try:
        found.difference = run(difference(fold, made, min(other, fold.head)))
    except TooFar as too_far:
        found.too_far = too_far
    except ReducerFailed as failed:
        found.failed = failed
    else:
        found.before, found.after = found.difference.first.state, found.difference.last.state
        found.changes = found.difference.changes
    return found
