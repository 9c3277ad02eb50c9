"""The queue of jobs: long work for worker processes, as rows that hold the progress and survive a worker.

A worker takes a row that waits, or whose worker has been silent for `LEASE`: of the log that was served longest ago,
and in it of the person or token that was served longest ago. It reports between two stretches of work, and learns by
that if the job was cancelled, if another worker has taken it over, or if it is the turn of others.

A result, and the text of an error, may hold the content of events. If an event is redacted while a job is at work, the
job is done again; a job that has ended already is no longer shown, and is removed.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any, TypeAlias

from django.db import OperationalError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import OrderBy
from django.db.models.functions import Now

from events.access.standing import access_of, losses
from events.errors import NotFound
from events.models import LogHead, Redaction, Role
from events.reading.db_work import DbWork, run
from events.reading.statement import Statement
from events.reading.store import Read
from projections.errors import TooManyJobs
from projections.models import ACTIVE, Job, JobStatus
from projections.states.sql import ENSURE_JOB

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
"""The time that a worker may be silent before another takes its job over."""
MAX_ATTEMPTS = 3
"""A job whose workers ended so many times is given up: it may be the job that ends them."""
KEPT_TIME = timedelta(days=7)
"""The time for which a job that has ended is still shown."""
MAX_ACTIVE_OF_ASKER = 20
"""Most jobs of one person or token that may be active at a time; and as many that may wait for what others do."""
MAX_ACTIVE_OF_LOG = 100
LOST_ACCESS = "The token or person that asked for this job lost its access. Others with access can ask again."
_BEAT_SECONDS = 0.5
"""The time between two reports."""
_TURN_SECONDS = 2.0
"""The turn of a job while others wait. The next turn is twice as long, so that a job that begins anew ends, too."""
_MAX_DOUBLINGS = 5


class Cancelled(Exception):
    """Somebody cancelled the job."""


class AccessLost(Exception):
    """The person or token that asked for the job may no longer have its result."""


class Lost(Exception):
    """Another worker has taken the job over, or the job was deleted."""


class Stopping(Exception):
    """The worker has to end; the job waits again."""


class OthersWait(Stopping):
    """The job has had its turn; it waits again."""


class Later(Stopping):
    """The job waits for something that others have to do; it is taken again after some seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.pause = timedelta(seconds=seconds)


