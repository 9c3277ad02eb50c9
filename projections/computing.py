"""Folds that are too long to wait for, as jobs: what they leave behind is snapshots, and the next request is quick."""

from __future__ import annotations

from typing import Any

from events import store
from projections import jobs, registry
from projections.asking import Asking, run
from projections.fingerprint import fingerprint
from projections.folding import Folding
from projections.jobs import Beat
from projections.models import Job
from projections.sources import source_of
from projections.states import NOW, Moment, Pace, TooFar, fold_to
from projections.types import Projection

FOLD = "fold"
_CHUNK = 500


def ensure(log_id: int, projection: Projection, key: str, *, at: Moment, too_far: TooFar) -> Asking[Job]:
    """The job that folds as far as a request could not. All who ask for the present wait for the same one."""
    upto = None if at == NOW else too_far.upto
    same = f"{projection.name}:{fingerprint(projection)[:16]}:{'' if upto is None else upto}:{key}"
    arguments = {"projection": projection.name, "key": key, "upto": upto}
    return (yield from jobs.ensure(log_id, FOLD, same, arguments=arguments))


@jobs.kind(FOLD)
def compute(job: Job, beat: Beat) -> dict[str, Any]:
    """Fold a source up to a position, or the log's head, and leave snapshots on the way."""
    projection = registry.get(job.arguments["projection"])
    source = run(source_of(job.log_id, projection, job.arguments["key"]))
    head = store.head(job.log_id).first() or 0
    upto = job.arguments["upto"] or head
    total = upto if source.kind != "stream" else _versions(job) if job.arguments["upto"] is None else None

    def told(folding: Folding) -> None:
        beat(folding.place, total)

    pace = Pace(chunk=_CHUNK, most=None, told=told)
    point = run(fold_to(job.log_id, projection, source, upto=upto, seen=head, pace=pace)).point
    return {"events": point.events, "position": point.position}


def _versions(job: Job) -> int | None:
    stream = store.stream(job.log_id, job.arguments["key"]).first()
    return stream.version if stream else None
