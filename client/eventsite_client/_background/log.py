"""The background log of a client: what `log()` does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple
from weakref import ref

from eventsite_client._background import lifetime
from eventsite_client._background.counts import Counts
from eventsite_client._background.delivering import Channel
from eventsite_client._background.memory import MemoryQueue
from eventsite_client._background.sender import Ended, Sender
from eventsite_client._background.spool import Spool
from eventsite_client._background.spool_queue import SpoolQueue
from eventsite_client._core.deadline import Deadline

logger = logging.getLogger("eventsite_client")

WhenFull = Literal["block", "drop"]
"""The behaviour of `log()` when too many events wait: it waits for room, or drops the event and counts it."""

MEMORY_BYTES = 2**24
_WARNING_SECONDS = 60.0


class Logged(NamedTuple):
    """The numbers of events that a client logged, by their fate, and the bytes that wait."""

    sent: int
    """Events that are in the log of the server."""
    waiting_bytes: int
    """Bytes that wait to be sent."""
    dropped: int
    """Events that were dropped: there was no room for them, or the client ended before they were sent."""
    refused: int
    """Events that the server refuses. The log of this process says so, and with a spool they are in its
    `refused.jsonl`."""
    held_back: int
    """Events among those that wait which the server refuses for now, as their agent or workflow is paused, or the log
    demands a lease for them. They are tried again from time to time."""


class BackgroundLog:
    """The events that a client sends in the background. Its thread begins with the first of them."""

    def __init__(
        self, open_channel: Callable[[], Channel], *, spool: Spool | None, when_full: WhenFull, most_bytes: int | None
    ) -> None:
        if when_full not in ("block", "drop"):
            raise ValueError(f"`when_full` is 'block' or 'drop', not {when_full!r}.")
        if most_bytes is not None and most_bytes < 1:
            raise ValueError(f"`log_bytes` is a positive number of bytes, not {most_bytes!r}.")
        self._open_channel = open_channel
        self._spool = spool
        self._blocks = when_full == "block"
        self._most_bytes = most_bytes or (MEMORY_BYTES if spool is None else spool.most_bytes)
        self._counts = Counts()
        self._said_lost = 0
        """The number of lost events that flushes have reported."""
        self._next_warning = Deadline(0.0)
        self._sender: Sender | None = None
        lifetime.owners.add(self)
        if spool is not None:
            self._begin()  # it sends what dead processes left

    @property
    def logged(self) -> Logged:
        """The counts."""
        counts, sender = self._counts, self._sender
        waiting, held_back = (sender.size, sender.held_back.count) if sender else (0, 0)
        return Logged(counts.sent, waiting, counts.dropped, counts.refused, held_back)

    def put(self, line: bytes) -> bool:
        """Take a line, and return True; False if the caller has to wait for room.

        Raises:
            OSError: the disk of the spool is full, or fails; not if such events are to be dropped.
            RuntimeError: the main thread has ended, so the process waits for this one only, and must not wait for room.
        """
        try:
            has_room = self._put(line)
        except OSError:
            if self._blocks:
                raise
            has_room = False
        if has_room:
            return True
        if not self._blocks:
            self._drop()
            return True
        if not threading.main_thread().is_alive():
            raise RuntimeError("The process ends, and there is no room for this event.")
        self._warn("an event waits for room")
        return False

    def offer(self, line: bytes) -> None:
        """Take a line if there is room, else count it as dropped. This neither waits nor raises."""
        try:
            has_room = self._put(line)
        except OSError:
            logger.warning("an event can't be kept until it is sent: it is dropped", exc_info=True)
            has_room = False
        if not has_room:
            self._drop()

    def _drop(self) -> None:
        self._counts.add(dropped=1)
        self._warn("an event is dropped, as there is no room")

    def _warn(self, what: str) -> None:
        """Say in the log of this process that there is no room, and why, but not for each event."""
        if not self._next_warning.left():
            self._next_warning = Deadline(_WARNING_SECONDS)
            logger.warning("%s (log_bytes=%d): %s", what, self._most_bytes, self.logged)

    def _put(self, line: bytes) -> bool:
        while True:
            sender = self._sender or self._begin()
            try:
                return sender.put(line)
            except Ended:
                self._forget(sender)

    @contextmanager
    def flushing(self) -> Iterator[Callable[[], bool | None]]:
        """Let the thread hurry while the block lasts. It gets a function: whether all that was taken before is sent.

        None: not yet. False: some events are lost, refused or held back, and no flush that ended before this one began
        has said so.
        """
        sender, losses_before = self._sender, self._said_lost

        def is_sent(is_through: bool | None) -> bool | None:
            if is_through is None:
                return None
            losses = self._counts.lost
            self._said_lost = max(self._said_lost, losses)
            return is_through and losses == losses_before and not self.logged.held_back

        if sender is None:
            yield lambda: is_sent(True)
        else:
            with sender.hurrying() as is_through:
                yield lambda: is_sent(is_through())

    def end(self) -> None:
        """Send what waits, for some seconds at most. A later event begins anew."""
        if sender := self._sender:
            lifetime.end([sender])
            self._forget(sender)

    def _begin(self) -> Sender:
        with lifetime.forks:
            if self._sender is None:
                owner = ref(self)
                self._sender = Sender(
                    MemoryQueue() if self._spool is None else SpoolQueue(self._spool),
                    self._open_channel,
                    self._counts,
                    self._spool,
                    most_bytes=self._most_bytes,
                    is_needed=lambda: owner() is not None,
                )
                lifetime.add(self._sender)
            return self._sender

    def _forget(self, sender: Sender) -> None:
        with lifetime.forks:
            if self._sender is sender:
                self._sender = None

    def after_fork_in_child(self) -> None:
        """Begin anew with the next event: the thread is the parent's, and so is what waits."""
        self._sender = None
        self._counts = Counts()
        self._said_lost = 0
