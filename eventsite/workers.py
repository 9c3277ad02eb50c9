"""The worker processes beside the server: they start with it, are restarted when they end, and stop with it.

A worker is a function that is called with an event, and returns when the event is set. It runs in a process of its own,
so that its computations never delay an answer.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any, Self

from eventsite import supervision

logger = logging.getLogger(__name__)

GRACE_SECONDS = 5.0
"""The time that workers have for their last transaction when the server stops."""
_RESTART_SECONDS = 1.0
"""The pause before a worker that ended is started again."""
_processes = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process.

    `run` names its function, `package.module.function`, which is imported in the process. `nice` is its niceness, by
    which the server goes first when processors are scarce.
    """

    name: str
    run: str
    nice: int = 0
    arguments: dict[str, Any] = field(default_factory=dict)


LISTS = Worker("lists", "events.lists.keeper.run")
PROJECTIONS = (
    Worker("projections", "projections.materialise.runner.run_live"),
    Worker("rebuilds", "projections.materialise.runner.run_beside", nice=10),
)
OTEL = Worker("otel", "events.otel.worker.run", nice=5)
JOBS = Worker("jobs", "projections.jobs.worker.work", nice=10)
SERVER_WORKERS = (LISTS, *PROJECTIONS, OTEL, JOBS)


class Workers:
    """Running workers: `with Workers([...]):` starts and stops them."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._running = {worker.name: (worker, _process(worker)) for worker in workers}
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._keep, name="workers", daemon=True)

    def __enter__(self) -> Self:
        for _, process in self._running.values():
            process.start()
        self._watch.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stopping.set()
        self._watch.join()
        processes = [process for _, process in self._running.values()]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
            process.kill()
            process.join()

    def _keep(self) -> None:
        while not self._stopping.is_set():
            sentinels = wait([process.sentinel for _, process in self._running.values()], timeout=_RESTART_SECONDS)
            if not sentinels or self._stopping.wait(_RESTART_SECONDS):
                continue
            for name, (worker, process) in list(self._running.items()):
                if process.sentinel in sentinels:
                    logger.error("worker %s ended with %s; it is started again", name, process.exitcode)
                    successor = _process(worker)
                    successor.start()
                    self._running[name] = (worker, successor)


def _process(worker: Worker) -> SpawnProcess:
    return _processes.Process(target=_work, args=(worker,), name=worker.name)


def _work(worker: Worker) -> None:
    """Run a worker in its process. The imports are here because Django's models need their settings first."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the server stops its workers itself
    supervision.end_with_parent()
    os.nice(worker.nice)
    import django
    from django.utils.module_loading import import_string

    django.setup()
    import_string(worker.run)(stopping, **worker.arguments)
