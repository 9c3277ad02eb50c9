"""The loop of a worker process, which does jobs one after the other. The server starts such processes."""

from __future__ import annotations

import logging
import threading
import time

from django.db import OperationalError, close_old_connections

from events.errors import brief
from projections.jobs import queue
from projections.states import snapshots

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.25
"""The time between two looks for a job."""
_TIDY_SECONDS = 60.0
"""The time between two removals of old snapshots and jobs."""


def work(stop_event: threading.Event) -> None:
    """Do jobs until `stop_event` is set; the job that is under way then waits again."""
    tidy_time = -_TIDY_SECONDS
    while not stop_event.is_set():
        try:
            if time.monotonic() - tidy_time >= _TIDY_SECONDS:
                tidy_time = time.monotonic()
                snapshots.drop_stale()
                queue.forget_old()
            if job := queue.claim():
                queue.do(job, is_stopping=stop_event.is_set)
                continue
        except OperationalError as error:
            logger.warning("jobs wait for the database: %s", brief(error))
        close_old_connections()
        stop_event.wait(_LOOK_SECONDS)
