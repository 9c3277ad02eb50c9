"""The task queue `procrastinate`, in the same Postgres: jobs with the data of events and the lock of a stream."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from importlib.util import find_spec
from itertools import count
from typing import Any

import orjson
import psycopg
import uvloop
from psycopg.conninfo import make_conninfo

from tests.benchmarks import payloads
from tests.benchmarks.consuming.timing import SECONDS
from tests.support.patience import PATIENCE

_SCHEMA = "procrastinate"
_FLUSH = 500
_WARM_UP = 4


def release() -> str | None:
    """Return the release; None if it is not installed."""
    return version("procrastinate") if find_spec("procrastinate") else None


class Jobs:
    """The tables of procrastinate in a schema of their own; jobs are deferred when a measurement needs them."""

    def __init__(self, *, streams: int, most: int) -> None:
        self._streams = streams
        self._most = most
        self._numbers = count()
        self._left = 0
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as session:
            session.execute(f"drop schema if exists {_SCHEMA} cascade")
            session.execute(f"create schema {_SCHEMA}")
        uvloop.run(self._with_app(_apply_schema, consumers=1))

    def rate(self, *, consumers: int) -> float:
        """Jobs a second, by as many workers. A worker fetches one job at a time; none is kept when it is done."""
        return float(uvloop.run(self._with_app(self._rate, consumers=consumers)))

    async def _with_app(self, work: Callable[[Any, int], Awaitable[Any]], *, consumers: int) -> Any:
        from procrastinate import App, PsycopgConnector

        conninfo = make_conninfo(os.environ["DATABASE_URL"], options=f"-c search_path={_SCHEMA}")
        app: Any = App(connector=PsycopgConnector(conninfo=conninfo, min_size=consumers, max_size=consumers))
        async with app.open_async():
            return await work(app, consumers)

    async def _rate(self, app: Any, consumers: int) -> float:
        moments: list[float] = []
        is_over = asyncio.Event()

        async def handle(**data: Any) -> None:
            moments.append(time.perf_counter())
            is_late = len(moments) > 2 * _WARM_UP and moments[-1] > moments[_WARM_UP] + SECONDS
            if is_late or len(moments) == self._most:
                is_over.set()

        app.task(handle, name="handle")
        await self._defer(app)
        options = {"wait": False, "listen_notify": False, "delete_jobs": "always", "install_signal_handlers": False}
        workers = [asyncio.create_task(app.run_worker_async(name=f"worker-{n}", **options)) for n in range(consumers)]
        async with asyncio.timeout(PATIENCE):
            await is_over.wait()
        end = len(moments)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        self._left -= len(moments)
        return (end - 1 - _WARM_UP) / (moments[end - 1] - moments[_WARM_UP])

    async def _defer(self, app: Any) -> None:
        """Defer jobs until there are `most` again."""
        from procrastinate.jobs import Job

        while self._left < self._most:
            jobs = [Job(**self._work()) for _ in range(min(_FLUSH, self._most - self._left))]
            await app.job_manager.batch_defer_jobs_async(jobs)
            self._left += len(jobs)
        # As autovacuum does before long. Without it a fetch compares all locks with all.
        await app.connector.execute_query_async("analyze procrastinate_jobs")

    def _work(self) -> dict[str, Any]:
        number = next(self._numbers)
        data = orjson.loads(payloads.data(number))
        lock = f"order-{number % self._streams}"
        return {"queue": "default", "task_name": "handle", "task_kwargs": data, "lock": lock, "queueing_lock": None}


async def _apply_schema(app: Any, consumers: int) -> None:
    await app.schema_manager.apply_schema_async()
