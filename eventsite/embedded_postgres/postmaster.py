"""The check that a cluster's server lives. Its pid file alone proves nothing, as pids are used again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def postmaster_of(data: Path) -> int | None:
    """Return the pid of the server that runs on `data`, or None."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if b"postgres -D " + os.fsencode(data) + b" " in _command_line(pid) else None


def _command_line(pid: int) -> bytes:
    """Return the command line of a process; it is empty for a zombie, and if there is no such process."""
    if os.path.exists("/proc/self/cmdline"):
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        except OSError:
            return b""
    return subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False).stdout
