"""The thread that sends the lines of a queue, in order, a thousand at a time.

A line stays in the queue until the server has it, or refuses it. So after a break the same lines are sent again, and
those that the server has by then are not written twice.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Protocol

from eventsite_client._background import lifetime
from eventsite_client._background.counts import Counts
from eventsite_client._background.delivering import Channel, Defects, Delivering
from eventsite_client._background.held_back import HeldBack, Origin, Trial, adopted_segment
from eventsite_client._background.look_back import LookBack
from eventsite_client._background.memory import MemoryLines
from eventsite_client._background.spool import Spool
from eventsite_client._background.spool_file import SpoolFile
from eventsite_client._core.deadline import Deadline
from eventsite_client.errors import EventsiteError

logger = logging.getLogger("eventsite_client")

_LINGER_SECONDS = 0.05
"""The time for which events are gathered into one request."""
_LOOK_SECONDS = 5.0
"""The time between two looks whether anybody can log still."""
_BATCH_LINES = 1_000
_BATCH_BYTES = 2**19
"""Half of what common proxies let through."""
_PAUSES_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""The pauses while lines can't be sent, at most."""
_HURRY_SECONDS = 0.5
"""The longest pause while somebody waits for the thread."""
_SAID_FAILURE = 2
"""The failure in a row, counted from 0, that the log of this process names."""


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


