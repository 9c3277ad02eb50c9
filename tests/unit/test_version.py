"""The version is written in one place."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from tests.support.server import CHECKOUT


@pytest.mark.parametrize("word", ["version", "--version"])
def test_the_command_line_says_the_version_of_the_project(word: str) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    answer = subprocess.run(
        [sys.executable, "manage.py", word], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert answer.stdout == f"{project['version']}\n"
