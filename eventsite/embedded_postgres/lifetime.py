"""The users of the cluster: each process holds a shared lock, and the last one to leave stops the server.

The kernel drops the locks of a killed process, so nothing can get stuck. A server whose last user was killed runs on,
and the next start adopts it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from eventsite.data_dir import DataDir
from eventsite.embedded_postgres.binaries import say
from eventsite.embedded_postgres.cluster import Cluster, EmbeddedPostgresError

WATCH_SECONDS = 1.0
"""The time between two checks that the server still lives."""


@contextmanager
def running(data_dir: DataDir) -> Iterator[Cluster]:
    """Run the cluster for the time of the block; a server that is killed meanwhile is started again."""
    cluster = Cluster(data_dir)
    users = data_dir.open("users.lock")
    try:
        with _start_lock(data_dir):
            fcntl.flock(users, fcntl.LOCK_SH)
            cluster.start()
        with _watched(cluster, data_dir):
            yield cluster
    finally:
        with _undisturbed(), _start_lock(data_dir):
            if _is_last(users):
                cluster.stop()
            os.close(users)


@contextmanager
def _start_lock(data_dir: DataDir) -> Iterator[None]:
    fd = data_dir.open("start.lock")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _is_last(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore signals: a second Ctrl-C must not leave a server running."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _watched(cluster: Cluster, data_dir: DataDir) -> Iterator[None]:
    end = threading.Event()

    def watch() -> None:
        while not end.wait(WATCH_SECONDS):
            if not cluster.is_running:
                _revive(cluster, data_dir)

    thread = threading.Thread(target=watch, name="embedded-postgres", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def _revive(cluster: Cluster, data_dir: DataDir) -> None:
    try:
        with _start_lock(data_dir):
            cluster.start()
        say("Postgres had ended; it was started again.")
    except EmbeddedPostgresError as error:
        say(str(error))
