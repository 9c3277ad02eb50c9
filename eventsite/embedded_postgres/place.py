"""The place of a cluster's files and of its socket."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from eventsite.data_dir import DataDir
from eventsite.embedded_postgres.binaries import SHARED, say
from eventsite.server_user import ServerUser

SOCKET_PATH_MAX = 103
"""The length in bytes of a socket's path that every platform takes: macOS has 104 with the end mark, Linux 108."""


@dataclass(frozen=True)
class Place:
    """The place of a cluster. `link`, in the data directory, is the cluster, or a link to its other place."""

    link: Path
    user: ServerUser

    @classmethod
    def of(cls, data_dir: DataDir) -> Place:
        return cls(data_dir.path / "postgres", data_dir.user)

    @property
    def data(self) -> Path:
        return self.link.resolve()

    @property
    def socket(self) -> Path:
        """The directory of the socket, as the last start chose it."""
        return self._socket_link.resolve()

    @property
    def _socket_link(self) -> Path:
        return self.data.parent / "socket"

    def settle(self) -> None:
        """Ensure that the server's user can reach the cluster's place, and that its socket is private."""
        if not self.user.is_me and not self.link.is_symlink() and not self.user.reaches(self.link.parent):
            self._move_out()
        self._verify()
        if not is_private(self.socket, self.user):
            self._make_socket_dir()

    def _move_out(self) -> None:
        home = SHARED / hashlib.sha256(os.fsencode(self.link)).hexdigest()[:16]
        say(f"The user {self.user.name}, who runs Postgres for root, can't reach {self.link}: its place is {home}.")
        home.mkdir(parents=True, exist_ok=True, mode=0o755)
        if self.link.exists():
            shutil.move(self.link, home / "postgres")
        self.link.symlink_to(home / "postgres")

    def _verify(self) -> None:
        """Refuse links that the server's user may have planted: root writes into these directories."""
        if self.link.is_symlink() and SHARED not in self.data.parents:
            raise PermissionError(f"{self.link} leads to {self.data}, which is not below {SHARED}.")
        if self.data.exists() and self.data.stat().st_uid != self.user.uid:
            raise PermissionError(f"{self.data} does not belong to the user {self.user.name}, who runs Postgres here.")

    def _make_socket_dir(self) -> None:
        link = self._socket_link
        if link.is_symlink():
            link.unlink()
        if fits(link):
            link.mkdir(mode=0o700, exist_ok=True)
            directory = link
        else:
            directory = Path(tempfile.mkdtemp(prefix="eventsite-", dir=short_directory()))
            link.symlink_to(directory)
        self.user.own(directory)
        directory.chmod(0o700)

    def drop_socket_dir(self) -> None:
        """Remove the socket's directory from the shared temporary directory, after the server stopped."""
        if self._socket_link.is_symlink():
            shutil.rmtree(self.socket, ignore_errors=True)
            self._socket_link.unlink()


def fits(directory: Path) -> bool:
    return len(os.fsencode(directory / ".s.PGSQL.5432")) <= SOCKET_PATH_MAX


def short_directory() -> str:
    """Return a directory for temporary files whose path leaves room for a socket's."""
    for parent in ("/tmp", "/var/tmp", tempfile.gettempdir()):  # noqa: S108 - mkdtemp makes it new and 0700
        if os.access(parent, os.W_OK) and fits(Path(parent, "eventsite-12345678")):
            return parent
    raise OSError(
        "No directory for a socket: let /tmp or /var/tmp be written to, or make the data directory's path shorter."
    )


def is_private(directory: Path, user: ServerUser) -> bool:
    """Whether the path is a directory, not a link, that belongs to this user and is closed to all others."""
    try:
        status = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == user.uid and stat.S_IMODE(status.st_mode) == 0o700
