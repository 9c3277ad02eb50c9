"""The examples of code in a page of the documentation."""

from __future__ import annotations

import re

from tests.support.server import CHECKOUT


def blocks_of(page: str, language: str) -> list[str]:
    """The blocks of code in a language, unchanged."""
    text = (CHECKOUT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
