"""`manage.py serve` as a process of its own: a test asks it, stops it, kills it and starts it again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from django.db import connections
from psycopg.conninfo import make_conninfo

from events.sessions import direct_alias
from tests.support.patience import PATIENCE
from tests.support.processes import die_with_parent

CHECKOUT = Path(__file__).resolve().parents[2]
OWN_VARIABLES = {"DATABASE_URL", "EVENTSITE_POOLER_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"}


class Server:
    """A server on the database that `environment` names, else on an embedded one."""

    def __init__(self, environment: dict[str, str], *, log: Path, options: tuple[str, ...] = ()) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        inherited = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
        self._environment = {**inherited, **environment}

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def output(self) -> str:
        """The output since the first start."""
        return self.log.read_text()

    def start(self) -> None:
        """Start the server unless it runs; return when it answers."""
        if self._process and self._process.poll() is None:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(self.port), *self._options],
                cwd=CHECKOUT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, f"the server ended:\n{self.output}"
            assert time.monotonic() < deadline, f"the server does not answer:\n{self.output}"
            time.sleep(0.05)

    def stop(self, signal_number: signal.Signals = signal.SIGTERM) -> int | None:
        """Send the server a signal; return its exit code."""
        return self._end(signal_number)

    def kill(self) -> int | None:
        return self._end(signal.SIGKILL)

    def _end(self, signal_number: signal.Signals) -> int | None:
        if self._process is None:
            return None
        self._process.send_signal(signal_number)
        return self._process.wait(PATIENCE)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5):
                return True
        except OSError:
            return False


def manage(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a `manage.py` command as a process of its own, without the tests' settings."""
    inherited = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=CHECKOUT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def database_variables() -> dict[str, str]:
    """The environment of another process on the tests' database, through their pooler if they have one."""
    if direct_alias() == "default":
        return {"DATABASE_URL": _conninfo("default")}
    return {"DATABASE_URL": _conninfo(direct_alias()), "EVENTSITE_POOLER_URL": _conninfo("default")}


def _conninfo(alias: str) -> str:
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    database = connections[alias].settings_dict
    return make_conninfo(**{name: str(database[key]) for name, key in names.items() if database[key]})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
