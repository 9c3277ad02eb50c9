"""`manage.py serve`, which `make run` runs."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

import pytest

from eventsite.data_dir import DataDir
from eventsite.embedded_postgres import Cluster
from tests.support.server import Server, database_variables

pytestmark = pytest.mark.processes


@pytest.fixture
def home() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="eventsite-tests-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def embedded(home: Path) -> Iterator[Server]:
    """A server on an embedded Postgres of its own, not yet started."""
    with Server({"EVENTSITE_DATA_DIR": str(home / "var")}, log=home / "log") as server:
        yield server
    cluster = Cluster(DataDir.at(home / "var"))
    if cluster.is_running:
        cluster.stop()


def is_running(home: Path) -> bool:
    return Cluster(DataDir.at(home / "var")).is_running


def get(url: str, **headers: str) -> HTTPResponse | urllib.error.HTTPError:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
            return response  # type: ignore[no-any-return]
    except urllib.error.HTTPError as error:
        error.close()
        return error


def append_as_printed(server: Server) -> dict[str, object]:
    """Run the printed command; return its answer."""
    command = server.output[server.output.rindex("curl -i") :].split("\n\n")[0]
    url = re.search(r"http\S+", command)
    token = re.search(r"Bearer (\S+?)'", command)
    body = re.search(r"-d '(.*)'", command)
    assert url
    assert token
    assert body
    headers = {"Authorization": f"Bearer {token[1]}", "Content-Type": "application/json"}
    request = urllib.request.Request(url[0], data=body[1].encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status == 201
        assert response.headers["Location"]
        return dict(json.load(response))


def test_the_first_start_sets_everything_up_and_the_next_keeps_it(embedded: Server, home: Path) -> None:
    embedded.start()
    assert append_as_printed(embedded)["last_position"] == 1
    link = re.search(rf"{embedded.url}/sign-in/\S+/", embedded.output)
    assert link
    assert get(link[0]).status == 200
    assert embedded.stop(signal.SIGINT) == 0
    assert not is_running(home)
    embedded.start()
    assert append_as_printed(embedded)["last_position"] == 2
    assert embedded.stop() == 0
    assert not is_running(home)
    assert "Traceback" not in embedded.output


def test_a_killed_server_starts_again_with_everything(embedded: Server) -> None:
    embedded.start()
    assert append_as_printed(embedded)["last_position"] == 1
    embedded.kill()
    embedded.start()
    assert append_as_printed(embedded)["last_position"] == 2


def is_alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""  # the command line of a zombie is empty
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the workers in /proc")
def test_workers_end_with_a_killed_supervisor(server: Server, tmp_path: Path) -> None:
    environment = {**database_variables(), "SECRET_KEY": "of-the-workers"}
    with Server(environment, log=tmp_path / "log", options=("--workers", "2")) as many:
        many.start()
        workers = Path(f"/proc/{many.pid}/task/{many.pid}/children").read_text().split()
        assert len(workers) >= 2
        many.kill()
        deadline = time.monotonic() + 15
        while any(is_alive(pid) for pid in workers):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_several_workers_stop_cleanly(server: Server, tmp_path: Path) -> None:
    environment = {**database_variables(), "SECRET_KEY": "of-the-workers"}
    with Server(environment, log=tmp_path / "log", options=("--workers", "2")) as many:
        many.start()
        assert many.stop() == 0
        assert "Traceback" not in many.output


def test_a_sign_in_link_is_in_no_log_line(server: Server) -> None:
    get(f"{server.url}/sign-in/a-secret-token/")
    get(f"{server.url}/sign-in/a-secret-token/more")
    get(f"{server.url}/api/events", Authorization="Bearer evt_a-secret-token")
    assert "a-secret-token" not in server.output


def test_pages_and_files_are_sent_with_a_strict_policy(server: Server) -> None:
    for path in ("/login/", "/static/css/base.css", "/no-such-page", "/api/docs"):
        headers = get(server.url + path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Server"] is None


@pytest.mark.parametrize("path", ["/login/", "/api/events"])
def test_a_host_that_is_not_ours_is_refused(server: Server, path: str) -> None:
    assert get(server.url + path, Host="elsewhere.example").status == 400


def test_files_are_served_without_a_collectstatic(server: Server) -> None:
    response = get(f"{server.url}/static/css/base.css")
    assert (response.status, response.headers.get_content_type()) == (200, "text/css")
