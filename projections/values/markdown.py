"""Names, values and differences as Markdown, whatever stands in them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from events.json.value import brief, visible
from projections.values.change import Change, Json

_SHOWN = 6_000
"""Characters of a JSON text."""
_VALUE = 200
_MARKS = {"add": "+", "remove": "−", "replace": "~", "move": "↕"}


def code(text: str) -> str:
    """A text as it is, on one line."""
    flat = visible(" ".join(text.split()))
    fence = "`" * (_longest(flat) + 1)
    return f"{fence} {flat} {fence}" if "`" in flat else f"`{flat}`"


def json_block(text: str) -> Iterator[str]:
    """JSON in a block, as it is stored; of what is long, the first part."""
    shown = visible(text[:_SHOWN])
    fence = "`" * max(3, _longest(shown) + 1)
    yield f"\n{fence}json\n{shown}\n{fence}"
    if len(text) > _SHOWN:
        yield f"\nThese are the first {_SHOWN:,} of {len(text):,} characters."


def change_line(change: Change) -> str:
    """What changed where, and the values on both sides as far as there are any."""
    path = f"`{_MARKS[change.op]}` {code(change.path or 'the whole state')}"
    values = {"add": (change.value,), "remove": (change.old,), "replace": (change.old, change.value), "move": ()}
    return f"{path}: {' → '.join(map(value, values[change.op]))}" if values[change.op] else f"{path} moved"


def value(each: Json) -> str:
    """A value on one line."""
    text = brief(each)
    return code(text if len(text) <= _VALUE else f"{text[:_VALUE]}…")


def _longest(text: str) -> int:
    """The longest run of backticks."""
    return max(map(len, re.findall("`+", text)), default=0)
