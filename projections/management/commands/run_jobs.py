"""The command that does jobs in a process beside the server."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from projections.jobs.worker import work


class Command(BaseCommand):
    help = "Do jobs (long folds) until stopped. The server runs one such process by itself."

    def handle(self, *args: Any, **options: Any) -> None:
        self.check(databases=["default"])
        os.nice(10)  # requests go first if the processor is busy
        stop_event = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop_event.set())
        work(stop_event)
