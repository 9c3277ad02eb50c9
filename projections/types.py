"""What a projection is made of: JSON values, decoded events, steps. Pure: no Django, no I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from events.types import Event

Json: TypeAlias = "bool | int | Decimal | str | list[Json] | dict[str, Json] | None"
"""A JSON value. Numbers keep every digit: int or Decimal, never float."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """An event as a reducer sees it: the envelope, and its data as a value."""

    event: Event
    data: Json


Reducer: TypeAlias = Callable[[Json, Decoded], Json]
"""Pure and deterministic: returns the next state and leaves the one it was given alone."""


@dataclass(frozen=True, slots=True)
class Projection:
    """A named reducer. `about` says in a sentence what its state is."""

    name: str
    about: str
    initial: Json
    reduce: Reducer


@dataclass(frozen=True, slots=True)
class Change:
    """One operation of RFC 6902 (`add`, `replace`, `remove`) at an RFC 6901 pointer.

    `value` is what stands there afterwards (None for a remove), `old` what stood there before (None
    for an add).
    """

    op: Literal["add", "replace", "remove"]
    path: str
    value: Json = None
    old: Json = None


@dataclass(frozen=True, slots=True)
class Step:
    """Step `n` of a replay: its nth event with the state before and after it. Step 0 has no event."""

    n: int
    happened: Decoded | None
    before: Json
    after: Json
    changes: tuple[Change, ...]
