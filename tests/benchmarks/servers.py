"""Servers as processes of their own; uvicorn runs all of them as `manage.py serve` does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from types import TracebackType
from typing import Self

from tests.benchmarks import machine
from tests.support.patience import PATIENCE
from tests.support.processes import die_with_parent
from tests.support.server import CHECKOUT, free_port

_PROTOCOL = "eventsite.http_protocol:Protocol"
_OPTIONS = ("--http", _PROTOCOL, "--lifespan", "on", "--no-access-log", "--no-server-header", "--log-level", "warning")


class Server:
    """One application on a port of 127.0.0.1, on the run's database."""

    def __init__(self, application: str, *, log_id: int, **environment: str) -> None:
        self.port = free_port()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", application, "--port", str(self.port), *_OPTIONS],
            cwd=CHECKOUT,
            env={**os.environ, "BENCHMARK_LOG": str(log_id), **environment},
            preexec_fn=die_with_parent(),
        )

    def __enter__(self) -> Self:
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, "the server ended; what it said stands above"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def cpu_seconds(self) -> float:
        return machine.cpu_seconds(self.pid)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True
