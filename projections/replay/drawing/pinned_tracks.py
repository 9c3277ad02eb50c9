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

HEIGHT = 20
_INSET = 3
_WIDTH = 60


_STRIP_PIXELS = 1_200
_LETTER_PIXELS = 7
"""The strip on a wide screen, and a letter in it: a text that surely has no room is left out."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A value while it stays the same: `count` of `columns` from `first` on. `text` None: the value does not exist.
    `has_room`: its text is drawn."""

    first: int
    count: int
    columns: int
    text: str | None
    has_room: bool = False

    @property
    def x(self) -> str:
        """Where it begins, in per cent of the strip."""
        return f"{100 * self.first / self.columns:.3f}%"

    @property
    def width(self) -> str:
        return f"{100 * self.count / self.columns:.3f}%"

    @property
    def shown(self) -> str:
        return "–" if self.text is None else self.text

    @property
    def letters(self) -> float:
        """How many have room in it."""
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
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class _Held:
    """The value at the pointer after a column. `is_known` False: the state was not folded."""

    is_known: bool
    is_there: bool = False
    value: Json = None


def track(pointer: str, states: Mapping[int, Json], count: int, *, y: int) -> Track:
    """The values at a pointer after each of `count` columns; `states` go by index, and -1 is before the first
    column."""
    before, *held = [_held(states, i, pointer) for i in range(-1, count)]
    changes = sum(one.is_known and other.is_known and not _same(one, other) for one, other in pairwise([before, *held]))
    runs = [(first, last) for first, last in _runs(held) if held[first].is_known]
    segments = [Segment(first, last - first, count, _text(held[first])) for first, last in runs]
    line, scale = _line(held)
    return Track(pointer, name(pointer), y, changes, _with_room(segments, has_line=bool(line)), line, scale)


def _with_room(segments: list[Segment], *, has_line: bool) -> list[Segment]:
    """Say which texts are drawn. Beside a line, all or none: some of the numbers would say less than its scale."""
    if has_line and not all(len(each.shown) + 1 < each.letters for each in segments):
        return segments
    return [replace(each, has_room=each.letters > 4) for each in segments]


def name(pointer: str) -> str:
    """The last two tokens of a pointer, as a short name."""
    try:
        return "/".join(visible(token) for token in tokens(pointer)[-2:]) or "state"
    except LookupError:
        return visible(pointer)


def _held(states: Mapping[int, Json], i: int, pointer: str) -> _Held:
    if i not in states:
        return _Held(False)
    try:
        return _Held(True, True, at(states[i], pointer))
    except LookupError:
        return _Held(True)


def _same(one: _Held, other: _Held) -> bool:
    return (one.is_known, one.is_there) == (other.is_known, other.is_there) and equal(one.value, other.value)


def _runs(held: Sequence[_Held]) -> list[tuple[int, int]]:
    """The segments of columns in which the value stays the same."""
    firsts = [i for i, each in enumerate(held) if not i or not _same(held[i - 1], each)]
    return list(zip(firsts, [*firsts[1:], len(held)], strict=True))


def _text(held: _Held) -> str | None:
    return short(held.value) if held.is_there else None


def short(value: Json) -> str:
    """A value on one line: the first items of a container, the first words of a text."""
    if isinstance(value, str):
        flat = visible(" ".join(value[: 4 * _WIDTH].split()))
        return shortened(flat, _WIDTH) or '""'
    if isinstance(value, dict) and value:
        return f"{{{_some(f'{visible(key)}: {_inner(item)}' for key, item in value.items())}}}"
    return f"[{_some(map(_inner, value))}]" if isinstance(value, list) and value else brief(value)


def _inner(value: Json) -> str:
    return brief(value) if isinstance(value, dict | list) else short(value)


def _some(items: Iterable[str]) -> str:
    """As many items as fit into the line."""
    text = ""
    for item in items:
        if len(text) > _WIDTH:
            return f"{text}, …"
        text = f"{text}, {item}" if text else item
    return text


def _line(held: Sequence[_Held]) -> tuple[str, str]:
    """The path of numbers, with the least at the bottom, and their range; empty if a value is not a number, or all are
    equal."""
    there = [each for each in held if each.is_there]
    values = [each.value for each in there if _is_number(each.value)]
    if len(values) < len(there) or len(set(values)) < 2:
        return "", ""
    least, most = min(values), max(values)
    room = HEIGHT - 2 * _INSET
    parts = []
    was_there = False
    for i, each in enumerate(held):
        if each.is_there:
            y = HEIGHT - _INSET - int(room * (each.value - least) / (most - least))  # type: ignore[operator]
            parts.append(f"{'V' if was_there else f'M{i} '}{y}H{i + 1}")
        was_there = each.is_there
    return "".join(parts), f"{brief(least)} … {brief(most)}"


def _is_number(value: Json) -> TypeGuard[int | Decimal]:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
