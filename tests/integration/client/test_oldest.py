"""The client works with the oldest Python and the oldest packages that it says it does."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.frameworks import OF_CLIENT, python_with
from tests.support.patience import PATIENCE
from tests.support.server import CHECKOUT

VERSION = "3.10"
NAMES = ("breaking", "context", "held_back", "ids", "json", "requests", "retrying", "spool", "types")
FILES = [f"tests/unit/client/test_{name}.py" for name in NAMES]
"""Tests that need nothing but the client."""
CONTRACT = [
    f"tests/integration/client/test_{name}.py" for name in ("consuming_everywhere", "leases_everywhere", "projecting")
]
OF_FAKE = ["-p", "tests.integration.client.conftest", "-k", "fake and not asyncio"]
"""Those of them that do without a server. (The test double for asyncio needs Python 3.11.)"""
OPTIONS: list[str | Path] = [
    *("-q", "-W", "error", "-p", "no:cacheprovider", "--import-mode=importlib", "--noconftest"),
    *("-c", os.devnull, "--rootdir", CHECKOUT, "-o", "asyncio_mode=auto"),
    *("-o", "asyncio_default_fixture_loop_scope=function"),
]


def interpreter() -> str:
    name = f"python{VERSION}"
    of_pyenv = sorted(Path.home().glob(f".pyenv/versions/{VERSION}.*/bin/{name}"))
    for place in [shutil.which(name), *map(str, of_pyenv)]:
        if place and subprocess.run([place, "-V"], capture_output=True, check=False).returncode == 0:
            return place
    pytest.skip(f"there is no {name} here")


@pytest.mark.processes
def test_the_oldest_python_and_packages_do(tmp_path: Path) -> None:
    oldest = tuple(package.replace(">=", "==") for package in OF_CLIENT)
    tools = ("opentelemetry-api", "pytest>=9", "pytest-asyncio>=1.5")
    python = python_with(tmp_path / "python", *tools, of_client=oldest, interpreter=interpreter())
    environment = {**os.environ, "PYTHONPATH": f"{CHECKOUT}{os.pathsep}{CHECKOUT / 'client'}"}
    for tests in (FILES, [*OF_FAKE, *CONTRACT]):
        command = [python, "-m", "pytest", *OPTIONS, *tests]
        run = subprocess.run(
            command, cwd=CHECKOUT, env=environment, timeout=PATIENCE, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout
        assert " passed" in run.stdout
        assert "skipped" not in run.stdout
