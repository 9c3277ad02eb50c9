"""Doing jobs, one after the other, until told to stop: what the server starts beside itself."""

from __future__ import annotations

import logging
import threading
import time

from django.db import OperationalError, close_old_connections

from events.errors import brief
from projections import computing as computing  # declares its kind of job
from projections import indexing as indexing  # and this, its own
from projections import jobs, snapshots
from projections import seeking as seeking  # and this
from projections import trying as trying  # and this

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
