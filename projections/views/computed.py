"""A fold that is too long to wait for, as pages show it: the job that does it."""

from __future__ import annotations

from django.http import HttpRequest

from events.models import Member
from projections import computing, jobs
from projections.asking import run
from projections.models import Job, JobStatus
from projections.states import Moment, TooFar
from projections.types import Projection


def computed(
    request: HttpRequest, member: Member, projection: Projection, key: str, *, at: Moment, too_far: TooFar
) -> Job:
    """The job that folds so far. A page that waits names it (`X-Job`): one that failed is shown, not begun again."""
    text = request.headers.get("X-Job", "")
    if text.isascii() and text.isdigit() and len(text) < 19:
        waited_for = jobs.one(member.log_id, int(text)).first()
        if waited_for and waited_for.status in (JobStatus.FAILED, JobStatus.CANCELLED):
            return waited_for
    return run(computing.ensure(member.log_id, projection, key, at=at, too_far=too_far))
