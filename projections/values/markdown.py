"""Changes of a state as Markdown. Pure."""

from __future__ import annotations

from events.json.markdown import code
from events.json.value import brief, shortened
from projections.values.change import Change, Json

_MAX_VALUE_CHARACTERS = 200
_MARKS = {"add": "+", "remove": "−", "replace": "~", "move": "↕"}


def change_line(change: Change) -> str:
    """Return a change on one line: its operation, its path, the old and the new value."""
    path = f"`{_MARKS[change.op]}` {code(change.path or 'the whole state')}"
    values = {"add": (change.value,), "remove": (change.old,), "replace": (change.old, change.value), "move": ()}
    return f"{path}: {' → '.join(map(inline_value, values[change.op]))}" if values[change.op] else f"{path} moved"


def inline_value(each: Json) -> str:
    """Return a value as inline code, shortened."""
    return code(shortened(brief(each), _MAX_VALUE_CHARACTERS))
