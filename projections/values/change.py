"""JSON values, and the changes between two of them. Pure: no Django, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

Json: TypeAlias = "bool | int | Decimal | str | list[Json] | dict[str, Json] | None"
"""A JSON value. Numbers keep every digit: int or Decimal, never float."""


@dataclass(frozen=True, slots=True)
class Change:
    """One operation of RFC 6902 (`add`, `replace`, `remove`, `move`) at an RFC 6901 pointer.

    `value` is the value after the change (None for a remove or a move), `old` the value before it (None for an add or a
    move). A move stays within one array and comes from the pointer `source`. `shifts`: an item was added to an array or
    removed from it, so the items after it have another index now. (A path alone can't tell: `/codes/404` may be a key.)
    """

    op: Literal["add", "replace", "remove", "move"]
    path: str
    value: Json = None
    old: Json = None
    source: str | None = None
    shifts: bool = False
