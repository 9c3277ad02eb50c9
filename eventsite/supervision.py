"""The end of a worker with its supervisor, even if that is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

GRACE_SECONDS = 10.0
"""The time that an orphan has to stop by itself."""


def end_with_parent() -> None:
    """Stop this worker by SIGTERM when its supervisor has ended. In other processes this does nothing."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=follow, name="supervision", daemon=True).start()
