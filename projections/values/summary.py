"""The changes of a step in a few words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from events.json.pointer import tokens
from events.json.value import brief, quoted, visible
from projections.values.change import Change, Json

_MAX_CHANGES = 3
_MAX_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class ChangeSummary:
    """One change: the last two names of its path, the old and the new value; a value that does not exist is empty."""

    op: str
    path: str
    name: str
    old: str
    new: str


def gist(changes: Sequence[Change]) -> tuple[ChangeSummary, ...]:
    """Return the three most telling changes.

    Replaced texts come first, then added values, removed values, and replaced numbers.
    """
    return tuple(map(summary, sorted(changes, key=_rank)[:_MAX_CHANGES]))


def summary(change: Change) -> ChangeSummary:
    """Return a change as one line shows it."""
    name = "/".join(visible(token) for token in tokens(change.path)[-2:])
    has_old, has_new = change.op in ("replace", "remove"), change.op in ("replace", "add")
    return ChangeSummary(
        change.op,
        change.path,
        name,
        _shortened(change.old) if has_old else "",
        _shortened(change.value) if has_new else "",
    )


def _rank(change: Change) -> int:
    if change.op == "replace":
        return 3 if _is_number(change.value) else 0
    return 1 if change.op == "add" else 2


def _is_number(value: Json) -> bool:
    return not isinstance(value, bool | str | list | dict) and value is not None


def _shortened(value: Json) -> str:
    return quoted(value, _MAX_CHARACTERS) if isinstance(value, str) else brief(value)
