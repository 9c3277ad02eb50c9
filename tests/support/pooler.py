"""A PgBouncer of the tests' own, in transaction mode, as Debian ships it."""

from __future__ import annotations

import atexit
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from eventsite.server_user import ServerUser
from tests.support.processes import die_with_parent

PORT = 6432
PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
SETTINGS = """\
[databases]
* = host={postgres} user=postgres {database}
[pgbouncer]
pool_mode = transaction
unix_socket_dir = {home}
listen_port = {port}
auth_type = any
max_client_conn = 1000
default_pool_size = 20
# Whose turn it is: what a session was left with is met by somebody else at once.
server_round_robin = 1
# While Postgres is away it is asked again at once, not after fifteen seconds.
server_login_retry = 0
ignore_startup_parameters = {ignored}
"""


class Pooler:
    """A pooler before a Postgres.

    `ignored` startup parameters are dropped, others are refused; `database` adds settings.
    """

    def __init__(self, conninfo: str, *, ignored: str = "extra_float_digits", database: str = "") -> None:
        assert PROGRAM, "apt-get install pgbouncer"
        user = ServerUser.for_new_data()
        self._home = Path(tempfile.mkdtemp(prefix="eventsite-pooler-"))
        file = self._home / "pgbouncer.ini"
        postgres = conninfo_to_dict(conninfo)["host"]
        file.write_text(
            SETTINGS.format(postgres=postgres, database=database, home=self._home, port=PORT, ignored=ignored)
        )
        for path in (self._home, file):
            user.own(path)
        self.conninfo = make_conninfo(conninfo, host=str(self._home), port=PORT)
        log = self._home / "log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [PROGRAM, file], stdout=output, stderr=output, preexec_fn=die_with_parent(), **user.popen()
            )
        while pq.PGconn.ping(self.conninfo.encode()) != pq.Ping.OK:
            if self._process.poll() is not None:
                raise RuntimeError(f"The tests' PgBouncer did not start:\n{log.read_text()}")
            time.sleep(0.02)

    def remove(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self._home, ignore_errors=True)


def start(conninfo: str) -> str:
    """Start a pooler that lives as long as this process; return its conninfo."""
    pooler = Pooler(conninfo)
    atexit.register(pooler.remove)
    return pooler.conninfo
