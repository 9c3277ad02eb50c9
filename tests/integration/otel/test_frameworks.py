"""The lines of docs/connect.md, in order, against the real packages: a run appears."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from events.access.tokens import create_token
from events.models import Event, Log, OtelTrace, Scope
from events.otel import reads, worker
from tests.support.examples import blocks_in, section_of
from tests.support.patience import PATIENCE
from tests.support.server import Server

UV = Path(sys.executable).with_name("uv")
RUNS = {
    "LangGraph by OpenTelemetry": (
        "langgraph langchain",
        {("workflow.finished", "dispatcher"), ("task.delegated", "dispatcher"), ("tool.failed", "router")},
        "Order 1004 waits for a van.",
    ),
    "pydantic-ai by OpenTelemetry": (
        "pydantic-ai-slim",
        {("model.replied", "router"), ("tool.returned", "router"), ("workflow.finished", "router")},
        "a van is reserved for",
    ),
}
"""By framework: the packages of the script, some of the events, and a part of what the run says."""


@pytest.fixture
def mapping() -> Iterator[None]:
    """The worker that maps what is held, in a thread."""
    stop_event = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop_event,))
    thread.start()
    yield
    stop_event.set()
    thread.join()


@pytest.fixture
def token(log: Log) -> str:
    return create_token(log, name="docs", scopes=[Scope.APPEND])


def install(folder: Path, packages: str) -> None:
    """Install packages in a new environment; skip the test if they can't be had here."""
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True, timeout=60)
    command = [str(UV), "pip", "install", "--quiet", "--python", f"{folder}/bin/python", *shlex.split(packages)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    if run.returncode:
        reason = f"the packages can't be installed here: {run.stderr.strip()[-300:]}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.mark.usefixtures("mapping")
@pytest.mark.parametrize("framework", RUNS)
def test_a_run_appears(server: Server, log: Log, token: str, framework: str, tmp_path: Path) -> None:
    packages, expected, said = RUNS[framework]
    section = section_of("docs/connect.md", framework)
    script, *_ = blocks_in(section, "python")
    (tmp_path / "my_agents.py").write_text(script)
    lines = "\n".join(blocks_in(section, "sh")).replace("http://127.0.0.1:8000", server.url).splitlines()
    installs = [line.removeprefix("pip install ") for line in lines if line.startswith("pip install ")]
    install(tmp_path / "venv", " ".join([packages, *installs]))
    environment = {
        "PATH": f"{tmp_path / 'venv/bin'}:{os.environ['PATH']}",
        "EVENTSITE_TOKEN": token,
        "HOME": str(tmp_path),
    }
    commands = "\n".join(line for line in lines if not line.startswith("pip install "))
    run = subprocess.run(
        ["bash", "-euc", commands],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    reads.map_now(log.pk, list(OtelTrace.objects.filter(log=log).values_list("trace_id", flat=True)))
    deadline = time.monotonic() + PATIENCE
    while not expected <= set(Event.objects.filter(log=log).values_list("type", "agent")):
        assert time.monotonic() < deadline, run.stderr
        time.sleep(0.1)
    assert said in "".join(str(data) for data in Event.objects.filter(log=log).values_list("data", flat=True))
