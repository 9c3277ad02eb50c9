"""The overview of a replay: the whole source as a line, and the part of it that the window shows. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from projections.replay.window import Window

_MIN_WIDTH = 0.004


@dataclass(frozen=True, slots=True)
class Overview:
    """A source from its `first` to its `last` place, with the current place `now`.

    The window begins at `x` and has a `width`, in per cent. `words` name its first and last step.
    """

    first: int
    last: int
    now: int
    x: str
    width: str
    words: str


def overview(window: Window, *, first: int, last: int) -> Overview:
    """Return the overview of a source from its first to its last place, with the window of a replay."""
    begin, end = window.steps[0], window.steps[-1]
    now = window.step.place if window.step else first
    last = max(last, end.place)
    share = 1 / max(last - first, 1)
    return Overview(
        first,
        last,
        now,
        x=f"{(begin.place - first) * share:.2%}",
        width=f"{max((end.place - begin.place) * share, _MIN_WIDTH):.2%}",
        words=" to ".join(f"#{step.place:,}" if step.n is None else f"{step.n:,}" for step in (begin, end)),
    )
