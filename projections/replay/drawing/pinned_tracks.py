"""Tracks of pinned values: how each value changes over the steps of a window, drawn as segments. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from typing import TypeGuard

from events.json.pointer import at, tokens
from events.json.value import brief, shortened, visible
from projections.values.change import Json
from projections.values.diff import equal

TRACK_HEIGHT = 20
_INSET_PIXELS = 3
_MAX_CHARACTERS = 60


_STRIP_PIXELS = 1_200
_LETTER_PIXELS = 7
"""Widths of the strip on a wide screen and of a letter: a text that surely has no room is left out."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A value while it stays the same: `count` of `columns` from `first` on.

    `text` is None if the value does not exist. `has_room`: its text is drawn.
    """

    first: int
    count: int
    columns: int
    text: str | None
    has_room: bool = False

    @property
    def x(self) -> str:
        """The left edge, in per cent of the strip."""
        return f"{100 * self.first / self.columns:.3f}%"

    @property
    def width(self) -> str:
        return f"{100 * self.count / self.columns:.3f}%"

    @property
    def label(self) -> str:
        return "–" if self.text is None else self.text

    @property
    def letters(self) -> float:
        """The number of letters that have room."""
        return self.count * _STRIP_PIXELS / self.columns / _LETTER_PIXELS


@dataclass(frozen=True, slots=True)
class Track:
    """The track of one pinned value.

    `line` draws a number as a path over columns of width one, and `scale` holds its least and greatest value. `changes`
    counts the changes in the window. Nothing here depends on which step is the current one.
    """

    pointer: str
    name: str
    y: int
    changes: int = 0
    segments: list[Segment] = field(default_factory=list)
    line: str = ""
    scale: str = ""
    height: int = TRACK_HEIGHT


@dataclass(frozen=True, slots=True)
class _ColumnValue:
    """The value at the pointer after a column. `is_known` is False if the state was not folded."""

    is_known: bool
    is_there: bool = False
    value: Json = None


def track(pointer: str, states: Mapping[int, Json], count: int, *, y: int) -> Track:
    """Return the track of the values at a pointer after each of `count` columns.

    `states` go by the index of the column; -1 is the state before the first column.
    """
    before, *values = [_column_value(states, i, pointer) for i in range(-1, count)]
    neighbours = pairwise([before, *values])
    changes = sum(left.is_known and right.is_known and not _is_same(left, right) for left, right in neighbours)
    runs = [(first, last) for first, last in _runs(values) if values[first].is_known]
    segments = [Segment(first, last - first, count, _text(values[first])) for first, last in runs]
    line, scale = _line(values)
    return Track(pointer, name(pointer), y, changes, _with_room(segments, has_line=bool(line)), line, scale)


def _with_room(segments: list[Segment], *, has_line: bool) -> list[Segment]:
    """Return the segments with `has_room` set. Beside a line, all texts are drawn or none: its scale tells more."""
    if has_line and not all(len(segment.label) + 1 < segment.letters for segment in segments):
        return segments
    return [replace(segment, has_room=segment.letters > 4) for segment in segments]


def name(pointer: str) -> str:
    """Return the last two tokens of a pointer, as a short name."""
    try:
        return "/".join(visible(token) for token in tokens(pointer)[-2:]) or "state"
    except LookupError:
        return visible(pointer)


def _column_value(states: Mapping[int, Json], i: int, pointer: str) -> _ColumnValue:
    if i not in states:
        return _ColumnValue(False)
    try:
        return _ColumnValue(True, True, at(states[i], pointer))
    except LookupError:
        return _ColumnValue(True)


def _is_same(left: _ColumnValue, right: _ColumnValue) -> bool:
    return (left.is_known, left.is_there) == (right.is_known, right.is_there) and equal(left.value, right.value)


def _runs(values: Sequence[_ColumnValue]) -> list[tuple[int, int]]:
    """Return the ranges of columns in which the value stays the same."""
    starts = [i for i, value in enumerate(values) if not i or not _is_same(values[i - 1], value)]
    return list(zip(starts, [*starts[1:], len(values)], strict=True))


def _text(value: _ColumnValue) -> str | None:
    return short(value.value) if value.is_there else None


def short(value: Json) -> str:
    """Return a value on one line: the first items of a container, the first words of a text."""
    if isinstance(value, str):
        flat = visible(" ".join(value[: 4 * _MAX_CHARACTERS].split()))
        return shortened(flat, _MAX_CHARACTERS) or '""'
    if isinstance(value, dict) and value:
        return f"{{{_joined(f'{visible(key)}: {_inner(item)}' for key, item in value.items())}}}"
    return f"[{_joined(map(_inner, value))}]" if isinstance(value, list) and value else brief(value)


def _inner(value: Json) -> str:
    return brief(value) if isinstance(value, dict | list) else short(value)


def _joined(items: Iterable[str]) -> str:
    """Return as many items as fit into the line."""
    text = ""
    for item in items:
        if len(text) > _MAX_CHARACTERS:
            return f"{text}, …"
        text = f"{text}, {item}" if text else item
    return text


def _line(columns: Sequence[_ColumnValue]) -> tuple[str, str]:
    """Return the path of the numbers and their range; both are empty if a value is not a number, or all are equal."""
    existing_values = [column.value for column in columns if column.is_there]
    numbers = [value for value in existing_values if _is_number(value)]
    if len(numbers) < len(existing_values) or len(set(numbers)) < 2:
        return "", ""
    low, high = min(numbers), max(numbers)
    room = TRACK_HEIGHT - 2 * _INSET_PIXELS
    parts = []
    was_there = False
    for i, column in enumerate(columns):
        if column.is_there:
            y = TRACK_HEIGHT - _INSET_PIXELS - int(room * (column.value - low) / (high - low))  # type: ignore[operator]
            parts.append(f"{'V' if was_there else f'M{i} '}{y}H{i + 1}")
        was_there = column.is_there
    return "".join(parts), f"{brief(low)} … {brief(high)}"


def _is_number(value: Json) -> TypeGuard[int | Decimal]:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
