"""Pytest cases that were copied from a replay."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.server import CHECKOUT


def passes(source: str, folder: Path) -> bool:
    """Whether a new pytest process finds exactly one test in `source`, and the test passes."""
    (folder / "test_copied.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null"]
    process = subprocess.run(
        [*command, f"--rootdir={folder}", "--import-mode=importlib", folder / "test_copied.py"],
        cwd=CHECKOUT,
        env={"PYTHONPATH": ".", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return "1 passed" in process.stdout
