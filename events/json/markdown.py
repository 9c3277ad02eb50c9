"""Texts and JSON as Markdown; no text in them can break out of its place. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from events.json.value import visible

_MAX_JSON_CHARACTERS = 6_000


def code(text: str) -> str:
    """Return a text as inline code, on one line."""
    flat = visible(" ".join(text.split()))
    fence = "`" * (_longest(flat) + 1)
    return f"{fence} {flat} {fence}" if "`" in flat else f"`{flat}`"


def json_block(text: str) -> Iterator[str]:
    """Yield the lines of a code block with JSON as it is stored; of a long text only the first part."""
    shown_text = visible(text[:_MAX_JSON_CHARACTERS])
    fence = "`" * max(3, _longest(shown_text) + 1)
    yield f"\n{fence}json\n{shown_text}\n{fence}"
    if len(text) > _MAX_JSON_CHARACTERS:
        yield f"\nThese are the first {_MAX_JSON_CHARACTERS:,} of {len(text):,} characters."


def _longest(text: str) -> int:
    """Return the length of the longest run of backticks."""
    return max(map(len, re.findall("`+", text)), default=0)
