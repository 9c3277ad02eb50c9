"""A throw-away Postgres for the tests: nothing is synced to disk, and it goes when the tests go."""

from __future__ import annotations

import atexit
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


def start(settings: dict[str, str] = SETTINGS) -> str:
    """Start one that lives as long as this process; its conninfo."""
    user = ServerUser.for_new_data()
    home = Path(tempfile.mkdtemp(prefix="eventsite-tests-"))
    data = home / "data"
    data.mkdir(mode=0o700)
    for directory in (home, data):
        user.own(directory)
    initdb(data, user, "--no-sync")
    allow(data, user)
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            server_command(data, home, user, settings=settings),
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent(signal.SIGQUIT),
            **user.popen(),
        )
    atexit.register(stop, server, home)
    conninfo = make_conninfo(host=str(home), user="postgres", dbname="postgres")
    while pq.PGconn.ping(conninfo.encode()) != pq.Ping.OK:
        if server.poll() is not None:
            raise RuntimeError(f"The tests' Postgres did not start:\n{(home / 'log').read_text()}")
        time.sleep(0.02)
    return conninfo


def stop(server: subprocess.Popen[bytes], home: Path) -> None:
    server.send_signal(signal.SIGQUIT)
    server.wait()
    shutil.rmtree(home, ignore_errors=True)
