"""Lines that the server does not take yet: their agent or workflow is paused, or the log demands a lease for them.

They wait beside the queue, so that the others go on, and are tried again from time to time. Lines of the same origin
that come meanwhile wait behind them, so that they stay in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

import msgspec

from eventsite_client._background.spool_file import SpoolFile
from eventsite_client._core.deadline import Deadline

_PAUSE_SECONDS = 30.0
_MOST_BYTES = 2**24


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
        read = _decoder.decode(line)
    except msgspec.DecodeError:  # a line of a file that somebody has changed: it will be refused for good
        read = _Line("")
    return Origin(read.agent, read.correlation_id, None), Origin(None, read.correlation_id, read.stream)


class HeldBack:
    """Lines that wait until the server takes them, by their origins; with a spool, in a file, too."""

    def __init__(self, most_bytes: int, create: Callable[[], SpoolFile] | None) -> None:
        self._most_bytes = min(most_bytes // 2, _MOST_BYTES)
        self._create = create
        self._file: SpoolFile | None = None
        self._lines: dict[Origin, list[bytes]] = {}
        self._next_try = Deadline(0.0)
        self.size = 0
        """The bytes that wait."""
        self.count = 0
        """The lines that wait."""

    @property
    def pause(self) -> float | None:
        """The seconds until the next try; None if nothing waits."""
        return self._next_try.left() if self.count else None

    def origin_before(self, line: bytes) -> Origin | None:
        """Return the origin whose lines are held back and have to come before a line; None if there is none."""
        origins = _origins(line) if self._lines else ()
        return next((origin for origin in origins if origin in self._lines), None)

    def keep(self, lines: Mapping[bytes, Origin]) -> list[bytes]:
        """Hold lines back, and return those for which there is no room.

        Raises:
            OSError: the disk of the spool is full, or fails. None is held back.
        """
        if not lines:
            return []
        room = self._most_bytes - self.size
        kept: list[bytes] = []
        left: list[bytes] = []
        for line in lines:
            room -= len(line)
            (kept if room >= 0 else left).append(line)
        self._write(kept)
        if not self.count:
            self.put_off()
        for line in kept:
            self._lines.setdefault(lines[line], []).append(line)
        self.count += len(kept)
        self.size += sum(map(len, kept))
        return left

    def firsts(self, most: int) -> dict[bytes, list[bytes]]:
        """Return the first lines of some origins, each with those behind it. The next call returns other ones."""
        origins = list(islice(self._lines, most))
        for origin in origins:
            self._lines[origin] = self._lines.pop(origin)
        return {self._lines[origin][0]: self._lines[origin][1:] for origin in origins}

    def forget(self, lines: Iterable[bytes]) -> None:
        """Forget lines: they are sent, or refused. `save()` forgets them on disk, too."""
        gone = set(lines)
        left = {origin: [line for line in held if line not in gone] for origin, held in self._lines.items()}
        self._lines = {origin: held for origin, held in left.items() if held}
        self.count = sum(map(len, self._lines.values()))
        self.size = sum(len(line) for held in self._lines.values() for line in held)

    def save(self) -> None:
        """Make the file as short as it can be, if there is one.

        Raises:
            OSError: the disk fails. The file stays as it was: sent again, its lines are not written twice.
        """
        if self._file is not None and self._file.size > self.size:
            self._replace_file(self._file)

    def _replace_file(self, old: SpoolFile) -> None:
        self._file = self._created([line for held in self._lines.values() for line in held])
        old.remove()

    def put_off(self) -> None:
        """Begin the pause until the next try."""
        self._next_try = Deadline(_PAUSE_SECONDS)

    def let_go(self) -> None:
        """Leave the lines to the parent of this process."""
        if self._file is not None:
            self._file.let_go()

    def close(self) -> int:
        """Leave the lines to the next start. Return the number of those that are lost: without a spool, all."""
        if self._file is not None:
            with suppress(OSError):
                self.save()
        if self._file is not None:
            self._file.close()
        return self.count if self._create is None else 0

    def _write(self, lines: list[bytes]) -> None:
        if self._file is not None:
            self._file.put(b"".join(lines))
        else:
            self._file = self._created(lines)

    def _created(self, lines: list[bytes]) -> SpoolFile | None:
        """Return a new file of lines; None if there are none, or there is no spool."""
        if not lines or self._create is None:
            return None
        file = self._create()
        try:
            file.put(b"".join(lines))
        except OSError:
            file.remove()
            raise
        return file