class Beat:
    """The reports of a job's work: the work calls `beat(progress, total)`, as often as it likes.

    Raises:
        Cancelled, AccessLost, Lost, Stopping, OthersWait: the work has to end here.
    """

    def __init__(self, job: Job, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self._own_row = Job.objects.filter(pk=job.pk, attempt=job.attempt, status=JobStatus.RUNNING)
        self._is_stopping = is_stopping
        self._others = _waiting_others(job)
        self._job = job
        self._turn_seconds = _TURN_SECONDS * 2 ** min(job.turns, _MAX_DOUBLINGS)
        self._start_time = self._last_time = time.monotonic()
        self._first_progress: int | None = None

    def __call__(self, progress: int, total: int | None = None) -> None:
        if self._is_stopping():
            raise Stopping
        now = time.monotonic()
        self._first_progress = progress if self._first_progress is None else self._first_progress
        if now - self._last_time < _BEAT_SECONDS:
            return
        self._last_time = now
        rate = (progress - self._first_progress) / (now - self._start_time)
        if not self._own_row.update(progress=progress, total=total, rate=rate, heartbeat_at=Now()):
            raise Lost
        if self._own_row.filter(is_cancel_requested=True).exists():
            raise Cancelled
        if not _has_access(self._job):
            raise AccessLost
        if now - self._start_time >= self._turn_seconds and self._others.exists():
            raise OthersWait

    def note(self, result: Any, progress: int, total: int) -> None:
        """Store what is done so far: it is the job's `result`, from which another worker goes on."""
        if not self._own_row.update(result=result, progress=progress, total=total):
            raise Lost
        self._job.result = result


def _waiting_others(job: Job) -> QuerySet[Job]:
    """Return the waiting jobs of other logs or other persons and tokens."""
    is_other = ~Q(log_id=job.log_id) | ~Q(asker=job.asker)
    return Job.objects.filter(is_other, _is_due(), status=JobStatus.QUEUED, kind__in=_kinds)


def _is_due() -> Q:
    return Q(due_at=None) | Q(due_at__lte=Now())


def _has_access(job: Job) -> bool:
    """Whether the job's person or token still has the access that the job needs."""
    access = access_of(job.asker, job.log_id, _roles.get(job.kind, Role.VIEWER))
    return access is None or not run(losses([access]))


Work: TypeAlias = Callable[[Job, Beat], Any]
"""Does a job and returns its result as a JSON value."""
End: TypeAlias = Callable[[Job], None]
"""Is told of the end of a job, in the transaction that stores it."""
_kinds: dict[str, Work] = {}
_roles: dict[str, Role] = {}
_ends: dict[str, End] = {}


def register_kind(kind: str, work: Work, *, role: Role = Role.VIEWER, at_end: End | None = None) -> None:
    """Register the work of a kind of job, and the role that a person needs for it.

    Apps call this when they are ready.
    """
    _kinds[kind] = work
    _roles[kind] = role
    if at_end is not None:
        _ends[kind] = at_end


def ensure_job(log_id: int, kind: str, key: str, *, arguments: Any, asker: str, can_wait: bool = False) -> DbWork[Job]:
    """Return the active job of a kind with a key, or a new one of the person or token `asker`.

    Jobs that may wait for what others do (`Later`) are counted apart: however many wait, there is room for the others.

    Raises:
        TooManyJobs: the asker, or the log, has too many active jobs of this sort for a new one.
    """
    params = {
        "log_id": log_id,
        "kind": kind,
        "key": key,
        "arguments": json.dumps(arguments),
        "asker": asker,
        "can_wait": can_wait,
        "max_of_asker": MAX_ACTIVE_OF_ASKER,
        "max_of_log": MAX_ACTIVE_OF_LOG,
    }
    while True:
        yield Statement(ENSURE_JOB, params)
        jobs: list[Job] = yield _read(Q(log_id=log_id, kind=kind, key=key, status__in=ACTIVE), limit=1)
        if jobs:
            return jobs[0]
        # The new job was refused, or has ended already.
        yield from _check_number(Q(asker=asker, can_wait=can_wait), MAX_ACTIVE_OF_ASKER, "of yours")
        yield from _check_number(Q(log_id=log_id, can_wait=can_wait), MAX_ACTIVE_OF_LOG, "of this log")


def _check_number(where: Q, max_jobs: int, owner: str) -> DbWork[None]:
    active_jobs: list[Job] = yield _read(where & Q(status__in=ACTIVE), limit=max_jobs)
    if len(active_jobs) >= max_jobs:
        work = "that wait for consumers" if active_jobs[0].can_wait else "waiting or running"
        raise TooManyJobs(f"There are {max_jobs} jobs {owner} {work} already: try again when some have ended.")


def jobs_of_log(log_id: int, *, before: int | None = None, limit: int) -> Read[Job]:
    """Return a log's jobs, newest first."""
    return _read(Q(log_id=log_id) if before is None else Q(log_id=log_id, id__lt=before), limit=limit)


def job_by_id(log_id: int, job_id: int) -> Read[Job]:
    """Return a log's job by its id."""
    return _read(Q(log_id=log_id, id=job_id), limit=1)


_COLUMNS = tuple(field.attname for field in Job._meta.concrete_fields)


def _read(where: Q, *, limit: int) -> Read[Job]:
    rows = Job.objects.filter(where).exclude(_unsound()).order_by("-id").values_list(*_COLUMNS)[:limit]
    return Read(rows, lambda *values: Job(**dict(zip(_COLUMNS, values, strict=True))))


def _unsound() -> Q:
    """The jobs that have ended and may hold content that was redacted since they began."""
    return ~Q(status__in=ACTIVE) & Q(_redacted())


def _redacted() -> Exists:
    return Exists(Redaction.objects.filter(log_id=OuterRef("log_id"), marker_position__gt=OuterRef("seen")))


def cancel(log_id: int, job_id: int) -> None:
    """Cancel a job. A waiting job ends at once, a running one between two stretches; one that has ended stays as it is.

    Raises:
        NotFound: there is no such job in this log.
    """
    job = Job.objects.filter(log_id=log_id, id=job_id)
    if not job.update(is_cancel_requested=True):
        raise NotFound(f"There is no job {job_id}.")
    _end(job.filter(status=JobStatus.QUEUED), status=JobStatus.CANCELLED)


def _end(rows: QuerySet[Job], **outcome: Any) -> None:
    """Store the outcome of a job, if there is a row of it, and tell those who want to know."""
    with transaction.atomic():
        job = rows.select_for_update().first()
        if job is None:
            return
        rows.update(ended_at=Now(), **outcome)
        if job.kind in _ends:
            _ends[job.kind](Job.objects.get(pk=job.pk))


def claim(kinds: Collection[str] = _kinds.keys()) -> Job | None:
    """Take a job of a known kind that waits, or whose worker is silent; None if there is no such job."""
    is_waiting = Q(_is_due(), status=JobStatus.QUEUED) | Q(status=JobStatus.RUNNING, heartbeat_at__lt=Now() - LEASE)
    while True:
        with transaction.atomic():
            waiting_jobs = Job.objects.select_for_update(skip_locked=True).filter(is_waiting, kind__in=kinds)
            job = waiting_jobs.order_by(_last_turn("log_id"), _last_turn("asker"), "id").first()
            if job is None:
                return None
            if outcome := _early_outcome(job):
                _end(Job.objects.filter(pk=job.pk), **outcome)
                continue
            job.attempt += 1
            job.status = JobStatus.RUNNING
            head = Subquery(LogHead.objects.filter(log=job.log_id).values("head"))
            claimed_fields = {"attempt": job.attempt, "status": job.status, "seen": head, "due_at": None}
            Job.objects.filter(pk=job.pk).update(started_at=Now(), heartbeat_at=Now(), **claimed_fields)
            return job


def _last_turn(name: str) -> OrderBy:
    """Return the order by the last report of any job with the same log, or asker; those without a report come first."""
    jobs = Job.objects.filter(**{name: OuterRef(name)}, heartbeat_at__isnull=False)
    last = Subquery(jobs.order_by("-heartbeat_at").values("heartbeat_at")[:1])
    return last.asc(nulls_first=True)


def _early_outcome(job: Job) -> dict[str, str] | None:
    """Return the outcome of a job that ends before it is done again; None if it is to be done."""
    if job.is_cancel_requested:
        return {"status": JobStatus.CANCELLED}
    if not _has_access(job):
        return {"status": JobStatus.CANCELLED, "error": LOST_ACCESS}
    if job.attempt >= MAX_ATTEMPTS:
        return {"status": JobStatus.FAILED, "error": f"Its worker ended {MAX_ATTEMPTS} times."}
    return None


def do(job: Job, *, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Do a job that was claimed, and store its outcome."""
    try:
        outcome = {"status": JobStatus.DONE, "result": _kinds[job.kind](job, Beat(job, is_stopping))}
    except Lost:
        logger.warning("job %s (%s) was taken over", job.id, job.kind)
        return
    except Stopping as error:
        turns = job.turns + isinstance(error, OthersWait)
        outcome = {"status": JobStatus.QUEUED, "attempt": job.attempt - 1, "turns": turns, "rate": None}
        if isinstance(error, Later):
            outcome["due_at"] = Now() + error.pause
    except Cancelled:
        outcome = {"status": JobStatus.CANCELLED}
    except AccessLost:
        outcome = {"status": JobStatus.CANCELLED, "error": LOST_ACCESS}
    except OperationalError:  # the database is away: the worker that finds the job next goes on
        raise
    except Exception as error:
        # The text of the error may hold the content of an event. So it is not logged, but kept with the job, which is
        # removed if the event is redacted.
        logger.warning("job %s (%s) failed: %s", job.id, job.kind, type(error).__name__)
        text = "".join(traceback.format_exception(error)).replace("\0", "\\0")
        outcome = {"status": JobStatus.FAILED, "error": text}
    own_row = Job.objects.filter(pk=job.pk, attempt=job.attempt, status=JobStatus.RUNNING)
    if own_row.filter(_redacted()).exists():
        outcome = {"status": JobStatus.QUEUED, "attempt": job.attempt - 1, "rate": None}
    if outcome["status"] is JobStatus.QUEUED:
        own_row.update(**outcome)
    else:
        _end(own_row, **outcome)


def forget_old() -> int:
    """Remove jobs that ended long ago, and those that may hold redacted content; return their number."""
    return Job.objects.filter(Q(ended_at__lt=Now() - KEPT_TIME) | _unsound()).delete()[0]
