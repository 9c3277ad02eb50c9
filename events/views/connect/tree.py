"""A small tree of the parts of a run with bars: what began what, and how long it took. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

ROWS = 12
_MAX_DEPTH = 6
"""As far as the stylesheet has steps."""
_LEAST_PERCENT = 1.0
_MAX_NAME = 200
"""Characters of a name: who appends may call a thing as they like."""

Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a run, such as a call of a tool, from its start to its end in nanoseconds since 1970; 0: not known.

    `ended` is None while it goes on. One that has no type has no row; those below it stand in its place.
    """

    key: Key
    parent: Key | None
    started: int
    ended: int | None
    name: str = ""
    type: str = ""
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A part, or a parent of which nothing is known yet: that has no type. `took` is None if it took no time.

    `start` and `width` of its bar are percent of the run.
    """

    name: str
    type: str
    depth: int
    start: float
    width: float
    took: timedelta | None
    is_open: bool = False
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """The first rows of a run, and the number of its parts that have none."""

    rows: Sequence[Row]
    left_out: int


@dataclass(frozen=True, slots=True)
class _Clock:
    """The time from the first start to the last end of a run, in nanoseconds."""

    first: int
    last: int

    def bar(self, started: int, ended: int) -> tuple[float, float]:
        """Return start and width of a bar, in percent."""
        whole = max(self.last - self.first, 1)
        start = min(100 * (max(started, self.first) - self.first) / whole, 100 - _LEAST_PERCENT)
        return round(start, 2), round(max(100 * (ended - started) / whole, _LEAST_PERCENT), 2)


def tree_of(parts: Sequence[Part]) -> Tree:
    """Return the tree of the parts of a run, in the order of their starts."""
    known = {part.key for part in parts}
    children: defaultdict[Key | None, list[Part]] = defaultdict(list)
    for part in sorted(parts, key=lambda part: (part.started, part.key)):
        children[part.parent].append(part)
    starts = [part.started for part in parts if part.started]
    clock = _Clock(min(starts, default=0), max((part.ended or part.started for part in parts), default=0))
    rows: list[Row] = []
    for key in [key for key in children if key is not None and key not in known]:
        start, width = clock.bar(children[key][0].started, clock.last)
        rows.append(Row("not ended yet", "", 0, start, width, None, is_open=True))
        rows += _below(key, 1, children, clock)
    rows += _below(None, 0, children, clock)
    shown = rows[:ROWS]
    return Tree(shown, len(parts) - sum(bool(row.type) for row in shown))


def _below(parent: Key | None, depth: int, children: Mapping[Key | None, list[Part]], clock: _Clock) -> Iterator[Row]:
    """Yield the rows below a part, in the order of a reader. Without recursion: a chain of parts may be long."""
    waiting = [(part, depth) for part in reversed(children.get(parent, ()))]
    seen = set()
    while waiting:
        part, depth = waiting.pop()
        if part.key in seen:
            continue
        seen.add(part.key)
        if part.type:
            yield _row(part, depth, clock)
        waiting += [(child, depth + bool(part.type)) for child in reversed(children.get(part.key, ()))]


def _row(part: Part, depth: int, clock: _Clock) -> Row:
    ended = clock.last if part.ended is None else part.ended
    start, width = clock.bar(part.started, ended)
    has_length = part.ended is not None and part.ended != part.started
    return Row(
        name=part.name,
        type=part.type,
        depth=min(depth, _MAX_DEPTH),
        start=start,
        width=min(width, 100 - start),
        took=timedelta(microseconds=max(ended - part.started, 0) / 1000) if has_length else None,
        is_open=part.ended is None,
        is_error=part.is_error,
    )


def name_in(data: Any) -> str:
    """Return the name of an agent, a tool or a model in the data of an event; of a hand-off, its target."""
    if not isinstance(data, dict):
        return ""
    if target := data.get("target"):
        return f"→ {target}"[:_MAX_NAME]
    return str(data.get("name") or data.get("model") or "")[:_MAX_NAME]
