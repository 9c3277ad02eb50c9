"""The machine of a run, and how calm it was."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psycopg

_LIBRARIES = ("django", "django-ninja", "psycopg", "uvicorn", "uvloop", "msgspec", "eventsourcing")


def description() -> str:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        settings = [f"{name} {_show(connection, name)}" for name in ("fsync", "synchronous_commit", "shared_buffers")]
        postgres = _show(connection, "server_version")
    return "\n".join(
        (
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} × {_processor()}, {platform.system()}",
            f"Python {platform.python_version()}, Postgres {postgres} ({', '.join(settings)}), "
            + ", ".join(f"{library} {version(library)}" for library in _LIBRARIES),
            calm(),
        )
    )


def calm() -> str:
    """The load, and the time that others took or stole since the machine started."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg()[:2])
    pressure = Path("/proc/pressure/cpu")
    waited = pressure.read_text().split()[1].partition("=")[2] if pressure.exists() else "unknown"
    return f"load {load}; processes waited for a core in {waited} % of the last 10 s"


def cpu_seconds(pid: int) -> float:
    """The processor time of a process. Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _show(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("select current_setting(%s)", [name]).fetchone()
    return str(row[0]) if row else ""


def _processor() -> str:
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(": ")[2] if names else platform.machine()
