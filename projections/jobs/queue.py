"""Long work, done by worker processes: a row each, which says how far it is and survives the worker that does it.

A worker takes a row that waits, or whose worker has not been heard of for `LEASE`: of the log that was served longest
ago, and in it of the person or token that was served longest ago. It reports between two stretches of work; by that it
learns that the job was cancelled, that another has taken it over, or that it is others' turn.

A result, and the text of an error, may hold the content of events. Where one was redacted while a job was at work, the
job is done again; one that has ended already is not shown any more, and is removed.
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
from events.models import Log, Redaction, Role
from events.reading.db_work import Asking, run
from events.reading.statement import Statement
from events.reading.store import Read
from projections.errors import TooManyJobs
from projections.models import ACTIVE, Job, JobStatus
from projections.states.sql import ENSURE_JOB

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
"""How long a worker may say nothing until another takes its job over."""
TRIES = 3
"""How often a job is begun: one that takes its worker with it is given up."""
KEPT = timedelta(days=7)
"""How long a job that has ended is still shown."""
MOST_OF_AN_ASKER = 20
"""Jobs of one person or token that may be active at a time."""
MOST_OF_A_LOG = 100
LOST_ACCESS = "The token or person that asked for this lost its access. Whoever still has access can ask again."
_BEAT = 0.5
"""Seconds between two reports."""
_TURN_SECONDS = 2.0
"""How long a job works while others wait. Its next turn is twice as long: one that has to begin anew ends, too."""
_MOST_DOUBLINGS = 5


class Cancelled(Exception):
    """Somebody asked for the job to end."""


class AccessLost(Exception):
    """The person or token that asked for the job may no longer have its result."""


class Lost(Exception):
    """Another worker has taken the job over, or it is gone."""


class Stopping(Exception):
    """The worker is to end: the job goes back to those that wait."""


class OthersWait(Stopping):
    """The job has had its turn: it goes back to those that wait."""


class Beat:
    """How the work of a job reports: `beat(progress, total)`, as often as it likes.

    Raises:
        Cancelled, AccessLost, Lost, Stopping, OthersWait: the work is to end here.
    """

    def __init__(self, job: Job, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self._mine = Job.objects.filter(pk=job.pk, attempt=job.attempt, status=JobStatus.RUNNING)
        self._is_stopping = is_stopping
        self._others = _others(job)
        self._job = job
        self._turn_seconds = _TURN_SECONDS * 2 ** min(job.turns, _MOST_DOUBLINGS)
        self._began = self._last = time.monotonic()
        self._first: int | None = None

    def __call__(self, progress: int, total: int | None = None) -> None:
        if self._is_stopping():
            raise Stopping
        now = time.monotonic()
        self._first = progress if self._first is None else self._first
        if now - self._last < _BEAT:
            return
        self._last = now
        rate = (progress - self._first) / (now - self._began)
        if not self._mine.update(progress=progress, total=total, rate=rate, heartbeat_at=Now()):
            raise Lost
        if self._mine.filter(is_cancel_requested=True).exists():
            raise Cancelled
        if not _may_go_on(self._job):
            raise AccessLost
        if now - self._began >= self._turn_seconds and self._others.exists():
            raise OthersWait


def _others(job: Job) -> QuerySet[Job]:
    """The jobs that wait for their turn after this one."""
    is_other = ~Q(log_id=job.log_id) | ~Q(asker=job.asker)
    return Job.objects.filter(is_other, status=JobStatus.QUEUED, kind__in=_kinds)


def _may_go_on(job: Job) -> bool:
    """Whether the job's person or token has still the access with which it was begun."""
    access = access_of(job.asker, job.log_id, _roles.get(job.kind, Role.VIEWER))
    return access is None or not run(losses([access]))


Work: TypeAlias = Callable[[Job, Beat], Any]
"""Does a job; what it returns is JSON, and the job's result."""
_kinds: dict[str, Work] = {}
_roles: dict[str, Role] = {}


def register(kind: str, work: Work, *, role: Role = Role.VIEWER) -> None:
    """Say what a kind of job does, and which role a person needs for it: each app does so when it is ready."""
    _kinds[kind] = work
    _roles[kind] = role


def ensure(log_id: int, kind: str, key: str, *, arguments: Any, asker: str) -> Asking[Job]:
    """The active job of a kind with a key: the one that there is, or a new one of the person or token `asker`.

    Raises:
        TooManyJobs: a new one would be one too many of the asker, or of the log.
    """
    params = {
        "log_id": log_id,
        "kind": kind,
        "key": key,
        "arguments": json.dumps(arguments),
        "asker": asker,
        "most_of_asker": MOST_OF_AN_ASKER,
        "most_of_log": MOST_OF_A_LOG,
    }
    while True:
        yield Statement(ENSURE_JOB, params)
        jobs: list[Job] = yield _read(Q(log_id=log_id, kind=kind, key=key, status__in=ACTIVE), limit=1)
        if jobs:
            return jobs[0]
        # It was refused, or has ended in between.
        yield from _check_number(Q(asker=asker), MOST_OF_AN_ASKER, "of yours")
        yield from _check_number(Q(log_id=log_id), MOST_OF_A_LOG, "of this log")


