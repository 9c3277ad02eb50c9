"""Workers do not outlive the process that supervises them, not even when it is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

GRACE_SECONDS = 10.0
"""Seconds from asking an orphan to stop until it is gone."""


def end_with_parent() -> None:
    """In a worker: stop, as by SIGTERM, when the supervisor has ended. Elsewhere: nothing."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=follow, name="supervision", daemon=True).start()
