"""Long work, done by worker processes: a row each, which says how far it is and survives the worker that does it.

A worker takes the oldest row that waits, or whose worker has not been heard of for `LEASE`. It reports between two
stretches of work; by that it learns that the job was cancelled, or that another has taken it over.
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
from django.db.models import Q
from django.db.models.functions import Now

from events.errors import NotFound, brief
from events.reading.db_work import Asking, Statement
from events.reading.store import Read
from projections.models import ACTIVE, Job, JobStatus
from projections.states.sql import ENSURE_JOB

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
"""How long a worker may say nothing until another takes its job over."""
TRIES = 3
"""How often a job is begun: one that takes its worker with it is given up."""
KEPT = timedelta(days=7)
"""How long a job that has ended is still shown."""
_BEAT = 0.5
"""Seconds between two reports."""


class Cancelled(Exception):
    """Somebody asked for the job to end."""


class Lost(Exception):
    """Another worker has taken the job over, or it is gone."""


class Stopping(Exception):
    """The worker is to end: the job goes back to those that wait."""


class Beat:
    """How the work of a job reports: `beat(progress, total)`, as often as it likes.

    Raises:
        Cancelled, Lost, Stopping: the work is to end here.
    """

    def __init__(self, job: Job, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self._mine = Job.objects.filter(pk=job.pk, attempt=job.attempt, status=JobStatus.RUNNING)
        self._is_stopping = is_stopping
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


Work: TypeAlias = Callable[[Job, Beat], Any]
"""Does a job; what it returns is JSON, and the job's result."""
_kinds: dict[str, Work] = {}


def register(kind: str, work: Work) -> None:
    """Say what a kind of job does: each app does so when it is ready."""
    _kinds[kind] = work


def ensure(log_id: int, kind: str, key: str, *, arguments: Any) -> Asking[Job]:
    """The active job of a kind with a key: the one that there is, or a new one."""
    while True:
        yield Statement(ENSURE_JOB, (log_id, kind, key, json.dumps(arguments)))
        # It may have ended in between.
        found: list[Job] = yield _read(Q(log_id=log_id, kind=kind, key=key, status__in=ACTIVE), limit=1)
        if found:
            return found[0]


def of_log(log_id: int, *, before: int | None = None, limit: int) -> Read[Job]:
    """A log's jobs, newest first."""
    return _read(Q(log_id=log_id) if before is None else Q(log_id=log_id, id__lt=before), limit=limit)


def one(log_id: int, job_id: int) -> Read[Job]:
    """A log's job by its id."""
    return _read(Q(log_id=log_id, id=job_id), limit=1)


_COLUMNS = tuple(field.attname for field in Job._meta.concrete_fields)


def _read(where: Q, *, limit: int) -> Read[Job]:
    found = Job.objects.filter(where).order_by("-id").values_list(*_COLUMNS)[:limit]
    return Read(found, lambda *values: Job(**dict(zip(_COLUMNS, values, strict=True))))


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
            job = Job.objects.select_for_update(skip_locked=True).filter(waiting, kind__in=kinds).order_by("id").first()
            if job is None:
                return None
            if ended := _ended_already(job):
                Job.objects.filter(pk=job.pk).update(ended_at=Now(), **ended)
                continue
            job.attempt += 1
            job.status = JobStatus.RUNNING
            mine = {"attempt": job.attempt, "status": job.status}
            Job.objects.filter(pk=job.pk).update(started_at=Now(), heartbeat_at=Now(), **mine)
            return job


def _ended_already(job: Job) -> dict[str, str] | None:
    if job.is_cancel_requested:
        return {"status": JobStatus.CANCELLED}
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
    except Stopping:
        ended = {"status": JobStatus.QUEUED, "attempt": job.attempt - 1, "rate": None}
    except Cancelled:
        ended = {"status": JobStatus.CANCELLED}
    except OperationalError:  # the database is away: whoever finds the job next goes on
        raise
    except Exception as error:
        logger.warning("job %s (%s) failed: %s", job.pk, job.kind, brief(error))
        text = "".join(traceback.format_exception(error)).replace("\0", "\\0")
        ended = {"status": JobStatus.FAILED, "error": text}
    if ended["status"] is not JobStatus.QUEUED:
        ended["ended_at"] = Now()
    Job.objects.filter(pk=job.pk, attempt=job.attempt, status=JobStatus.RUNNING).update(**ended)


def forget_old() -> int:
    """Remove jobs that ended long ago; how many."""
    return Job.objects.filter(ended_at__lt=Now() - KEPT).delete()[0]
