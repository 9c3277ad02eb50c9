"""Making a replay's way quick, as a job: it folds a source up to a step and leaves snapshots on the way."""

from __future__ import annotations

from typing import Any

from events import store
from projections import jobs, registry
from projections.asking import Asking, run
from projections.fingerprint import fingerprint
from projections.folding import Folding
from projections.jobs import Beat
from projections.models import Job
from projections.sources import source_named
from projections.states import Pace, TooFar, fold_to
from projections.types import Projection

REPLAY = "replay"
_CHUNK = 500


def ensure(log_id: int, projection: Projection, too_far: TooFar) -> Asking[Job]:
    """The job that folds as far as a page could not. While one is at work on a replay, whoever comes waits for it, and
    asks again: it may not go as far, but it goes the way."""
    source = too_far.source
    same = f"{projection.name}:{fingerprint(projection)[:16]}:{source.kind}:{source.name}"
    arguments = {"projection": projection.name, "kind": source.kind, "name": source.name, "upto": too_far.upto}
    return (yield from jobs.ensure(log_id, REPLAY, same, arguments=arguments))


@jobs.kind(REPLAY)
def index(job: Job, beat: Beat) -> dict[str, Any]:
    """Fold the source of a replay up to a position."""
    wanted = job.arguments
    projection = registry.get(wanted["projection"])
    source = run(source_named(job.log_id, projection, wanted["kind"], wanted["name"]))
    head = store.head(job.log_id).first() or 0

    def told(folding: Folding) -> None:
        beat(folding.place, None if source.kind == "stream" else wanted["upto"])

    pace = Pace(chunk=_CHUNK, most=None, told=told)
    point = run(fold_to(job.log_id, projection, source, upto=wanted["upto"], seen=head, pace=pace)).point
    return {"events": point.events, "position": point.position}
