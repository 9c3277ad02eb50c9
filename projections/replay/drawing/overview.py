"""The overview of a replay: the whole source as a line, and the part of it that the window shows. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from projections.replay.window import Window

_NARROWEST = 0.004


@dataclass(frozen=True, slots=True)
class Overview:
    """Places from `first` to `last`, `now` among them. The window begins at `x` and is so wide, in per cent.

    `words` say where it stands, by numbers where they are known.
    """

    first: int
    last: int
    now: int
    x: str
    width: str
    words: str


def overview(window: Window, *, first: int, last: int) -> Overview:
    """The overview of a source from its first to its last place, with the window of a replay."""
    begin, end = window.steps[0], window.steps[-1]
    now = window.step.place if window.step else first
    last = max(last, end.place)
    share = 1 / max(last - first, 1)
    return Overview(
        first,
        last,
        now,
        x=f"{(begin.place - first) * share:.2%}",
        width=f"{max((end.place - begin.place) * share, _NARROWEST):.2%}",
        words=" to ".join(f"#{step.place:,}" if step.n is None else f"{step.n:,}" for step in (begin, end)),
    )
