"""Lines that wait to be sent, in a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_READ_BYTES = 2**20


class SpoolFile:
    """Lines that wait to be sent, in a file whose lock is held."""

    def __init__(self, descriptor: int, path: Path, *, start: int, end: int) -> None:
        self._descriptor = descriptor
        self._path = path
        self._start = start
        self._sent_to = start
        self._end = end

    @property
    def size(self) -> int:
        """The bytes that wait."""
        return self._end - self._sent_to

    @property
    def sent_size(self) -> int:
        """The bytes of lines that are sent, and are still in the file."""
        return self._sent_to - self._start

    def put(self, lines: bytes) -> None:
        """Add whole lines, mostly one.

        Raises:
            OSError: the disk is full, or fails. Nothing of the lines is in the file.
        """
        size = len(lines)  # a signal may come in a call, and its handler may log, so there is none amid the sum
        write(self._descriptor, lines, at=self._end, path=self._path)
        self._end += size

    def peek(self, most_lines: int, most_bytes: int) -> list[bytes]:
        """Return the next lines: one at least, if there is any."""
        size = min(most_bytes, self.size)
        piece = os.pread(self._descriptor, size, self._sent_to)
        while piece and b"\n" not in piece and size < self.size:
            size = min(2 * size, self.size)
            piece = os.pread(self._descriptor, size, self._sent_to)
        *lines, _ = piece.split(b"\n", most_lines)
        return [line + b"\n" for line in lines]

    def done(self, lines: Sequence[bytes]) -> None:
        """Forget the next lines: they are sent. When nothing waits, the file is emptied."""
        self._sent_to += sum(map(len, lines))
        if self._sent_to == self._end:
            os.ftruncate(self._descriptor, self._start)
            self._sent_to = self._end = self._start

    def let_go(self) -> None:
        """Leave the file to the parent of this process: a child would keep its lock when the parent has died."""
        os.close(self._descriptor)

    def close(self) -> int:
        """Remove the file if nothing waits in it, else leave it to the next start. Return 0: no line is lost."""
        if not self.size:
            self.remove()
        else:
            os.close(self._descriptor)
        return 0

    def remove(self) -> None:
        """Remove the file with what waits in it."""
        with suppress(FileNotFoundError):
            os.unlink(self._path)
        os.close(self._descriptor)


def write(descriptor: int, text: bytes, *, at: int, path: Path) -> None:
    """Write a text at the end of a file, which is `at`.

    Raises:
        OSError: the disk is full, or fails. Nothing of the text is in the file.
    """
    try:
        if os.write(descriptor, text) < len(text):
            raise OSError(errno.ENOSPC, "There is no room for an event", str(path))
    except OSError:
        os.ftruncate(descriptor, at)
        raise


def end_of_lines(descriptor: int) -> int:
    """Return the end of the last whole line. What follows was being written when its process was killed."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        begin = max(0, end - _READ_BYTES)
        place = os.pread(descriptor, end - begin, begin).rfind(b"\n")
        if place >= 0:
            return begin + place + 1
        end = begin
    return 0
