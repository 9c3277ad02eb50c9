"""What a step changed, in a few words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from events.json.pointer import tokens
from events.json.value import brief, visible
from projections.values.change import Change, Json

_WORDS = 3
_WIDTH = 60


@dataclass(frozen=True, slots=True)
class Said:
    """One change: the last two names of its path, and the values on both sides as far as there are any."""

    op: str
    path: str
    name: str
    old: str
    new: str


def gist(changes: Sequence[Change]) -> tuple[Said, ...]:
    """The changes that tell most, first: what became another word, what came and went, then what was counted."""
    return tuple(map(say, sorted(changes, key=_dullness)[:_WORDS]))


def say(change: Change) -> Said:
    """A change as a line shows it."""
    name = "/".join(visible(token) for token in tokens(change.path)[-2:])
    has_old, has_new = change.op in ("replace", "remove"), change.op in ("replace", "add")
    return Said(
        change.op, change.path, name, _cut(change.old) if has_old else "", _cut(change.value) if has_new else ""
    )


def _dullness(change: Change) -> int:
    if change.op == "replace":
        return 3 if _is_number(change.value) else 0
    return 1 if change.op == "add" else 2


def _is_number(value: Json) -> bool:
    return not isinstance(value, bool | str | list | dict) and value is not None


def _cut(value: Json) -> str:
    if isinstance(value, str):
        flat = visible(" ".join(value[: 4 * _WIDTH].split()))
        return f"“{flat[:_WIDTH]}…”" if len(flat) > _WIDTH else f"“{flat}”"
    return brief(value)
