"""Dead letters, made by a consumer that fails, as in a process of its own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from events.engine import Engine
from events.models import Log
from events.subscriptions.types import Failure, Outcome, Settlement, Take
from projections.dead_letters.deciding import DECIDE
from projections.jobs import queue
from projections.models import Job
from tests.support.subscriptions import FAILURE


def bury(log: Log, failure: Failure = FAILURE, *, outcome: Outcome = "poison", **fields: Any) -> None:
    """Take events, and fail them; with `all`, until there are none. Whoever ends the engine announces the deaths."""
    _settle(log, outcome, failure, **fields)


def acknowledge(log: Log, **fields: Any) -> None:
    """Take events, and acknowledge them."""
    _settle(log, "ack", None, **fields)


def do_job(log: Log) -> Job:
    """Let a worker do the log's job for a turn, whenever it is due."""
    Job.objects.filter(log=log).update(due_at=None)
    while (job := queue.claim([DECIDE])) is not None:
        queue.do(job)
        if job.log_id == log.pk:
            break
    return Job.objects.get(log=log, kind=DECIDE)


def _settle(
    log: Log,
    outcome: Outcome,
    failure: Failure | None,
    *,
    subscription: str = "work",
    consumer: str = "one",
    all: bool = False,
    limit: int = 100,
) -> None:
    async def run() -> None:
        async with Engine() as engine:
            server = await engine.subscriptions.of(log.pk, subscription)
            while True:
                take = Take(consumer, None, limit, uuid4().hex)
                deliveries = (await server.take(take, wait=0.2)).deliveries
                await server.settle([Settlement(each.id, outcome, consumer, failure=failure) for each in deliveries])
                if not all or not deliveries:
                    return

    with ThreadPoolExecutor(1) as thread:  # a test with a browser has a running loop in its own
        thread.submit(asyncio.run, run()).result()