def _check_number(where: Q, most: int, whose: str) -> Asking[None]:
    active: list[Job] = yield _read(where & Q(status__in=ACTIVE), limit=most)
    if len(active) >= most:
        raise TooManyJobs(f"{most} jobs {whose} wait or run already: try again when some have ended.")


def of_log(log_id: int, *, before: int | None = None, limit: int) -> Read[Job]:
    """A log's jobs, newest first."""
    return _read(Q(log_id=log_id) if before is None else Q(log_id=log_id, id__lt=before), limit=limit)


def one(log_id: int, job_id: int) -> Read[Job]:
    """A log's job by its id."""
    return _read(Q(log_id=log_id, id=job_id), limit=1)


_COLUMNS = tuple(field.attname for field in Job._meta.concrete_fields)


def _read(where: Q, *, limit: int) -> Read[Job]:
    found = Job.objects.filter(where).exclude(_unsound()).order_by("-id").values_list(*_COLUMNS)[:limit]
    return Read(found, lambda *values: Job(**dict(zip(_COLUMNS, values, strict=True))))


def _unsound() -> Q:
    """Those that have ended and may hold what was redacted since they began."""
    return ~Q(status__in=ACTIVE) & Q(_redacted())


def _redacted() -> Exists:
    return Exists(Redaction.objects.filter(log_id=OuterRef("log_id"), marker_position__gt=OuterRef("seen")))


def cancel(log_id: int, job_id: int) -> None:
    """Ask a job to end: one that waits ends at once, one that runs between two stretches, one that has ended stays.

    Raises:
        NotFound: there is no such job in this log.
    """
    asked = Job.objects.filter(pk=job_id, log_id=log_id)
    if not asked.update(is_cancel_requested=True):
        raise NotFound(f"There is no job {job_id}.")
    asked.filter(status=JobStatus.QUEUED).update(status=JobStatus.CANCELLED, ended_at=Now())


def claim(kinds: Collection[str] = _kinds.keys()) -> Job | None:
    """Take a job of a kind that is known here: one that waits, or one whose worker is gone. None: nothing to do."""
    waiting = Q(status=JobStatus.QUEUED) | Q(status=JobStatus.RUNNING, heartbeat_at__lt=Now() - LEASE)
    while True:
        with transaction.atomic():
            waiting_jobs = Job.objects.select_for_update(skip_locked=True).filter(waiting, kind__in=kinds)
            job = waiting_jobs.order_by(_last_turn("log_id"), _last_turn("asker"), "id").first()
            if job is None:
                return None
            if ended := _ended_already(job):
                Job.objects.filter(pk=job.pk).update(ended_at=Now(), **ended)
                continue
            job.attempt += 1
            job.status = JobStatus.RUNNING
            head = Subquery(Log.objects.filter(pk=job.log_id).values("head"))
            mine = {"attempt": job.attempt, "status": job.status, "seen": head}
            Job.objects.filter(pk=job.pk).update(started_at=Now(), heartbeat_at=Now(), **mine)
            return job


def _last_turn(name: str) -> OrderBy:
    """When a job with the same log, or asker, was worked at last; never comes first."""
    same = Job.objects.filter(**{name: OuterRef(name)}, heartbeat_at__isnull=False)
    last = Subquery(same.order_by("-heartbeat_at").values("heartbeat_at")[:1])
    return last.asc(nulls_first=True)


def _ended_already(job: Job) -> dict[str, str] | None:
    if job.is_cancel_requested:
        return {"status": JobStatus.CANCELLED}
    if not _may_go_on(job):
        return {"status": JobStatus.CANCELLED, "error": LOST_ACCESS}
    if job.attempt >= TRIES:
        return {"status": JobStatus.FAILED, "error": f"Its worker ended {TRIES} times."}
    return None


def do(job: Job, *, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Do a job that was claimed, and write down how it ended."""
    try:
        ended = {"status": JobStatus.DONE, "result": _kinds[job.kind](job, Beat(job, is_stopping))}
    except Lost:
        logger.warning("job %s (%s) was taken over", job.pk, job.kind)
        return
    except Stopping as error:
        turns = job.turns + isinstance(error, OthersWait)
        ended = {"status": JobStatus.QUEUED, "attempt": job.attempt - 1, "turns": turns, "rate": None}
    except Cancelled:
        ended = {"status": JobStatus.CANCELLED}
    except AccessLost:
        ended = {"status": JobStatus.CANCELLED, "error": LOST_ACCESS}
    except OperationalError:  # the database is away: whoever finds the job next goes on
        raise
    except Exception as error:
        # Its text may hold what an event says: it stands with the job, which is removed where that is redacted.
        logger.warning("job %s (%s) failed: %s", job.pk, job.kind, type(error).__name__)
        text = "".join(traceback.format_exception(error)).replace("\0", "\\0")
        ended = {"status": JobStatus.FAILED, "error": text}
    mine = Job.objects.filter(pk=job.pk, attempt=job.attempt, status=JobStatus.RUNNING)
    if mine.filter(_redacted()).exists():
        ended = {"status": JobStatus.QUEUED, "attempt": job.attempt - 1, "rate": None}
    if ended["status"] is not JobStatus.QUEUED:
        ended["ended_at"] = Now()
    mine.update(**ended)


def forget_old() -> int:
    """Remove jobs that ended long ago, and those that may hold what was redacted since; how many."""
    return Job.objects.filter(Q(ended_at__lt=Now() - KEPT) | _unsound()).delete()[0]
