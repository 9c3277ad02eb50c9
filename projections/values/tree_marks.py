"""The marks that a tree of a state shows for changes: `+` added, `~` changed, `−` removed, `·` changed inside. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from events.json.pointer import tokens
from events.json.tree import TreeMarks, ValueMark
from projections.values.change import Change


def tree_marks(changes: Iterable[Change]) -> TreeMarks:
    """Return the marks of a tree that shows the state after the changes, by pointer."""
    marks_at: dict[str, ValueMark] = {}
    removed_values: dict[str, dict[str, Any]] = {}
    for change in changes:
        parent, _, _ = change.path.rpartition("/")
        if change.op == "remove":
            removed_values.setdefault(parent, {})[tokens(change.path)[-1]] = change.old
        elif change.op == "move":
            marks_at.setdefault(change.path, ValueMark("within"))
        else:
            marks_at[change.path] = ValueMark("add" if change.op == "add" else "chg", change.old)
        while parent:
            marks_at.setdefault(parent, ValueMark("within"))
            parent, _, _ = parent.rpartition("/")
    return TreeMarks(at=marks_at, removed=removed_values)
