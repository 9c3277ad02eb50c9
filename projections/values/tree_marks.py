"""From differences to the marks in a tree: `+` added, `~` changed, `−` removed, `·` changed within. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from events.json.pointer import tokens
from events.json.tree import Mark, Marks
from projections.values.change import Change


def marks(changes: Iterable[Change]) -> Marks:
    """Where a tree of the state after the changes shows what."""
    at: dict[str, Mark] = {}
    gone: dict[str, dict[str, Any]] = {}
    for change in changes:
        parent, _, _ = change.path.rpartition("/")
        if change.op == "remove":
            gone.setdefault(parent, {})[tokens(change.path)[-1]] = change.old
        elif change.op == "move":
            at.setdefault(change.path, Mark("within"))
        else:
            at[change.path] = Mark("add" if change.op == "add" else "chg", change.old)
        while parent:
            at.setdefault(parent, Mark("within"))
            parent, _, _ = parent.rpartition("/")
    return Marks(at=at, gone=gone)
