"""A queue of lines in a file, which outlives its process.

Each process has a file of its own, and holds its lock for as long as it lives. A file whose lock is free is that of a
dead process. A line is in the file, and is whole, before `put()` returns: so a `kill -9` of the process does not lose
it. (A power failure may.)
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger("eventsite_client")

_SUFFIX = ".ndjson"
_REFUSED = "refused.jsonl"
_READ_BYTES = 2**20


class Spool:
    """The files of one directory that are for one server and one token."""

    def __init__(self, path: str | os.PathLike[str], *, url: str, token: str) -> None:
        if fcntl is None:
            raise OSError(errno.ENOSYS, "This system has no locks of files, which a spool needs")
        self._directory = Path(path)
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A file must not go to another log. The token itself stays out of it.
        self._head = msgspec.json.encode({"url": url, "token": hashlib.sha256(token.encode()).hexdigest()[:16]}) + b"\n"

    def create(self) -> SpoolFile:
        """Return the file of this process."""
        name = f"{os.getpid()}-{uuid4().hex}"
        hidden, path = self._directory / f".{name}", self._directory / f"{name}{_SUFFIX}"
        descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        # It gets its name when its lock is held: nobody takes it for a dead process's before.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, self._head)
        os.rename(hidden, path)
        return SpoolFile(descriptor, path, start=len(self._head), end=len(self._head))

    def left_behind(self) -> Iterator[SpoolFile]:
        """Yield the files that dead processes left, each once among all processes."""
        for path in sorted(self._directory.glob(f"*{_SUFFIX}")):
            try:
                file = self._opened(path)
            except FileNotFoundError:
                continue  # another process has sent it meanwhile
            except OSError as error:
                logger.warning("%s can't be read, so its events stay there: %s", path, error)
                continue
            if file is not None:
                yield file

    def _opened(self, path: Path) -> SpoolFile | None:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
        file = None
        try:
            file = self._adopted(descriptor, path)
        finally:
            if file is None:
                os.close(descriptor)
        return file

    def _adopted(self, descriptor: int, path: Path) -> SpoolFile | None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None  # its process lives
        if os.fstat(descriptor).st_nlink == 0:
            return None  # another process has sent it meanwhile
        if os.pread(descriptor, len(self._head), 0) != self._head:
            logger.warning("%s holds events for another server or token: it stays there", path)
            return None
        return SpoolFile(descriptor, path, start=len(self._head), end=_end_of_lines(descriptor))

    def set_aside(self, line: bytes, refusal: dict[str, Any]) -> Path:
        """Keep a line that the server refuses, with the reason."""
        path = self._directory / _REFUSED
        kept = b'{"refusal":%b,"line":%b}\n' % (
            msgspec.json.encode(refusal),
            msgspec.json.encode(line.decode("utf-8", "replace")),
        )
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, kept)
        finally:
            os.close(descriptor)
        return path


class SpoolFile:
    """Lines that wait to be sent, in a file."""

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

    def put(self, line: bytes) -> None:
        """Add a line.

        Raises:
            OSError: the disk is full, or fails. Nothing of the line is in the file.
        """
        written = 0
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                raise OSError(errno.ENOSPC, "There is no room for an event", str(self._path))
        except OSError:
            os.ftruncate(self._descriptor, self._end)
            raise
        self._end += written

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
            with suppress(FileNotFoundError):
                os.unlink(self._path)
        os.close(self._descriptor)
        return 0


def _end_of_lines(descriptor: int) -> int:
    """Return the end of the last whole line. What follows was being written when its process was killed."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        begin = max(0, end - _READ_BYTES)
        place = os.pread(descriptor, end - begin, begin).rfind(b"\n")
        if place >= 0:
            return begin + place + 1
        end = begin
    return 0
