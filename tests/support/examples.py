"""The examples of code in a page of the documentation."""

from __future__ import annotations

import re

from tests.support.server import CHECKOUT


def blocks_of(page: str, language: str) -> list[str]:
    """The blocks of code in a language, unchanged."""
    return blocks_in((CHECKOUT / page).read_text(encoding="utf-8"), language)


def section_of(page: str, heading: str) -> str:
    """The text below a heading of the third level, up to the next heading outside of code."""
    text = (CHECKOUT / page).read_text(encoding="utf-8")
    _, found, rest = text.partition(f"\n### {heading}\n")
    assert found, f"{page} has no section {heading}"
    return re.split(r"^##+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def blocks_in(text: str, language: str) -> list[str]:
    """The blocks of code in a language, unchanged."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
