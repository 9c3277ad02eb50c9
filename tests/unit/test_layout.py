"""Tests share code through `tests/support` only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import CHECKOUT

TESTS = CHECKOUT / "tests"
FOLDERS = ("browser", "integration", "unit")


def modules_named(file: Path) -> Iterator[str]:
    """The modules that a file imports, each with the name that it imports from it, wherever in the file."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("folder", [*FOLDERS, "support"])
def test_no_module_imports_from_the_folders_of_tests(folder: str) -> None:
    files = list((TESTS / folder).rglob("*.py"))
    assert len(files) > 10
    imports = [(str(file.relative_to(TESTS)), name) for file in files for name in modules_named(file)]
    assert [each for each in imports if each[1].startswith(tuple(f"tests.{name}." for name in FOLDERS))] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_folders_of_tests_hold_tests_and_fixtures_only(folder: str) -> None:
    names = {file.name for file in (TESTS / folder).rglob("*.py")} - {"__init__.py", "conftest.py"}
    assert [name for name in sorted(names) if not name.startswith("test_")] == []
