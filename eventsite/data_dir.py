"""The data directory of an installation, with the embedded cluster, its locks and the secret key.

Its mode is 0700. For root it belongs to the user that runs Postgres, who must pass through it. That user could replace
files in it, so they are opened without following links, and written beside their place and then renamed.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from eventsite.env import Env
from eventsite.server_user import ServerUser


@dataclass(frozen=True)
class DataDir:
    """The data directory, and the user that owns its files."""

    path: Path
    user: ServerUser

    @classmethod
    def configured(cls) -> DataDir:
        """Return the directory that EVENTSITE_DATA_DIR names; by default `var` in the checkout."""
        return cls.at(Path(Env().text("EVENTSITE_DATA_DIR") or Path(__file__).resolve().parent.parent / "var"))

    @classmethod
    def at(cls, path: Path) -> DataDir:
        """Return the directory at `path`. It is created if it is missing; an existing one keeps its owner and mode."""
        path = path.absolute()
        if not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(mode=0o700, exist_ok=True)
            ServerUser.for_new_data().own(path)
        return cls(path, ServerUser.for_data_of(path.stat().st_uid))

    def open(self, name: str) -> int:
        """Return a descriptor of a private file, for locks. The file is created if it is missing."""
        fd = os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self.user.own(fd)
        return fd

    def secret_key(self) -> str:
        """Return Django's SECRET_KEY of this installation. It never changes, and only its owner can read it."""
        path = self.path / "secret_key"
        if not path.exists():
            self._make_secret_key(path)
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)) as file:
            return file.read().strip()

    def _make_secret_key(self, path: Path) -> None:
        fd, draft = tempfile.mkstemp(dir=self.path, prefix=".secret_key-")
        try:
            with os.fdopen(fd, "w") as file:
                file.write(secrets.token_urlsafe(48))
                file.flush()
                os.fsync(file.fileno())
                self.user.own(file.fileno())
            os.link(draft, path)  # fails if another process was first: then that key counts
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
