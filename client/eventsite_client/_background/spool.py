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
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from eventsite_client._background.look_back import SUFFIX, LookBack
from eventsite_client._background.spool_file import HELD_BACK, OWN, SpoolFile, release, write
from eventsite_client._core.bulk import LineError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger("eventsite_client")

SPOOL_BYTES = 2**30
FILE_BYTES = 2**24
"""The size at which another file is begun, so that the disk gets those back that are done with."""
_REFUSED = "refused.jsonl"
_REFUSED_BEFORE = "refused-"


class Spool:
    """The files of one folder that are for one server and one token."""

    def __init__(self, path: str | os.PathLike[str], *, url: str, token: str, most_bytes: int | None = None) -> None:
        if fcntl is None:
            raise OSError(errno.ENOSYS, "This system has no locks of files, which a spool needs")
        self._folder = Path(path)
        self.most_bytes = SPOOL_BYTES if most_bytes is None else most_bytes
        """The bound of what waits in the files of this process, and that of all refused events."""
        # A file must not go to another log. The token itself stays out of it.
        self._head = msgspec.json.encode({"url": url, "token": hashlib.sha256(token.encode()).hexdigest()[:16]}) + b"\n"

    def create(self, *, held_back: bool = False) -> SpoolFile:
        """Return a new file of this process, for lines as they come, or for those that the server does not take yet.

        Raises:
            OSError: the folder can't be written to, or others may write to it.
        """
        self._check_folder()
        while True:
            name = f"{time.time_ns():020}-{os.getpid()}-{os.urandom(4).hex()}{SUFFIX}"
            path = self._folder / (HELD_BACK + name if held_back else name)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | OWN, 0o600)
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

    def look_back(self) -> LookBack | None:
        """Return the files that dead processes left; None while another process has them."""
        return LookBack.begin(self._folder, self._head)

    def set_aside(self, refusals: Iterable[tuple[bytes, LineError]]) -> Path:
        """Keep lines that the server refuses, each with the reason: all of them, or none.

        Raises:
            OSError: they can't be kept.
        """
        path = self._folder / _REFUSED
        text = b"".join(_kept(line, error) for line, error in refusals)
        while True:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | OWN, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                size = os.fstat(descriptor).st_size
                with suppress(FileNotFoundError):
                    if not os.path.samestat(os.fstat(descriptor), os.lstat(path)):
                        continue  # another process has begun a new file meanwhile
                    if size and size + len(text) > min(FILE_BYTES, self.most_bytes // 2):
                        path.replace(self._folder / f"{_REFUSED_BEFORE}{time.time_ns():020}.jsonl")
                        continue
                    write(descriptor, text, at=size, path=path)
                    self._bound_refused(size + len(text))
                    return path
            finally:
                release(descriptor)

    def _bound_refused(self, size: int) -> None:
        """Remove the oldest files of refused lines, if they and the newest one, of a size, are more than the bound."""
        for path in sorted(self._folder.glob(f"{_REFUSED_BEFORE}*.jsonl"), reverse=True):
            with suppress(FileNotFoundError):  # another process has removed it meanwhile
                size += path.stat().st_size
                if size > self.most_bytes:
                    path.unlink()
                    text = "%s is removed, and its events are lost: refused events take more than %d bytes"
                    logger.error(text, path, self.most_bytes)


def _kept(line: bytes, error: LineError) -> bytes:
    refusal = msgspec.json.encode({"code": error.code, "detail": error.detail})
    return b'{"refusal":%b,"line":%b}\n' % (refusal, msgspec.json.encode(line.decode("utf-8", "replace")))
