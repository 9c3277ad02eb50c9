"""The dry run of a rebuild as a job: folding five keys anew may take long."""

from __future__ import annotations

from typing import Any

from projections import jobs, registry
from projections.asking import Asking
from projections.fingerprint import fingerprint
from projections.jobs import Beat
from projections.models import Job
from projections.rebuilding import KEYS, Trial, dry_run
from projections.state_text import dumps
from projections.types import Projection

DRY_RUN = "dry-run"
_SHOWN = 20
_TEXT = 200


def ensure(log_id: int, projection: Projection) -> Asking[Job]:
    """The job that tries a rebuild on a few keys."""
    key = f"{projection.name}:{fingerprint(projection)[:16]}"
    return (yield from jobs.ensure(log_id, DRY_RUN, key, arguments={"projection": projection.name, "key": ""}))


@jobs.kind(DRY_RUN)
def attempt(job: Job, beat: Beat) -> list[dict[str, Any]]:
    """Its result: for each key how many values change, the first of them, and where the reducer raised."""
    projection = registry.get(job.arguments["projection"])
    found = []
    for trial in dry_run(job.log_id, projection):
        found.append(_said(trial))
        beat(len(found), KEYS)
    return found


def _said(trial: Trial) -> dict[str, Any]:
    first = [
        {"op": each.op, "path": each.path, "old": dumps(each.old)[:_TEXT], "value": dumps(each.value)[:_TEXT]}
        for each in trial.changes[:_SHOWN]
    ]
    failed = {"position": trial.failed.at.position, "error": str(trial.failed)} if trial.failed else None
    return {"key": trial.key, "changes": len(trial.changes), "first": first, "failed": failed}
