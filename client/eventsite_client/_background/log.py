"""The background log of a client: what `log()` does, at the end of the process and after a fork too."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Literal, NamedTuple

from eventsite_client._background.memory import MemoryQueue
from eventsite_client._background.sender import Channel, Counts, Ended, Queue, Sender
from eventsite_client._background.spool import Spool

logger = logging.getLogger("eventsite_client")

WhenFull = Literal["block", "drop"]
"""The behaviour of `log()` when too many events wait: it waits for room, or drops the event and counts it."""

MEMORY_BYTES = 2**24
SPOOL_BYTES = 2**30
EXIT_SECONDS = 5.0
"""The longest wait at the end of a client or of the process for what was not sent yet."""


class Logged(NamedTuple):
    """The numbers of events that a client logged, by their fate, and the bytes that wait."""

    sent: int
    """Events that are in the log of the server."""
    waiting_bytes: int
    """Bytes that wait to be sent."""
    dropped: int
    """Events that were dropped: there was no room for them, or the client ended before they were sent."""
    refused: int
    """Events that the server refuses. Each is a warning in the log of this process, and with a spool a line of its
    `refused.jsonl`."""


class BackgroundLog:
    """The events that a client sends in the background. Its thread begins with the first of them."""

    def __init__(
        self, open_channel: Callable[[], Channel], *, spool: Spool | None, when_full: WhenFull, most_bytes: int | None
    ) -> None:
        if when_full not in ("block", "drop"):
            raise ValueError(f"`when_full` is 'block' or 'drop', not {when_full!r}.")
        self._open_channel = open_channel
        self._spool = spool
        self._blocks = when_full == "block"
        self._most_bytes = most_bytes or (MEMORY_BYTES if spool is None else SPOOL_BYTES)
        self._counts = Counts()
        self._sender: Sender | None = None
        if spool is not None:
            self._begin()  # it sends what dead processes left

    @property
    def logged(self) -> Logged:
        """The counts."""
        counts, sender = self._counts, self._sender
        return Logged(counts.sent, sender.queue.size if sender else 0, counts.dropped, counts.refused)

    def put(self, line: bytes) -> bool:
        """Take a line, and return True; False if the caller has to wait for room.

        Raises:
            OSError: the disk of the spool is full, or fails; not if such events are to be dropped.
        """
        sender = self._sender or self._begin()
        try:
            if sender.put(line):
                return True
        except Ended:
            self._forget(sender)
            return self.put(line)
        except OSError:
            if self._blocks:
                raise
        if not self._blocks:
            sender.lose(1)
        return not self._blocks

    def offer(self, line: bytes) -> None:
        """Take a line if there is room, else count it as dropped. This neither waits nor raises."""
        try:
            if self.put(line):
                return
        except OSError:
            logger.warning("an event can't be kept until it is sent: it is dropped", exc_info=True)
        if sender := self._sender:
            sender.lose(1)
        else:
            self._counts.dropped += 1

    def flush(self, seconds: float) -> bool:
        """Send what waits. Return whether all was sent or refused within some seconds."""
        return self._sender.flush(seconds) if self._sender else True

    def end(self) -> None:
        """Send what waits, for some seconds at most. A later event begins anew."""
        if sender := self._sender:
            sender.end(EXIT_SECONDS)
            self._forget(sender)

    def _begin(self) -> Sender:
        with _forks:
            if self._sender is None:
                queue: Queue = MemoryQueue() if self._spool is None else self._spool.create()
                self._sender = Sender(queue, self._open_channel, self._counts, self._spool, self._most_bytes)
                _running.add(self)
                _end_with_process()
            return self._sender

    def _forget(self, sender: Sender) -> None:
        with _forks:
            if self._sender is sender:
                self._sender = None
                _running.discard(self)

    def before_fork(self) -> None:
        """Wait until nobody is in the middle of a line."""
        if self._sender:
            self._sender.lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self._sender:
            self._sender.lock.release()

    def after_fork_in_child(self) -> None:
        """Begin anew with the next event: the thread is the parent's, and so is what waits."""
        if self._sender:
            self._sender.queue.let_go()
        self._sender = None
        self._counts = Counts()


_running: set[BackgroundLog] = set()
"""The logs that have a thread in this process."""
_forks = threading.RLock()
"""Held while a process forks, and while a thread begins or ends."""
_process_of_end: int | None = None


def _end_all() -> None:
    for log in [*_running]:
        log.end()


def _end_with_process() -> None:
    """Have what waits sent when the process ends. (Those of multiprocessing do not call `atexit`.)"""
    global _process_of_end
    if _process_of_end is None:
        atexit.register(_end_all)
    if _process_of_end != os.getpid() and (util := sys.modules.get("multiprocessing.util")):
        util.Finalize(None, _end_all, exitpriority=0)
    _process_of_end = os.getpid()


def _before_fork() -> None:
    _forks.acquire()
    for log in _running:
        log.before_fork()


def _after_fork_in_parent() -> None:
    for log in _running:
        log.after_fork_in_parent()
    _forks.release()


def _after_fork_in_child() -> None:
    for log in _running:
        log.after_fork_in_child()
    _running.clear()
    _forks.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
