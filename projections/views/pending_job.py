"""The job of a fold that takes too long for a page, as the page shows it."""

from __future__ import annotations

from django.http import HttpRequest

from events.digits import whole_number
from events.models import Member
from events.reading.db_work import run
from projections.definition.projection import Projection
from projections.jobs import fold, queue
from projections.models import Job, JobStatus
from projections.states.fold import TooFar
from projections.states.moment import Moment


def pending_state_job(
    request: HttpRequest, member: Member, projection: Projection, key: str, *, at: Moment, too_far: TooFar
) -> Job:
    """Return the job that folds the state of a key."""
    work = fold.ensure_state(member.log_id, projection, key, at=at, too_far=too_far, asker=member.asker)
    return _ended(request, member) or run(work)


def pending_source_job(request: HttpRequest, member: Member, projection: Projection, too_far: TooFar) -> Job:
    """Return the job that folds the source of a replay."""
    work = fold.ensure_source(member.log_id, projection, too_far, asker=member.asker)
    return _ended(request, member) or run(work)


def _ended(request: HttpRequest, member: Member) -> Job | None:
    """Return the job that a page waits for, named in `X-Job`, if it failed or was cancelled: no new one is begun then.

    A job that ended because its asker lost the access has not failed for this person.
    """
    job_id = whole_number(request.headers.get("X-Job", ""))
    job = None if job_id is None else queue.job_by_id(member.log_id, job_id).first()
    if job is None or job.error == queue.LOST_ACCESS:
        return None
    return job if job.status in (JobStatus.FAILED, JobStatus.CANCELLED) else None
