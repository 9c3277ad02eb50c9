"""Do the jobs that the server leaves to others: what `serve` starts beside itself."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import OperationalError, close_old_connections

from events.errors import brief
from projections import computing as computing  # declares its kind of job
from projections import jobs, snapshots

logger = logging.getLogger(__name__)

_LOOK = 0.25
"""Seconds between two looks for a job."""
_TIDY = 60.0
"""Seconds between two removals of what is no longer used."""
_NICE = 10
"""Requests go before jobs where both want the processor."""


class Command(BaseCommand):
    help = "Do jobs (long folds, searches) until stopped. The server starts one by itself."

    def handle(self, *args: Any, **options: Any) -> None:
        os.nice(_NICE)
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        work(stopping)


def work(stopping: threading.Event) -> None:
    """Do one job after the other until told to stop; a job that is being done goes back to those that wait."""
    tidied = -_TIDY
    while not stopping.is_set():
        try:
            if job := jobs.claim():
                jobs.do(job, is_stopping=stopping.is_set)
                continue
            if time.monotonic() - tidied >= _TIDY:
                tidied = time.monotonic()
                snapshots.drop_stale()
                jobs.forget_old()
        except OperationalError as error:
            logger.warning("jobs wait for the database: %s", brief(error))
        close_old_connections()
        stopping.wait(_LOOK)