class Sender:
    """A queue and the thread that empties it. Any thread may put lines into it."""

    def __init__(
        self,
        queue: Queue,
        open_channel: Callable[[], Channel],
        counts: Counts,
        spool: Spool | None,
        *,
        most_bytes: int,
        is_needed: Callable[[], bool],
    ) -> None:
        self._queue = queue
        self.held_back = HeldBack(MemoryLines if spool is None else partial(spool.create, held_back=True))
        self.lock = threading.RLock()  # the handler of a signal may log in the middle of a line
        self._delivering = Delivering(open_channel, counts, spool)
        self._defects, self._defects_of_held_back = Defects(counts), Defects(counts)
        self._counts = counts
        self._spool = spool
        self._most_bytes = most_bytes
        self._half_bytes = most_bytes // 2
        self._is_needed = is_needed
        self._left: LookBack | None = None
        """The files of dead processes, while they are gone through."""
        self._adopted: SpoolFile | None = None
        """The one whose lines are being sent."""
        self._has_looked_back = spool is None
        self._work = threading.Event()
        self._has_work = False
        self._hurry = threading.Event()
        self._flushes = 0
        self._asked = self._answered = 0
        """The numbers of the last flush that was asked for, and of the last one whose lines are through."""
        self._end: Deadline | None = None
        self._has_ended = self._has_closed = False
        # A daemon, as a process that ends must not wait for a server that is away. `join()` waits a little.
        self._thread = threading.Thread(target=self._run, name="eventsite-log", daemon=True)
        self._thread.start()

    @property
    def size(self) -> int:
        """The bytes that wait."""
        return self._queue.size + self.held_back.size

    def put(self, line: bytes) -> bool:
        """Put a line into the queue, and return True; False if there is no room.

        Raises:
            OSError: the disk of the spool is full, or fails.
            Ended: the thread has ended.
        """
        with self.lock:
            if self._has_ended:
                raise Ended
            queue = self._queue
            size = queue.size + self.held_back.size + len(line)
            if size > self._half_bytes and not self._has_room(line, size):
                return False
            queue.put(line)
            if not self._has_work:  # to wake the thread costs more than all the rest
                self._wake()
            return True

    def _has_room(self, line: bytes, size: int) -> bool:
        """Return whether there is room for a line, with which lines of a size wait.

        Lines that would be held back may take half of the room, so that a pause leaves some to the others. A line of
        any size has room if no other one is on its way, unless all the room is held back.
        """
        held_bytes = self.held_back.size
        if held_bytes + len(line) > self._half_bytes and self.held_back.origin_before(line):
            return False
        return size <= self._most_bytes or (not self._queue.size and held_bytes <= self._most_bytes)

    def _wake(self) -> None:
        self._has_work = True
        self._work.set()

    @contextmanager
    def hurrying(self) -> Iterator[Callable[[], bool | None]]:
        """Let the thread hurry while the block lasts. It gets a function: whether all lines from before are through.

        None: not yet. False: the thread has ended before.
        """
        with self.lock:
            self._asked += 1
            number = self._asked
            self._flushes += 1
            self._hurry.set()
            self._wake()
        try:
            yield lambda: True if self._answered >= number else False if self._has_closed else None
        finally:
            with self.lock:
                self._flushes -= 1
                if not self._flushes and self._end is None:
                    self._hurry.clear()

    def finish(self, deadline: Deadline) -> None:
        """Let the thread send what waits, until a deadline, and end."""
        with self.lock:
            self._end = deadline
            self._hurry.set()
            self._wake()

    def join(self, deadline: Deadline) -> None:
        """Wait until the thread has ended. It may hang in a request until after the deadline."""
        self._thread.join(deadline.left())
        if self._thread.is_alive():
            place = "may be lost" if self._spool is None else "stay in the spool"
            logger.error("the server does not answer before the end: %d bytes of events %s", self.size, place)

    def let_go(self) -> None:
        """Leave everything to the parent of this process, unless it has closed it already."""
        if self._has_closed:
            return
        self._queue.let_go()
        self.held_back.let_go()
        if self._adopted is not None:
            self._adopted.let_go()
        if self._left is not None:
            self._left.let_go()

    def _run(self) -> None:
        try:
            while self._end is None and (self._is_needed() or self.size):
                self._look_back()
                pause = self.held_back.pause
                if self._work.wait(_LOOK_SECONDS if pause is None else min(pause, _LOOK_SECONDS)):
                    self._hurry.wait(_LINGER_SECONDS)
                self._round()
        except OSError:
            logger.exception("events of this process can't be read; they stay in their file")
        finally:
            with self.lock:
                self._has_ended = True  # another thread begins with the next line
            with suppress(OSError):
                self._round()  # what came in the last moment
            self._close()

    def _round(self) -> None:
        """Send what waits by now, and try again what is held back, if it is time."""
        with self.lock:
            self._has_work = False
            self._work.clear()
            flush, size = self._asked, self._queue.size
        if not self._empty(self._queue, size):
            return
        if self.held_back.pause == 0 or flush > self._answered or self._end is not None:
            self._try_held_back()
        self._answered = flush

    def _close(self) -> None:
        with self.lock:
            self._has_closed = True
            count = self._queue.close() + self.held_back.close()
            if self._left is not None:
                self._left.close()
        if count:
            logger.error("%d events are lost: they could not be sent before the end", count)
            self._counts.add(dropped=count)
        lifetime.remove(self)
        self._delivering.close()

    def _look_back(self) -> None:
        """Send what dead processes left, when no other process does, and while there is room to hold it back."""
        while not self._has_looked_back and self._end is None and self.held_back.size <= self._half_bytes:
            try:
                with self.lock:
                    file = self._adopted = self._next_left()
            except OSError:
                logger.exception("the spool can't be read; events of other processes stay there until the next start")
                self._has_looked_back = True
                return
            if file is None:
                return
            try:
                if file.is_held_back and file.size:
                    segment = adopted_segment(file)  # it is large, and callers of `log()` must not wait for that
                    with self.lock:
                        self.held_back.adopt(segment)
                        self._adopted = None
                    continue
                self._empty(file, file.size)
            except OSError:
                logger.exception("events that another process left can't be sent; they stay in their file")
            with self.lock:
                file.close()
                self._adopted = None

    def _next_left(self) -> SpoolFile | None:
        """Return the next file that a dead process left; None if there is no other one, or it is not our turn."""
        if self._spool is not None and self._left is None:
            self._left = self._spool.look_back()
        file = self._left.next() if self._left is not None else None
        self._has_looked_back = self._left is not None and file is None
        return file

    def _empty(self, queue: Queue, size: int) -> bool:
        """Send the next bytes of a queue. Return whether they are through: not if the thread has to end before.

        Raises:
            OSError: the queue can't be read.
        """
        failures = 0
        while size > 0:
            if self._has_no_time():
                return False
            lines = queue.peek(_BATCH_LINES, min(_BATCH_BYTES, size))
            if not lines:
                break  # somebody has changed the file
            try:
                self._send(queue, lines)
                size -= sum(map(len, lines))
                failures = 0
                self._defects.note(None)
            except Exception as error:  # whatever it is, no line may be lost by it
                _say(error, failures)
                self._defects.note(error)
                if self._has_to_end_after(error, failures):
                    return False
                failures += 1
        return True

    def _has_to_end_after(self, error: Exception, failures: int) -> bool:
        """Wait after an error, less if somebody waits for this thread, and return whether it has to end."""
        least_pause = (error.retry_after if isinstance(error, EventsiteError) else None) or 0.0
        pause = _PAUSES_SECONDS[min(failures, len(_PAUSES_SECONDS) - 1)] * random.uniform(0.5, 1)  # noqa: S311
        if self._hurry.wait(max(least_pause, pause)):
            pause = max(least_pause, min(pause, _HURRY_SECONDS))
            time.sleep(pause if self._end is None else min(pause, self._end.left()))
        return self._has_no_time()

    def _has_no_time(self) -> bool:
        return self._end is not None and not self._end.left()

    def _send(self, queue: Queue, lines: list[bytes]) -> None:
        """Send the next lines of a queue, but for those that have to wait behind others.

        Raises:
            EventsiteError, OSError: some of them may not be in the log. They are still in the queue.
        """
        behind = {line: origin for line in lines if (origin := self.held_back.origin_before(line))}
        free = [line for line in lines if line not in behind] if behind else lines
        outcome = self._delivering.deliver(free, self._end, self._defects)
        waiting = behind | outcome.waiting
        with self.lock:
            self.held_back.keep({line: waiting[line] for line in lines if line in waiting})
        self._delivering.settle(outcome)  # no sooner: if the disk is full, all of them are sent again
        with self.lock:
            queue.done(lines)

    def _try_held_back(self) -> None:
        """Send what was held back of each origin whose first line the server takes now."""
        begin = time.monotonic()
        try:
            for trial in self.held_back.trials():
                self._try(trial)
                self._empty(self._queue, self._queue.size)  # the others go on meanwhile
                if self._has_no_time():
                    break
            self._defects_of_held_back.note(None)
            self.held_back.put_off(time.monotonic() - begin)
        except Exception as error:  # whatever it is, they are tried again
            _say(error, _SAID_FAILURE)
            self._defects_of_held_back.note(error)
            self.held_back.put_off(0.0)

    def _try(self, trial: Trial) -> None:
        """Send the lines of a segment that the server takes now."""
        try:
            trial.run(self._deliver, most_lines=_BATCH_LINES, most_bytes=_BATCH_BYTES)
        finally:
            with self.lock:
                # If this fails, no other segment is tried: what this one has done stays in memory.
                self.held_back.save(trial)

    def _deliver(self, lines: Sequence[bytes]) -> dict[bytes, Origin]:
        outcome = self._delivering.deliver(lines, self._end, self._defects_of_held_back)
        self._delivering.settle(outcome)
        return outcome.waiting


def _say(error: Exception, failures: int) -> None:
    if not isinstance(error, EventsiteError):
        logger.exception("events could not be sent; they are sent again")
    elif failures == _SAID_FAILURE:
        logger.warning("events wait to be sent: %s", error)
