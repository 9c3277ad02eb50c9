"""The operating system's user that Postgres runs as: the current one, but not root, which Postgres refuses."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}


@dataclass(frozen=True)
class ServerUser:
    """The user that Postgres runs as."""

    name: str
    uid: int
    gid: int

    @classmethod
    def for_new_data(cls) -> ServerUser:
        """Return the user for new data. For root that is `nobody`, which exists everywhere."""
        return cls._of(pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid())

    @classmethod
    def for_data_of(cls, uid: int) -> ServerUser:
        """Return the user for existing data. For root that is the owner, who can then start Postgres too."""
        return cls._of(uid) if os.geteuid() == 0 and uid != 0 else cls.for_new_data()

    @classmethod
    def _of(cls, uid: int) -> ServerUser:
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            raise OSError(
                f"User id {uid} has no name on this machine, and Postgres does not run without one. "
                "Add the user, or set DATABASE_URL to a Postgres of your own."
            ) from None
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)

    @property
    def is_me(self) -> bool:
        return self.uid == os.geteuid()

    def own(self, target: Path | int) -> None:
        """Give a new file to this user."""
        if not self.is_me:
            os.chown(target, self.uid, self.gid)

    def popen(self) -> dict[str, Any]:
        """Return the arguments of `subprocess` that run a command as this user, without the terminal's Ctrl-C."""
        change = {} if self.is_me else {"user": self.uid, "group": self.gid, "extra_groups": []}
        return {**change, "cwd": "/", "env": ENVIRONMENT, "stdin": subprocess.DEVNULL, "start_new_session": True}

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, check=False, **self.popen())

    def can(self, *command: str | Path) -> bool:
        """Whether a command works as this user. It is False, too, if the command can't be reached."""
        try:
            return self.run(*command).returncode == 0
        except OSError:
            return False

    def reaches(self, directory: Path) -> bool:
        return self.can("/bin/sh", "-c", 'cd "$1"', "sh", directory)
