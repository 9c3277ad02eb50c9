"""Lines that wait to be sent, in a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NEW_SUFFIX = ".new"
"""The suffix of a file that is to replace another one."""
HELD_BACK = "held-back-"
"""The beginning of the names of files with lines that were held back."""
OWN = os.O_NOFOLLOW if hasattr(os, "O_NOFOLLOW") else 0
"""The flag with which files are opened: none is a link to a file of others."""
_READ_BYTES = 2**20


class SpoolFile:
    """Lines that wait to be sent, in a file whose lock is held."""

    def __init__(self, descriptor: int, path: Path, *, start: int, end: int) -> None:
        self._descriptor = descriptor
        self._path = path
        self._start = start
        self._sent_to = start
        self.end = end
        """The end of the last line in the file."""

    @property
    def size(self) -> int:
        """The bytes that wait."""
        return self.end - self._sent_to

    @property
    def is_held_back(self) -> bool:
        """Whether its lines were held back."""
        return self._path.name.startswith(HELD_BACK)

    def put(self, lines: bytes) -> None:
        """Add whole lines, mostly one.

        Raises:
            OSError: the disk is full, or fails. Nothing of the lines is in the file.
        """
        size = len(lines)  # a signal may come in a call, and its handler may log, so there is none amid the sum
        write(self._descriptor, lines, at=self.end, path=self._path)
        self.end += size

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
        if self._sent_to == self.end:
            os.ftruncate(self._descriptor, self._start)
            self._sent_to = self.end = self._start

    def read(self) -> list[bytes]:
        """Return all lines that wait."""
        return lines_of(os.pread(self._descriptor, self.size, self._sent_to))

    def replace(self, lines: Iterable[bytes]) -> None:
        """Hold other lines from now on. If the process is killed meanwhile, the file has all the old ones, or the new.

        Raises:
            OSError: the disk is full, or fails. The file stays as it was.
        """
        text = os.pread(self._descriptor, self._start, 0) + b"".join(lines)
        path = self._path.with_suffix(NEW_SUFFIX)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | OWN, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            write(descriptor, text, at=0, path=path)
            path.replace(self._path)
        except BaseException:
            path.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        os.close(self._descriptor)
        self._descriptor, self._sent_to, self.end = descriptor, self._start, len(text)

    def let_go(self) -> None:
        """Leave the file to the parent of this process: a child would keep its lock when the parent has died."""
        os.close(self._descriptor)

    def close(self) -> int:
        """Remove the file if nothing waits in it, else leave it to the next start. Return 0: no line is lost."""
        if not self.size:
            self.remove()
        else:
            release(self._descriptor)
        return 0

    def remove(self) -> None:
        """Remove the file with what waits in it."""
        with suppress(FileNotFoundError):
            os.unlink(self._path)
        release(self._descriptor)


def release(descriptor: int) -> None:
    """Give up the lock of a file, and close it: a child that was forked meanwhile would keep the lock."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def lines_of(text: bytes | bytearray) -> list[bytes]:
    """Return the lines of a text that ends with one."""
    *lines, _ = bytes(text).split(b"\n")
    return [line + b"\n" for line in lines]


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
