"""The files that dead processes left in a spool."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from collections import deque
from contextlib import suppress
from pathlib import Path

from eventsite_client._background.spool_file import HELD_BACK, NEW_SUFFIX, OWN, SpoolFile, end_of_lines

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger("eventsite_client")

SUFFIX = ".ndjson"


class LookBack:
    """The files of dead processes, the oldest lines first; those that were held back are older than the others.

    One process at a time looks back for a server and a token, so that the lines of a dead process are sent in order.
    """

    def __init__(self, folder: Path, head: bytes, lock: Path, descriptor: int) -> None:
        self._head = head
        self._lock = lock
        self._descriptor = descriptor
        for path in folder.glob(f"*{NEW_SUFFIX}"):
            _remove_new(path)
        paths = folder.glob(f"*{SUFFIX}")
        self._paths = deque(sorted(paths, key=lambda path: (not path.name.startswith(HELD_BACK), path.name)))
        self._is_open = True

    @classmethod
    def begin(cls, folder: Path, head: bytes) -> LookBack | None:
        """Take the lock, and return the files that have a head; None if another process has the lock.

        Raises:
            OSError: the folder can't be read.
        """
        lock = folder / f"{hashlib.sha256(head).hexdigest()[:16]}.lock"
        while True:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | OWN, 0o600)
            if not _locks(descriptor):
                os.close(descriptor)
                return None
            if os.fstat(descriptor).st_nlink:
                return cls(folder, head, lock, descriptor)
            os.close(descriptor)  # in this moment another process was ready, and removed it

    def next(self) -> SpoolFile | None:
        """Return the next file, whose lock is held then; None at the end, where this closes."""
        while self._paths:
            path = self._paths.popleft()
            try:
                file = self._opened(path)
            except FileNotFoundError:
                continue  # its process has ended meanwhile, and had sent all
            except OSError as error:
                logger.warning("%s can't be read, so its events stay there: %s", path, error)
                continue
            if file is not None:
                return file
        self.close()
        return None

    def close(self) -> None:
        """Let another process look back."""
        if self._is_open:
            self._lock.unlink(missing_ok=True)
            self.let_go()

    def let_go(self) -> None:
        """Leave the lock to the parent of this process."""
        if self._is_open:
            self._is_open = False
            os.close(self._descriptor)

    def _opened(self, path: Path) -> SpoolFile | None:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NONBLOCK | OWN)
        file = None
        try:
            file = self._adopted(descriptor, path)
        finally:
            if file is None:
                os.close(descriptor)
        return file

    def _adopted(self, descriptor: int, path: Path) -> SpoolFile | None:
        if not self._head.startswith(os.pread(descriptor, len(self._head), 0)):
            # This is asked without the file's lock, which a process that it is for may want just now.
            logger.warning("%s holds events for another server or token: it stays there", path)
            return None
        if not _locks(descriptor):
            return None  # its process lives
        status = os.fstat(descriptor)
        if status.st_nlink == 0:
            return None  # its process has ended meanwhile, and had sent all
        if status.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "It belongs to another user")
        if status.st_size < len(self._head):
            path.unlink(missing_ok=True)  # its process was killed before the first line
            return None
        return SpoolFile(descriptor, path, start=len(self._head), end=end_of_lines(descriptor))


def _remove_new(path: Path) -> None:
    """Remove a file that was to replace another one, if its process is dead."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | OWN)
        if _locks(descriptor):
            path.unlink()
        os.close(descriptor)


def _locks(descriptor: int) -> bool:
    """Take the lock of a file. Return False if another process has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
