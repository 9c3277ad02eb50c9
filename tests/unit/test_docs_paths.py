"""The docs for contributors name only paths that exist."""

from __future__ import annotations

import re

import pytest

from tests.support.server import CHECKOUT

_PATH = re.compile(r"`((?:events|projections|eventsite|static|templates|tests|docs)(?:/[\w.-]+)*/?)`")


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_the_modules_and_folders_named_exist(page: str) -> None:
    paths = _PATH.findall((CHECKOUT / page).read_text())
    assert len(paths) > 10
    assert [path for path in paths if not (CHECKOUT / path).exists()] == []
