"""Processes of agents on one log (`log_agents.py`, `log_consumers.py`), started and led by a test."""

from __future__ import annotations

import os
import subprocess
import sys

from events.models import Log
from tests.support.processes import die_with_parent
from tests.support.server import CHECKOUT, database_variables


def start_agents(task: str, log: Log, name: str, count: int, *, module: str = "log_agents") -> subprocess.Popen[str]:
    """Start a process of agents. It says `ready`, and begins when it is told to go."""
    environment = {**os.environ, **database_variables(), "DJANGO_SETTINGS_MODULE": "eventsite.settings"}
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.support.{module}", task, str(log.pk), name, str(count)],
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=die_with_parent(),
        text=True,
    )


def say_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    """The next line that a process prints."""
    assert process.stdout
    return process.stdout.readline().rstrip("\n")
