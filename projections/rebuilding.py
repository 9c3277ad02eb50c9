"""Before a rebuild: what it would change, tried on a few keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from projections import checkpoints
from projections.asking import run
from projections.diff import diff
from projections.fold import ReducerFailed
from projections.models import Checkpoint
from projections.state_text import loads
from projections.states import Moment, Pace, state_at
from projections.types import Change, Json, Projection

KEYS = 5


@dataclass(frozen=True, slots=True)
class Trial:
    """One key: its state as readers see it, as the code that is running folds it up to the same position, and the
    difference. `failed` says where the reducer raised; then there is no state after."""

    key: str
    before: Json
    after: Json
    changes: tuple[Change, ...]
    failed: ReducerFailed | None


def dry_run(log_id: int, projection: Projection, *, keys: int = KEYS) -> Iterator[Trial]:
    """Fold those keys anew whose last events are the latest. Each takes as long as folding all of its events."""
    position = Checkpoint.objects.values_list("position", flat=True).get(
        log_id=log_id, projection=projection.name, is_live=True
    )
    latest = checkpoints.live(log_id, projection.name).filter(position__lte=position).order_by("-position")
    for key, text in latest.values_list("key", "state")[:keys]:
        before = loads(text)
        try:
            state = run(state_at(log_id, projection, key, at=Moment(position=position), pace=Pace(most=None)))
        except ReducerFailed as failed:
            yield Trial(key, before, None, (), failed)
        else:
            yield Trial(key, before, state.value, diff(before, state.value), None)
