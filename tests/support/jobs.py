"""Steps in the life of a job."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import F

from events.engine import Engine
from events.models import Log
from events.reading.db_work import run
from projections.jobs import queue
from projections.models import Job
from tests.support.folds import all_events, fill


def ensure(log: Log, kind: str, key: str = "k", *, asker: str | None = None) -> Job:
    return run(queue.ensure_job(log.pk, kind, key, arguments={"n": 1}, asker=asker or log.name))


def claim(job: Job) -> Job | None:
    return queue.claim([job.kind])


def claimed(job: Job) -> Job:
    taken = claim(job)
    assert taken
    assert taken.id == job.id
    return taken


def now(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def silence(job: Job) -> None:
    """Move the last heartbeat into the past, as if the job's worker had been silent for too long."""
    Job.objects.filter(pk=job.pk).update(heartbeat_at=F("heartbeat_at") - queue.LEASE - timedelta(seconds=1))


async def fill_stream(log: Log, events: int) -> list[Any]:
    async with Engine() as engine:
        await fill(engine, log, ["order-1"] * events)
        return await all_events(engine, log)
