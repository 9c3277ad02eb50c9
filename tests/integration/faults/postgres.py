"""A Postgres of the test's own, to stop and to start under load."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from psycopg import pq
from psycopg.conninfo import make_conninfo

from eventsite.embedded_postgres.cluster import allow, initdb, server_command
from eventsite.server_user import ServerUser
from tests.support.cluster import SETTINGS
from tests.support.processes import die_with_parent


class Postgres:
    def __init__(self) -> None:
        self._user = ServerUser.for_new_data()
        self._home = Path(tempfile.mkdtemp(prefix="eventsite-own-"))
        self._data = self._home / "data"
        self._data.mkdir(mode=0o700)
        for directory in (self._home, self._data):
            self._user.own(directory)
        initdb(self._data, self._user, "--no-sync")
        allow(self._data, self._user)
        self.conninfo = make_conninfo(host=str(self._home), user="postgres", dbname="postgres")

    def start(self) -> None:
        # A crash of the server loses nothing that the kernel has: what is answered must be written by then.
        settings = {**SETTINGS, "synchronous_commit": "on"}
        with (self._home / "log").open("ab") as log:
            self._server = subprocess.Popen(
                server_command(self._data, self._home, self._user, settings=settings),
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(signal.SIGQUIT),
                **self._user.popen(),
            )
        while pq.PGconn.ping(self.conninfo.encode()) != pq.Ping.OK:
            assert self._server.poll() is None, (self._home / "log").read_text()
            time.sleep(0.01)

    def stop(self, how: signal.Signals) -> None:
        """SIGINT ends all sessions and stops; SIGQUIT stops at once, as a crash does."""
        self._server.send_signal(how)
        self._server.wait()

    def remove(self) -> None:
        if self._server.poll() is None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self._home, ignore_errors=True)
