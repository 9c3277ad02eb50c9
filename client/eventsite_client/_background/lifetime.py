"""The threads that send in the background, at a fork and at the end of their process."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Iterable
from typing import Protocol
from weakref import WeakSet

from eventsite_client._core.deadline import Deadline

EXIT_SECONDS = 5.0
"""The longest wait at the end of a client, or of the process, for what was not sent yet."""
_OWN_SHARE = 0.9
"""The share of that time that a thread has to send; in the rest it says what is lost."""


class Thread(Protocol):
    """A thread that sends."""

    lock: threading.RLock

    def finish(self, deadline: Deadline) -> None: ...
    def join(self, deadline: Deadline) -> None: ...
    def let_go(self) -> None: ...


class Owner(Protocol):
    """An object that has such a thread."""

    def after_fork_in_child(self) -> None: ...


forks = threading.RLock()
"""Held while a process forks, and while a thread begins or ends. Who needs a thread's lock, too, takes that later."""
owners: WeakSet[Owner] = WeakSet()
_threads: set[Thread] = set()
_process_of_end: int | None = None


def add(thread: Thread) -> None:
    """Have what waits in a thread sent when the process ends. The caller holds `forks`."""
    _threads.add(thread)
    _end_with_process()


def remove(thread: Thread) -> None:
    """Forget a thread: it has ended."""
    with forks:
        _threads.discard(thread)


def end(threads: Iterable[Thread]) -> None:
    """Send what waits in some threads, at the same time and for some seconds at most, and end them."""
    threads = list(threads)
    deadline, own = Deadline(EXIT_SECONDS), Deadline(EXIT_SECONDS * _OWN_SHARE)
    for thread in threads:
        thread.finish(own)
    for thread in threads:
        thread.join(deadline)


def _end_all() -> None:
    with forks:
        threads = list(_threads)
    end(threads)


def _end_with_process() -> None:
    """Have all threads ended with the process. (Those of multiprocessing do not call `atexit`.)"""
    global _process_of_end
    if _process_of_end is None:
        atexit.register(_end_all)
    if _process_of_end != os.getpid() and (util := sys.modules.get("multiprocessing.util")):
        util.Finalize(None, _end_all, exitpriority=0)
    _process_of_end = os.getpid()


def _before_fork() -> None:
    """Wait until no thread is in the middle of a line."""
    forks.acquire()
    for thread in _threads:
        thread.lock.acquire()


def _after_fork_in_parent() -> None:
    for thread in _threads:
        thread.lock.release()
    forks.release()


def _after_fork_in_child() -> None:
    for thread in _threads:
        thread.let_go()
    _threads.clear()
    for owner in owners:
        owner.after_fork_in_child()
    forks.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
