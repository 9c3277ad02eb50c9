"""The version of Eventsite. It stands in one place, `pyproject.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

_PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


@cache
def version() -> str:
    """Return the version, such as `0.1.0`."""
    with _PYPROJECT.open("rb") as file:
        text: str = tomllib.load(file)["project"]["version"]
    return text
