"""Names, values and changes as Markdown; no text in them can break out of its place. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from events.json.value import brief, shortened, visible
from projections.values.change import Change, Json

_MAX_JSON_CHARACTERS = 6_000
_MAX_VALUE_CHARACTERS = 200
_MARKS = {"add": "+", "remove": "−", "replace": "~", "move": "↕"}


def code(text: str) -> str:
    """A text as inline code, on one line."""
    flat = visible(" ".join(text.split()))
    fence = "`" * (_longest(flat) + 1)
    return f"{fence} {flat} {fence}" if "`" in flat else f"`{flat}`"


def json_block(text: str) -> Iterator[str]:
    """The lines of a code block with JSON as it is stored; of a long text only the first part."""
    shown = visible(text[:_MAX_JSON_CHARACTERS])
    fence = "`" * max(3, _longest(shown) + 1)
    yield f"\n{fence}json\n{shown}\n{fence}"
    if len(text) > _MAX_JSON_CHARACTERS:
        yield f"\nThese are the first {_MAX_JSON_CHARACTERS:,} of {len(text):,} characters."


def change_line(change: Change) -> str:
    """A change on one line: its operation, its path, the old and the new value."""
    path = f"`{_MARKS[change.op]}` {code(change.path or 'the whole state')}"
    values = {"add": (change.value,), "remove": (change.old,), "replace": (change.old, change.value), "move": ()}
    return f"{path}: {' → '.join(map(value, values[change.op]))}" if values[change.op] else f"{path} moved"


def value(each: Json) -> str:
    """A value as inline code, shortened."""
    return code(shortened(brief(each), _MAX_VALUE_CHARACTERS))


def _longest(text: str) -> int:
    """The length of the longest run of backticks."""
    return max(map(len, re.findall("`+", text)), default=0)
