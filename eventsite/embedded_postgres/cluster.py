"""The embedded cluster, which can be created, started, adopted and stopped.

Callers hold the start lock (`lifetime`).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from psycopg import pq
from psycopg.conninfo import make_conninfo

from eventsite.data_dir import DataDir
from eventsite.embedded_postgres import binaries
from eventsite.embedded_postgres.place import Place
from eventsite.embedded_postgres.postmaster import postmaster_of
from eventsite.server_user import ServerUser

SETTINGS = {"listen_addresses": "", "max_connections": "100", "shared_buffers": "128MB", "timezone": "UTC"}
LOCALE = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
IN_USE = "pre-existing shared memory block"
"""The message of Postgres while processes of a killed server still live. They end within moments."""
PATIENCE_SECONDS = 600.0
"""The time that a start may take: after a crash Postgres first replays its write-ahead log."""


class EmbeddedPostgresError(Exception):
    """The embedded Postgres can't be used; the message says why and what to do."""


class Cluster:
    def __init__(self, data_dir: DataDir) -> None:
        self._place = Place.of(data_dir)
        self._user = data_dir.user
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def conninfo(self) -> str:
        return make_conninfo(host=str(self._place.socket), port=5432, user="postgres", dbname="postgres")

    @property
    def is_running(self) -> bool:
        if self._child:
            self._child.poll()  # a killed child stays a zombie until its parent polls it
        return postmaster_of(self._place.data) is not None

    def start(self) -> None:
        """Create the cluster if it is new, start it if it is stopped, adopt it if it runs; return when it answers."""
        try:
            if not self.is_running:
                self._place.settle()
                self._make()
                self._launch()
            self._wait()
        except OSError as error:
            raise EmbeddedPostgresError(f"{error}{_hint(str(error))}") from error

    def stop(self) -> None:
        """Stop the server, with all its connections; return when it has ended. No acknowledged write is lost."""
        deadline = time.monotonic() + 30
        number = signal.SIGINT  # a fast shutdown; SIGQUIT leaves without a checkpoint
        while pid := postmaster_of(self._place.data):
            os.kill(pid, number)
            while time.monotonic() < deadline and self.is_running:
                time.sleep(0.02)
            deadline, number = deadline + 10, signal.SIGQUIT
        if self._child:
            self._child.wait()
        self._place.drop_socket_dir()

    def _make(self) -> None:
        data = self._place.data
        for draft in data.parent.glob(".postgres-*"):
            shutil.rmtree(draft)  # the draft of an initdb that was killed
        if not (data / "PG_VERSION").exists():
            draft = Path(tempfile.mkdtemp(dir=data.parent, prefix=".postgres-"))
            self._user.own(draft)
            initdb(draft, self._user)
            os.rename(draft, data)
        allow(data, self._user)

    def _launch(self) -> None:
        data = self._place.data
        # The pid in this file may belong to another process by now, which Postgres would take for a server.
        (data / "postmaster.pid").unlink(missing_ok=True)
        for leftover in self._place.socket.glob(".s.PGSQL.5432*"):
            leftover.unlink()
        path = data / "server.log"
        if path.exists():
            os.replace(path, data / "server.log.1")  # the last messages of the earlier server are worth keeping
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            self._user.own(log)
            command = server_command(data, self._place.socket, self._user, settings=SETTINGS)
            self._child = subprocess.Popen(command, stdout=log, stderr=log, **self._user.popen())
        finally:
            os.close(log)

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while pq.PGconn.ping(self.conninfo.encode()) != pq.Ping.OK:
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(self._failure(f"did not answer within {PATIENCE_SECONDS:.0f} seconds"))
            if not self._lives:
                if self._child and IN_USE not in self._log:
                    raise EmbeddedPostgresError(self._failure("did not start"))
                self._launch()
            time.sleep(0.02)

    @property
    def _lives(self) -> bool:
        """Whether a server runs, or was started here and has not written its pid file yet."""
        return self.is_running or (self._child is not None and self._child.returncode is None)

    @property
    def _log(self) -> str:
        path = self._place.data / "server.log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""

    def _failure(self, problem: str) -> str:
        log = self._log
        return f"Postgres {problem}. The end of {self._place.data / 'server.log'}:\n{log}{_hint(log)}"


def initdb(
    data: Path, user: ServerUser, *options: str, locale: Sequence[str] = LOCALE, programs: Path | None = None
) -> None:
    """Create a cluster's files in the empty directory `data`; by default `programs` are the embedded ones."""
    program = (programs or binaries.reachable(user)) / "initdb"
    result = user.run(program, "-D", data, "-U", "postgres", "--auth=peer", *locale, *options)
    if result.returncode:
        raise EmbeddedPostgresError(f"initdb failed:\n{result.stderr}{_hint(result.stderr)}")


def allow(data: Path, user: ServerUser) -> None:
    """Allow connections of the user that the server runs as, and of root: no other user, password or network."""
    _write(data / "pg_hba.conf", "local all postgres peer map=eventsite\n", user)
    names = dict.fromkeys([user.name, "root"])
    _write(data / "pg_ident.conf", "".join(f'eventsite "{name}" postgres\n' for name in names), user)


def server_command(
    data: Path, socket: Path, user: ServerUser, *, settings: dict[str, str], programs: Path | None = None
) -> list[str | Path]:
    socket_settings = {"unix_socket_directories": str(socket), "unix_socket_permissions": "0700"}
    options = [part for name, value in {**settings, **socket_settings}.items() for part in ("-c", f"{name}={value}")]
    return [(programs or binaries.reachable(user)) / "postgres", "-D", data, *options]


def _write(path: Path, text: str, user: ServerUser) -> None:
    fd, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(fd, "w") as file:
        file.write(text)
        user.own(file.fileno())
    os.replace(draft, path)


def _hint(text: str) -> str:
    if "No space left" in text:
        return "\nThe disk is full. Free some space, or set EVENTSITE_DATA_DIR to a directory on another disk."
    return ""
