"""A throw-away Postgres for the tests: it syncs nothing to disk, and is removed when the tests end.

The programs are the embedded ones, or those in the directory that EVENTSITE_TEST_POSTGRES names (Debian's, for
example).
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from psycopg import pq
from psycopg.conninfo import make_conninfo

from eventsite.embedded_postgres import cluster
from eventsite.server_user import ServerUser
from tests.support.processes import die_with_parent

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "timezone": "UTC",
}
_STOCK_LOCALE = ("--encoding=UTF8", "--locale=C.UTF-8")
"""The locale of the operating system: before version 17 Postgres has none of its own."""


class Postgres:
    """A cluster that is initialised, but not yet started."""

    def __init__(self, settings: Mapping[str, str] = SETTINGS) -> None:
        self._settings = dict(settings)
        self._user = ServerUser.for_new_data()
        self.home = Path(tempfile.mkdtemp(prefix="eventsite-tests-"))
        self._data = self.home / "data"
        self._data.mkdir(mode=0o700)
        for directory in (self.home, self._data):
            self._user.own(directory)
        self._programs = Path(stock) if (stock := os.environ.get("EVENTSITE_TEST_POSTGRES")) else None
        locale = _STOCK_LOCALE if self._programs else cluster.LOCALE
        cluster.initdb(self._data, self._user, "--no-sync", locale=locale, programs=self._programs)
        cluster.allow(self._data, self._user)
        self.conninfo = make_conninfo(host=str(self.home), user="postgres", dbname="postgres")

    def start(self) -> None:
        """Start the server; return when it answers."""
        command = cluster.server_command(
            self._data, self.home, self._user, settings=self._settings, programs=self._programs
        )
        with (self.home / "log").open("ab") as log:
            self._server = subprocess.Popen(
                command, stdout=log, stderr=log, preexec_fn=die_with_parent(signal.SIGQUIT), **self._user.popen()
            )
        while pq.PGconn.ping(self.conninfo.encode()) != pq.Ping.OK:
            if self._server.poll() is not None:
                raise RuntimeError(f"The tests' Postgres did not start:\n{(self.home / 'log').read_text()}")
            time.sleep(0.02)

    def stop(self, signal_number: signal.Signals) -> None:
        """SIGINT ends all sessions and stops; SIGQUIT stops at once, as a crash does."""
        self._server.send_signal(signal_number)
        self._server.wait()

    def remove(self) -> None:
        if self._server.poll() is None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.home, ignore_errors=True)


def start(settings: Mapping[str, str] = SETTINGS) -> str:
    """Start a server that lives as long as this process; return its conninfo."""
    postgres = Postgres(settings)
    postgres.start()
    atexit.register(postgres.remove)
    return postgres.conninfo
