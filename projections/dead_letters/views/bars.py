"""A day of letters as the bars of a chart, one an hour. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_HOURS = 24
_STEP, _WIDTH, _HEIGHT = 4, 3, 18


@dataclass(frozen=True, slots=True)
class Bars:
    """The paths of an SVG that is 96 wide and 20 high: the hours with letters, and those without; and their number."""

    path: str
    gaps: str
    letters: int


def bars(letters: Mapping[int, int]) -> Bars:
    """Return the bars of the last 24 hours, from the number of letters by how many hours ago they died."""
    numbers = [letters.get(hours_ago, 0) for hours_ago in reversed(range(_HOURS))]
    highest = max(numbers)
    path: list[str] = []
    gaps: list[str] = []
    for hour, number in enumerate(numbers):
        height = max(2, round(_HEIGHT * number / highest)) if number else 1
        (path if number else gaps).append(f"M{hour * _STEP} 20v-{height}h{_WIDTH}v{height}z")
    return Bars("".join(path), "".join(gaps), sum(numbers))
