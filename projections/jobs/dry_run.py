"""The dry run of a rebuild, as a job: it folds a few keys anew and compares the states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from events.reading.db_work import DbWork, run
from projections import registry
from projections.definition.fingerprint import fingerprint
from projections.definition.fold import ReducerFailed
from projections.definition.projection import Projection
from projections.jobs import queue
from projections.jobs.queue import Beat
from projections.materialise import checkpoints
from projections.models import Job
from projections.states.at_moment import state_at
from projections.states.fold import Pace
from projections.states.moment import Moment
from projections.values.change import Change, Json
from projections.values.diff import diff
from projections.values.exact_json import NotAState, dumps, loads

DRY_RUN = "dry-run"
MAX_KEYS = 5
_MAX_LISTED_CHANGES = 20
_MAX_TEXT_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Trial:
    """One key of a dry run.

    `before` is its state as readers see it, `after` its state as the running code folds it up to the same position. If
    the reducer raised, or returned a value that is not JSON, there is no `after`: `failure` is the error.
    """

    key: str
    before: Json
    after: Json
    changes: tuple[Change, ...]
    failure: ReducerFailed | NotAState | None

    @property
    def failed_at(self) -> int | None:
        """The position of the event at which the reducer raised."""
        return self.failure.at.position if isinstance(self.failure, ReducerFailed) else None


def dry_run(log_id: int, projection: Projection, *, keys: int = MAX_KEYS) -> Iterator[Trial]:
    """Fold the keys with the latest events anew. A key takes as long as a fold of all its events.

    There are no keys if no states are kept, or if these may hold redacted content.
    """
    builds = checkpoints.sound(log_id).filter(projection=projection.name, is_live=True)
    position = builds.values_list("position", flat=True).first()
    if position is None:
        return
    latest = checkpoints.live(log_id, projection.name).filter(position__lte=position).order_by("-position")
    for key, text in latest.values_list("key", "state")[:keys]:
        before = loads(text)
        try:
            state = run(state_at(log_id, projection, key, at=Moment(position=position), pace=Pace(max_events=None)))
        except (ReducerFailed, NotAState) as failure:
            yield Trial(key, before, None, (), failure)
        else:
            yield Trial(key, before, state.value, diff(before, state.value), None)


def ensure_dry_run(log_id: int, projection: Projection, *, asker: str) -> DbWork[Job]:
    """Return the job that tries a rebuild on a few keys."""
    key = f"{projection.name}:{fingerprint(projection)[:16]}"
    arguments = {"projection": projection.name, "key": ""}
    return (yield from queue.ensure_job(log_id, DRY_RUN, key, arguments=arguments, asker=asker))


def try_rebuild(job: Job, beat: Beat) -> list[dict[str, Any]]:
    """Do a dry run; return for each key the number of changes, the first of them, and the reducer's error."""
    projection = registry.get(job.arguments["projection"])
    results = []
    for trial in dry_run(job.log_id, projection):
        results.append(_result(trial))
        beat(len(results), MAX_KEYS)
    return results


def _result(trial: Trial) -> dict[str, Any]:
    first_changes = [
        {
            "op": change.op,
            "path": change.path,
            "old": dumps(change.old)[:_MAX_TEXT_CHARACTERS],
            "value": dumps(change.value)[:_MAX_TEXT_CHARACTERS],
        }
        for change in trial.changes[:_MAX_LISTED_CHANGES]
    ]
    failure = {"position": trial.failed_at, "error": str(trial.failure)} if trial.failure else None
    return {"key": trial.key, "changes": len(trial.changes), "first": first_changes, "failed": failure}
