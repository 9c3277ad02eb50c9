"""The examples of docs/projections.md for a projection of one's own work as they are written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from projections.definition.upcasting import Chains
from tests.support.server import CHECKOUT, database_variables

_LIST = """
from django.core.management import call_command
from projections import registry
call_command("check")
print(*registry.PROJECTIONS, *(str(each) for each in registry.declared().upcasters), sep="\\n")
"""


def blocks() -> list[str]:
    """The declaration, its test and its upcaster."""
    text = (CHECKOUT / "docs" / "projections.md").read_text().partition("## Built in")[0]
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def shop(place: Path, source: str) -> subprocess.CompletedProcess[str]:
    """Start with an app of that code, and list its projections and upcasters."""
    (place / "shop").mkdir()
    (place / "shop" / "__init__.py").touch()
    (place / "shop" / "projections.py").write_text(source)
    environment = {
        **os.environ,
        **database_variables(),
        "SECRET_KEY": "of-a-test",
        "EVENTSITE_APPS": "shop",
        "PYTHONPATH": str(place),
    }
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", _LIST]
    return subprocess.run(
        command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_example_is_ten_lines_and_its_test_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    declaration, test, upcaster = blocks()
    assert len([line for line in declaration.splitlines() if line]) <= 10
    app: dict[str, Any] = {"__name__": "shop.projections"}
    exec(compile(declaration + upcaster, "shop/projections.py", "exec"), app)
    module = type(sys)("shop.projections")
    vars(module).update(app)
    monkeypatch.setitem(sys.modules, "shop", type(sys)("shop"))
    monkeypatch.setitem(sys.modules, "shop.projections", module)
    names: dict[str, Any] = {}
    exec(compile(test, "test_shop.py", "exec"), names)
    names["test_returns_are_counted_apart"]()
    assert Chains([app["with_quantity"]]).problems() == []


def test_an_apps_projections_and_upcasters_are_found(database: None, tmp_path: Path) -> None:
    declaration, _, upcaster = blocks()
    ended = shop(tmp_path, declaration + upcaster)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert [line in lines for line in ("latest", "sales", "ItemSold v1 → v2")] == [True] * 3


def test_a_name_that_is_taken_refuses_to_start(database: None, tmp_path: Path) -> None:
    ended = shop(tmp_path, blocks()[0].replace('"sales"', '"latest"'))
    assert ended.returncode != 0
    assert "(projections.E001) 2 projections are named latest." in ended.stderr
    assert "HINT: " in ended.stderr
