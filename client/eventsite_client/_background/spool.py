"""A folder of files with lines that wait to be sent, which outlives its processes.

A file belongs to one process, which holds its lock for as long as it lives. A file whose lock is free is that of a dead
process. A line is in the file, and is whole, before `put()` returns: so a `kill -9` of the process does not lose it. (A
power failure may.)
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from eventsite_client._background.spool_file import SpoolFile, end_of_lines, write
from eventsite_client._core.bulk import LineError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger("eventsite_client")

_SUFFIX = ".ndjson"
_HELD_BACK = "held-back-"
_REFUSED = "refused.jsonl"
_REFUSED_BEFORE = "refused.1.jsonl"
_REFUSED_BYTES = 2**24
"""The size at which `refused.jsonl` takes the place of `refused.1.jsonl`, and begins anew."""
_HEAD_BYTES = 2**16
_OWN = os.O_NOFOLLOW if hasattr(os, "O_NOFOLLOW") else 0


class Spool:
    """The files of one folder that are for one server and one token."""

    def __init__(self, path: str | os.PathLike[str], *, url: str, token: str) -> None:
        if fcntl is None:
            raise OSError(errno.ENOSYS, "This system has no locks of files, which a spool needs")
        self._folder = Path(path)
        # A file must not go to another log. The token itself stays out of it.
        self._head = msgspec.json.encode({"url": url, "token": hashlib.sha256(token.encode()).hexdigest()[:16]}) + b"\n"

    def create(self, *, held_back: bool = False) -> SpoolFile:
        """Return a new file of this process, for lines as they come, or for those that the server does not take yet.

        Raises:
            OSError: the folder can't be written to, or others may write to it.
        """
        self._check_folder()
        while True:
            name = f"{time.time_ns():020}-{os.getpid()}-{os.urandom(4).hex()}{_SUFFIX}"
            path = self._folder / (_HELD_BACK + name if held_back else name)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | _OWN, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.fstat(descriptor).st_nlink:
                    write(descriptor, self._head, at=0, path=path)
                    return SpoolFile(descriptor, path, start=len(self._head), end=len(self._head))
            except BaseException:
                path.unlink(missing_ok=True)
                os.close(descriptor)
                raise
            os.close(descriptor)  # before its lock was held, another process took it for a dead one's, and removed it

    def _check_folder(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = self._folder.stat()
        if status.st_uid != os.geteuid() or status.st_mode & stat.S_IWOTH:
            reason = "The spool belongs to another user, or everybody may write to it: name a folder inside it"
            raise PermissionError(errno.EPERM, reason, str(self._folder))

    def left_behind(self) -> Iterator[SpoolFile]:
        """Yield the files that dead processes left, each once among all processes, the oldest lines first."""
        paths = self._folder.glob(f"*{_SUFFIX}")
        for path in sorted(paths, key=lambda path: (not path.name.startswith(_HELD_BACK), path.name)):
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
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NONBLOCK | _OWN)
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
        status = os.fstat(descriptor)
        if status.st_nlink == 0:
            return None  # another process has sent it meanwhile
        if status.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "It belongs to another user")
        begin = os.pread(descriptor, _HEAD_BYTES, 0)
        if b"\n" not in begin and status.st_size < _HEAD_BYTES:
            path.unlink(missing_ok=True)  # its process was killed before the first line
            return None
        if not begin.startswith(self._head):
            logger.warning("%s holds events for another server or token: it stays there", path)
            return None
        return SpoolFile(descriptor, path, start=len(self._head), end=end_of_lines(descriptor))

    def set_aside(self, refused: Iterable[tuple[bytes, LineError]]) -> Path:
        """Keep lines that the server refuses, each with the reason: all of them, or none.

        Raises:
            OSError: they can't be kept.
        """
        path = self._folder / _REFUSED
        kept = b"".join(_kept(line, error) for line, error in refused)
        while True:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _OWN, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                size = os.fstat(descriptor).st_size
                with suppress(FileNotFoundError):
                    if not os.path.samestat(os.fstat(descriptor), os.lstat(path)):
                        continue  # another process has begun a new file meanwhile
                    if size and size + len(kept) > _REFUSED_BYTES:
                        path.replace(self._folder / _REFUSED_BEFORE)
                        continue
                    write(descriptor, kept, at=size, path=path)
                    return path
            finally:
                os.close(descriptor)


def _kept(line: bytes, error: LineError) -> bytes:
    refusal = msgspec.json.encode({"code": error.code, "detail": error.detail})
    return b'{"refusal":%b,"line":%b}\n' % (refusal, msgspec.json.encode(line.decode("utf-8", "replace")))
