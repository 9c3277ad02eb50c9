"""Jobs of a test, step by step."""

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


def claim(wanted: Job) -> Job | None:
    return queue.claim([wanted.kind])


def claimed(wanted: Job) -> Job:
    job = claim(wanted)
    assert job
    assert job.pk == wanted.pk
    return job


def now(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def silence(job: Job) -> None:
    """As if its worker had not been heard of for long."""
    Job.objects.filter(pk=job.pk).update(heartbeat_at=F("heartbeat_at") - queue.LEASE - timedelta(seconds=1))


async def fill_stream(log: Log, events: int) -> list[Any]:
    async with Engine() as engine:
        await fill(engine, log, ["order-1"] * events)
        return await all_events(engine, log)
