"""Who Postgres runs as: whoever we are, except that it refuses root."""

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
    name: str
    uid: int
    gid: int

    @classmethod
    def for_new_data(cls) -> ServerUser:
        """As root, data are nobody's: nobody exists everywhere, and no user need be made."""
        return cls._of(pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid())

    @classmethod
    def for_data_of(cls, uid: int) -> ServerUser:
        """As root, a person's data stay theirs: what root starts once, they can start again."""
        return cls._of(uid) if os.geteuid() == 0 and uid != 0 else cls.for_new_data()

    @classmethod
    def _of(cls, uid: int) -> ServerUser:
        try:
            found = pwd.getpwuid(uid)
        except KeyError:
            raise OSError(
                f"User id {uid} has no name on this machine, and Postgres does not run without one. "
                "Add the user, or set DATABASE_URL to a Postgres of your own."
            ) from None
        return cls(found.pw_name, found.pw_uid, found.pw_gid)

    @property
    def is_me(self) -> bool:
        return self.uid == os.geteuid()

    def own(self, target: Path | int) -> None:
        """Hand over a file that we made."""
        if not self.is_me:
            os.chown(target, self.uid, self.gid)

    def popen(self) -> dict[str, Any]:
        """Arguments of `subprocess` to run something as this user, out of the reach of our terminal's Ctrl-C."""
        change = {} if self.is_me else {"user": self.uid, "group": self.gid, "extra_groups": []}
        return {**change, "cwd": "/", "env": ENVIRONMENT, "stdin": subprocess.DEVNULL, "start_new_session": True}

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, check=False, **self.popen())

    def can(self, *command: str | Path) -> bool:
        """Whether a command works as this user. False, too, where it can't be reached."""
        try:
            return self.run(*command).returncode == 0
        except OSError:
            return False

    def reaches(self, directory: Path) -> bool:
        return self.can("/bin/sh", "-c", 'cd "$1"', "sh", directory)
