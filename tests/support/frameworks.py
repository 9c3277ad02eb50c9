"""Programs that use a framework of agents, each in an environment of its own: the frameworks contradict each other."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE
from tests.support.server import CHECKOUT

PROGRAMS = CHECKOUT / "tests" / "frameworks"
_INSTALL_SECONDS = 180
_UV = str(Path(sys.executable).with_name("uv"))
OF_CLIENT: tuple[str, ...] = tuple(
    tomllib.loads((CHECKOUT / "client" / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
)


def python_with(
    place: Path, *packages: str, of_client: tuple[str, ...] = OF_CLIENT, interpreter: str = sys.executable
) -> Path:
    """Install packages beside what the client needs, and return their interpreter. Without an index, the test skips."""
    python = place / "bin" / "python"
    command = [_UV, "pip", "install", "--quiet", "--python", str(python), *of_client, *packages]
    try:
        subprocess.run([_UV, "venv", "--quiet", "--python", interpreter, place], check=True, timeout=PATIENCE)
        subprocess.run(command, check=True, timeout=_INSTALL_SECONDS, stderr=subprocess.PIPE)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{', '.join(packages)} can't be installed here: {(error.stderr or b'no index answers').decode()}")
    return python


def run(python: Path, program: Path, *arguments: str, url: str, token: str, cwd: Path) -> str:
    """Run a program, and return what it prints. Its warnings are on its own account."""
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OPENAI_", "LANGCHAIN_", "LANGSMITH_"))
        },
        "PYTHONPATH": str(CHECKOUT / "client"),
        "EVENTSITE_URL": url,
        "EVENTSITE_TOKEN": token,
    }
    done = subprocess.run(
        [python, program, *arguments],
        cwd=cwd, env=environment, timeout=PATIENCE, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "events may be missing" not in done.stderr
    return done.stdout.strip()
