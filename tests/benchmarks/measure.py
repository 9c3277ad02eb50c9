"""Measurements in turns, and tables of their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles


def interleaved(measures: Mapping[str, Callable[[], float]], *, rounds: int = 3) -> dict[str, float]:
    """The median of each measurement. They take turns, so that a moment of noise meets all of them alike."""
    results: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            results[name].append(measure())
    return {name: median(values) for name, values in results.items()}


def p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100)[98]


@dataclass
class Table:
    """Rows of words and numbers, in columns as wide as they need."""

    title: str
    heads: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [self.heads, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.heads))]
        texts = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join([self.title, *(f"  {line}" for line in texts)])


def count(value: float) -> str:
    return f"{value:,.0f}"


def ratio(value: float, floor: float) -> str:
    return f"{value / floor:.2f} ×"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
