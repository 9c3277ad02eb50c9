"""Lines that the server does not take yet: their agent or workflow is paused, or the log demands a lease for them.

They wait beside the queue, so that the others go on, and are tried again from time to time. Lines of the same origin
that come meanwhile wait behind them, so that they stay in order. The lines are in segments, files of some MiB if there
is a spool. Memory holds the lines of one segment at a time, and the origins of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

import msgspec

from eventsite_client._background.spool import FILE_BYTES
from eventsite_client._core.deadline import Deadline

_PAUSE_SECONDS = 30.0
_MOST_PAUSE_SECONDS = 120.0
_PAUSES_A_TRY = 10
"""A pause lasts so many times as long as the try before it, within these two: to read a gigabyte takes six seconds."""

Deliver = Callable[[Sequence[bytes]], "Mapping[bytes, Origin]"]
"""A function that sends lines, and returns those that the server does not take yet, with their origins."""


class Origin(NamedTuple):
    """The agent and the workflow of a line. The server takes lines that have both in common again at the same time."""

    agent: str | None
    workflow: str | None
    stream: str | None
    """The stream, if a lease is demanded; a pause holds for all streams."""


class _Line(msgspec.Struct):
    stream: str
    agent: str | None = None
    correlation_id: str | None = None


_decoder = msgspec.json.Decoder(_Line)


def origin_of(line: bytes, code: str) -> Origin:
    """Return the origin of a line that the server refuses for now with a code."""
    of_pause, of_lease = _origins(line)
    return of_pause if code == "paused" else of_lease


def _origins(line: bytes) -> tuple[Origin, Origin]:
    """Return the origins that a line has if it is refused for a pause, and for a lease."""
    try:
        fields = _decoder.decode(line)
    except msgspec.DecodeError:  # a line of a file that somebody has changed: it will be refused for good
        fields = _Line("")
    return Origin(fields.agent, fields.correlation_id, None), Origin(None, fields.correlation_id, fields.stream)


class Storage(Protocol):
    """The lines of a segment, in memory or in a file."""

    @property
    def end(self) -> int:
        """The bytes that it takes."""

    def put(self, lines: bytes) -> None: ...
    def read(self) -> list[bytes]: ...
    def replace(self, lines: Iterable[bytes]) -> None: ...
    def remove(self) -> None: ...
    def let_go(self) -> None: ...
    def close(self) -> int: ...


class Segment:
    """Some of the lines that are held back, in the order in which they came."""

    def __init__(self, storage: Storage, *, is_adopted: bool = False) -> None:
        self.storage = storage
        self.is_adopted = is_adopted
        """Whether it is of a dead process: then it gets no more lines, as the end of its file may be torn."""
        self.origins: set[Origin] = set()
        self.done: set[bytes] = set()
        """The lines that the server took or refused for good, and which are in the storage still."""
        self.count = self.size = 0
        self.tries = 0
        """The number of origins that were tried since the beginning: others are tried next."""


def adopted_segment(storage: Storage) -> Segment:
    """Return the segment of lines that a dead process held back.

    Raises:
        OSError: the file can't be read.
    """
    lines = storage.read()
    segment = Segment(storage, is_adopted=True)
    segment.count, segment.size = len(lines), sum(map(len, lines))
    for line in lines:
        segment.origins.update(_origins(line))  # until the server says which of them it does not take
    return segment


class Trial:
    """The lines of a segment while they are tried again: the first one of each origin, and then those after it."""

    def __init__(self, segment: Segment, lines: Mapping[bytes, Origin], refused: set[Origin]) -> None:
        self.segment = segment
        self.rest = dict(lines)
        """The lines that the server has not taken, with their origins."""
        self._refused = refused
        """The origins whose lines have to wait, as earlier ones do."""

    def run(self, deliver: Deliver, *, most_lines: int, most_bytes: int) -> None:
        """Send the lines. Of more origins than `most_lines`, the next trial tries other ones.

        Raises:
            Exception: that of `deliver`. Some lines may be in the log, and still be in `rest`.
        """
        firsts: dict[Origin, bytes] = {}
        for line, origin in self._free():
            firsts.setdefault(origin, line)
        begin = self.segment.tries % max(1, len(firsts))
        origins = [*islice(firsts, begin, None), *islice(firsts, begin)]
        self.segment.tries += min(most_lines, len(origins))
        self._refused.update(origins[most_lines:])
        for batch in _batches([firsts[origin] for origin in origins[:most_lines]], most_lines, most_bytes):
            self._send(batch, deliver)
        for batch in _batches([line for line, _ in self._free()], most_lines, most_bytes):
            self._send([line for line in batch if self.rest[line] not in self._refused], deliver)

    def _free(self) -> Iterator[tuple[bytes, Origin]]:
        return ((line, origin) for line, origin in self.rest.items() if origin not in self._refused)

    def _send(self, lines: Sequence[bytes], deliver: Deliver) -> None:
        waiting = deliver(lines)
        for line in lines:
            if line not in waiting:
                del self.rest[line]
                self.segment.done.add(line)
                continue
            self._refused |= {self.rest[line], waiting[line]}
            self.rest[line] = waiting[line]


class HeldBack:
    """Lines that wait until the server takes them. One thread changes them, with the lock that the others look with."""

    def __init__(self, create: Callable[[], Storage]) -> None:
        self._create = create
        self._segments: list[Segment] = []
        self._next_try = Deadline(0.0)
        self.size = 0
        """The bytes that wait."""

    @property
    def count(self) -> int:
        """The lines that wait."""
        return sum(segment.count for segment in self._segments)

    @property
    def pause(self) -> float | None:
        """The seconds until the next try; None if nothing waits."""
        return self._next_try.left() if self._segments else None

    def origin_before(self, line: bytes) -> Origin | None:
        """Return the origin whose lines are held back and have to come before a line; None if there is none."""
        origins = _origins(line) if self._segments else ()
        return next((each for each in origins for segment in self._segments if each in segment.origins), None)

    def keep(self, lines: Mapping[bytes, Origin]) -> None:
        """Hold lines back.

        Raises:
            OSError: the disk of the spool is full, or fails. None is held back.
        """
        if not lines:
            return
        is_first = not self._segments
        segment = self._put(b"".join(lines))
        segment.origins.update(lines.values())
        segment.count += len(lines)
        segment.size += sum(map(len, lines))
        self.size += sum(map(len, lines))
        if is_first:
            self.put_off(0.0)

    def adopt(self, segment: Segment) -> None:
        """Hold the lines of a dead process back where they are, before those of this process, and try them soon."""
        self._segments.insert(sum(each.is_adopted for each in self._segments), segment)
        self.size += segment.size
        self._next_try = Deadline(0.0)

    def _put(self, lines: bytes) -> Segment:
        """Add lines to the last segment, or to another one if that is full, and return it."""
        last = self._segments[-1] if self._segments else None
        if last is not None and not last.is_adopted and last.storage.end < FILE_BYTES:
            last.storage.put(lines)
            return last
        storage = self._create()
        try:
            storage.put(lines)
        except OSError:
            storage.remove()
            raise
        self._segments.append(Segment(storage))
        return self._segments[-1]

    def trials(self) -> Iterator[Trial]:
        """Yield a trial of each segment, the oldest first. Each is saved before the next one."""
        origins: set[Origin] = set()
        place = 0
        while place < len(self._segments):
            segment = self._segments[place]
            lines = [line for line in segment.storage.read() if line not in segment.done]
            yield Trial(segment, {line: self.origin_before(line) or _origins(line)[0] for line in lines}, origins)
            place += segment in self._segments[place : place + 1]

    def save(self, trial: Trial) -> None:
        """Forget the lines that are done with after a trial.

        Raises:
            OSError: the disk fails. All lines stay, and the next trial tries those that are not done with.
        """
        segment, rest = trial.segment, trial.rest
        if not rest:
            segment.storage.remove()
            self._segments.remove(segment)
        elif len(rest) < segment.count:
            segment.storage.replace(rest)
        segment.done.clear()
        size = sum(map(len, rest))
        self.size += size - segment.size
        segment.size, segment.count, segment.origins = size, len(rest), set(rest.values())

    def put_off(self, seconds: float) -> None:
        """Begin the pause until the next try, after a try that took some seconds."""
        self._next_try = Deadline(max(_PAUSE_SECONDS, min(_MOST_PAUSE_SECONDS, _PAUSES_A_TRY * seconds)))

    def let_go(self) -> None:
        """Leave the lines to the parent of this process."""
        for segment in self._segments:
            segment.storage.let_go()

    def close(self) -> int:
        """Leave the lines to the next start. Return the number of those that are lost: without a spool, all."""
        return sum(segment.storage.close() for segment in self._segments)


def _batches(lines: Sequence[bytes], most_lines: int, most_bytes: int) -> Iterator[list[bytes]]:
    """Yield lines, so many and of so many bytes at a time, but one at least."""
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and (len(batch) == most_lines or size + len(line) > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield batch
