"""The thread that sends the lines of a queue, in order, a thousand at a time.

A line stays in the queue until the server has it, or refuses it. So after a break the same lines are sent again, and
those that the server has by then are not written twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import asdict

from eventsite_client._background.spool import Spool
from eventsite_client._core import bulk
from eventsite_client._core.bulk import Bulk, LineError
from eventsite_client._core.requests import Request
from eventsite_client.errors import EventsiteError, Unavailable

logger = logging.getLogger("eventsite_client")

_LINGER_SECONDS = 0.05
"""The time for which events are gathered into one request."""
_BATCH_LINES = 1_000
_BATCH_BYTES = 2**19
"""Half of what common proxies let through."""
_PAUSES_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""The pauses while lines can't be sent, after the repetitions of the request itself."""
_JOIN_SECONDS = 1.0
_TOO_LARGE = 413


class Ended(Exception):
    """The queue takes no more lines."""


class Queue(Protocol):
    """Lines that wait to be sent, in order."""

    @property
    def size(self) -> int:
        """The bytes that wait."""

    def put(self, line: bytes) -> None: ...
    def peek(self, most_lines: int, most_bytes: int) -> list[bytes]:
        """Return the next lines. One thread does, and others may put lines meanwhile."""

    def done(self, lines: Sequence[bytes]) -> None: ...
    def let_go(self) -> None: ...
    def close(self) -> int: ...


class Channel(Protocol):
    """A sender of requests for one thread, with all their repetitions."""

    def call(self, request: Request[Bulk]) -> Bulk: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class Counts:
    """The numbers of a client's events that were sent, dropped or refused."""

    sent: int = 0
    dropped: int = 0
    refused: int = 0


class Sender:
    """A queue and the thread that empties it. Any thread may put lines into it."""

    def __init__(
        self, queue: Queue, open_channel: Callable[[], Channel], counts: Counts, spool: Spool | None, most_bytes: int
    ) -> None:
        self.queue = queue
        self.lock = threading.RLock()  # the handler of a signal may log in the middle of a line
        self._open_channel = open_channel
        self._counts = counts
        self._spool = spool
        self._most_bytes = most_bytes
        self._progress = threading.Condition(self.lock)
        """Told of when lines are done."""
        self._work = threading.Event()
        self._has_work = False
        self._hurry = threading.Event()
        self._end = threading.Event()
        self._has_ended = False
        self._has_looked_back = spool is None
        """Whether the lines that dead processes left are sent."""
        # A daemon, as a process that ends must not wait for a server that is away. `end()` waits a little.
        self._thread = threading.Thread(target=self._run, name="eventsite-log", daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> bool:
        """Put a line into the queue, and return True; False if there is no room.

        Raises:
            OSError: the disk of the spool is full, or fails.
            Ended: the thread has ended.
        """
        with self.lock:
            if self._has_ended:
                raise Ended
            queue = self.queue
            if queue.size and queue.size + len(line) > self._most_bytes:
                return False
            queue.put(line)
            if not self._has_work:  # to wake the thread costs more than all the rest
                self._has_work = True
                self._work.set()
            return True

    def flush(self, seconds: float) -> bool:
        """Send what waits. Return whether all was sent or refused within some seconds."""
        self._hurry.set()
        try:
            with self.lock:
                return self._progress.wait_for(lambda: self._has_looked_back and not self.queue.size, seconds)
        finally:
            self._hurry.clear()

    def end(self, seconds: float) -> None:
        """Send what waits, for some seconds at most, and end the thread."""
        self.flush(seconds)
        for event in (self._end, self._hurry, self._work):
            event.set()
        self._thread.join(_JOIN_SECONDS)  # it may hang in a request; then it ends after that

    def _run(self) -> None:
        channel = self._open_channel()
        try:
            self._look_back(channel)
            while not self._end.is_set():
                self._work.wait()
                self._hurry.wait(_LINGER_SECONDS)
                with self.lock:
                    self._has_work = False
                    self._work.clear()
                self._empty(self.queue, channel)
        finally:
            with self.lock:
                self._has_ended = True
                lost = self.queue.close()
            if lost:
                logger.error("%d events are lost: they could not be sent before the end", lost)
                self.lose(lost)
            channel.close()

    def lose(self, events: int) -> None:
        """Count events that are dropped."""
        with self.lock:
            self._counts.dropped += events

    def _look_back(self, channel: Channel) -> None:
        """Send what dead processes left."""
        for queue in () if self._spool is None else self._spool.left_behind():
            try:
                self._empty(queue, channel)
                queue.close()
            except OSError:
                logger.exception("events that another process left can't be sent; they stay in their file")
            if self._end.is_set():
                return
        with self.lock:
            self._has_looked_back = True
            self._progress.notify_all()

    def _empty(self, queue: Queue, channel: Channel) -> None:
        """Send all lines of a queue, unless the thread has to end before."""
        failures = 0
        while True:
            lines = queue.peek(_BATCH_LINES, _BATCH_BYTES)
            if not lines:
                return
            try:
                self._send(queue, lines, channel)
                failures = 0
            except Exception as error:  # whatever it is, no line may be lost by it
                self._say(error, failures)
                if self._has_to_end_after(_PAUSES_SECONDS[min(failures, len(_PAUSES_SECONDS) - 1)]):
                    return
                failures += 1

    def _has_to_end_after(self, seconds: float) -> bool:
        """Wait, less if somebody waits for this thread, and return whether it has to end."""
        if self._hurry.wait(seconds):
            return self._end.wait(_PAUSES_SECONDS[0])
        return self._end.is_set()

    def _send(self, queue: Queue, lines: list[bytes], channel: Channel) -> None:
        """Send the next lines of a queue.

        Raises:
            EventsiteError: some of them may not be in the log. They are still in the queue.
        """
        try:
            answer = channel.call(bulk.request(lines))
        except EventsiteError as error:
            if error.status != _TOO_LARGE:
                raise
            answer = Bulk(0, 0, len(lines), [LineError(1, error.code, error.detail)])
        if not answer.is_complete:  # too much was sent at once, or there were too many errors to report all
            middle = len(lines) // 2
            self._send(queue, lines[:middle], channel)
            self._send(queue, lines[middle:], channel)
            return
        for each in answer.errors:
            if bulk.passes(each):
                raise Unavailable(each.detail, code=each.code)
        for each in answer.errors:
            self._set_aside(lines[each.line - 1], each)
        with self.lock:
            queue.done(lines)
            self._counts.sent += len(lines) - answer.failed
            self._counts.refused += answer.failed
            self._progress.notify_all()

    def _set_aside(self, line: bytes, error: LineError) -> None:
        """Keep an event that the server refuses, so that the others can go on."""
        place = "it is lost" if self._spool is None else f"it is kept in {self._spool.set_aside(line, asdict(error))}"
        text = line.decode("utf-8", "replace")[:1_000].rstrip()
        logger.warning("Eventsite refuses an event (%s: %s); %s: %s", error.code, error.detail, place, text)

    def _say(self, error: Exception, failures: int) -> None:
        if not isinstance(error, EventsiteError):
            logger.exception("events could not be sent; they are sent again")
        elif not failures:
            logger.warning("events wait to be sent: %s", error)
