"""Folds that take too long for a request, as jobs. They leave snapshots on the way, so the next request is quick."""

from __future__ import annotations

from typing import Any

from events.lists import reads as lists
from events.reading import store
from events.reading.db_work import DbWork, run
from projections import registry
from projections.definition.fingerprint import fingerprint
from projections.definition.projection import Projection
from projections.jobs import queue
from projections.jobs.queue import Beat
from projections.models import Job
from projections.states.fold import Fold, Pace, TooFar
from projections.states.fold_cursor import FoldCursor
from projections.states.moment import NOW, Moment
from projections.states.sources.parse import source_named, source_of

FOLD_STATE = "fold"
FOLD_SOURCE = "replay"
_CHUNK_EVENTS = 500


def ensure_state(
    log_id: int, projection: Projection, key: str, *, at: Moment, too_far: TooFar, asker: str
) -> DbWork[Job]:
    """Return the job that folds the state of a key as far as a request could not.

    All requests for the current state of a key share one job.
    """
    upto = None if at == NOW else too_far.upto
    job_key = f"{projection.name}:{fingerprint(projection)[:16]}:{'' if upto is None else upto}:{key}"
    arguments = {"projection": projection.name, "key": key, "upto": upto}
    return (yield from queue.ensure_job(log_id, FOLD_STATE, job_key, arguments=arguments, asker=asker))


def ensure_source(log_id: int, projection: Projection, too_far: TooFar, *, asker: str) -> DbWork[Job]:
    """Return the job that folds the source of a replay as far as a page could not.

    It is the running job of this replay if there is one, even if that stops earlier: the caller asks again when it is
    done.
    """
    source = too_far.source
    job_key = f"{projection.name}:{fingerprint(projection)[:16]}:{source.kind}:{source.name}"
    arguments = {"projection": projection.name, "kind": source.kind, "name": source.name, "upto": too_far.upto}
    return (yield from queue.ensure_job(log_id, FOLD_SOURCE, job_key, arguments=arguments, asker=asker))


def fold_state(job: Job, beat: Beat) -> dict[str, Any]:
    """Fold the state of a key up to a position, or to the log's head."""
    projection = registry.get(job.arguments["projection"])
    source = run(source_of(job.log_id, projection, job.arguments["key"]))
    head = store.head(job.log_id).first() or 0
    upto = job.arguments["upto"] or head
    total = upto if source.place_is_position else _versions(job) if job.arguments["upto"] is None else None
    return _fold(Fold(job.log_id, projection, source, head), beat, upto=upto, total=total)


def fold_source(job: Job, beat: Beat) -> dict[str, Any]:
    """Fold the source of a replay up to a position."""
    projection, upto = registry.get(job.arguments["projection"]), job.arguments["upto"]
    source = run(source_named(job.log_id, projection, job.arguments["kind"], job.arguments["name"]))
    head = store.head(job.log_id).first() or 0
    fold = Fold(job.log_id, projection, source, head)
    return _fold(fold, beat, upto=upto, total=upto if source.place_is_position else None)


def _fold(fold: Fold, beat: Beat, *, upto: int, total: int | None) -> dict[str, Any]:
    """Fold up to the position `upto`; `total` is the place at which the work is done, None if it is unknown."""

    def report(cursor: FoldCursor) -> None:
        beat(cursor.place, total)

    point = run(fold.to(upto, pace=Pace(chunk_events=_CHUNK_EVENTS, max_events=None, report=report))).point
    return {"events": point.events, "position": point.position}


def _versions(job: Job) -> int | None:
    stream = lists.stream(job.log_id, job.arguments["key"]).first()
    return stream.version if stream else None
