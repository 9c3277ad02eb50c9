"""Doing jobs, one after the other, until told to stop: what the server starts beside itself."""

from __future__ import annotations

import logging
import threading
import time

from django.db import OperationalError, close_old_connections

from events.errors import brief
from projections.jobs import queue
from projections.states import snapshots

logger = logging.getLogger(__name__)

_LOOK = 0.25
"""Seconds between two looks for a job."""
_TIDY = 60.0
"""Seconds between two removals of what is no longer used."""


def work(stopping: threading.Event) -> None:
    """Do jobs until told to stop; the one that is being done then goes back to those that wait."""
    tidied = -_TIDY
    while not stopping.is_set():
        try:
            if time.monotonic() - tidied >= _TIDY:
                tidied = time.monotonic()
                snapshots.drop_stale()
                queue.forget_old()
            if job := queue.claim():
                queue.do(job, is_stopping=stopping.is_set)
                continue
        except OperationalError as error:
            logger.warning("jobs wait for the database: %s", brief(error))
        close_old_connections()
        stopping.wait(_LOOK)
