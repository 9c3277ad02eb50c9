"""Breakpoints: conditions to stop at, and the steps of a window that fit one of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from events.errors import Invalid
from events.query.match import step_matcher
from events.query.parse import parse
from events.query.printing import to_text
from events.query.tree import Query, any_of, pin
from events.types import Event
from projections.replay.seek.condition import asks_state, changed_pointers
from projections.replay.window import Replay, Stop
from projections.values.change import Json

Test: TypeAlias = Callable[[Event, Any, Collection[str]], bool]
_SECONDS = 0.03
"""Processor time spent on the steps around; the nearest come first."""


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """A condition as it stands in the address, its times pinned. `query` None: it can't be read, `problem` says why."""

    text: str
    query: Query | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """The places of a window's steps that fit a breakpoint. `unchecked`: for how many that is not known."""

    places: Collection[int] = field(default_factory=frozenset)
    unchecked: int = 0


def breakpoints(texts: Sequence[str], now: datetime) -> list[Breakpoint]:
    """The breakpoints of an address. Relative times are those before now; an empty one says nothing."""
    return [_breakpoint(text, now) for text in texts if text.strip()]


def _breakpoint(text: str, now: datetime) -> Breakpoint:
    try:
        written = parse(text)
        query = pin(written, now)
        return Breakpoint(text if query == written else to_text(query), query)
    except Invalid as error:
        return Breakpoint(text, None, str(error))


def together(every: Sequence[Breakpoint]) -> Query | None:
    """What any of them stops at; None where there is none.

    Raises:
        Invalid: all of them are too much for one query.
    """
    queries = [each.query for each in every if each.query is not None]
    return parse(to_text(any_of(queries))) if queries else None


def marks(made: Replay, every: Sequence[Breakpoint]) -> Marks:
    """Which steps of a window fit, as far as their states are known and as long as there is time."""
    tests = [(step_matcher(query), asks_state(query)) for each in every if (query := each.query) is not None]
    if not tests:
        return Marks()
    places = set()
    unchecked = 0
    began = time.thread_time()
    for i, stop in sorted(enumerate(made.stops), key=lambda pair: abs(pair[0] - made.at)):
        is_known = i in made.states and stop.changes is not None
        asked = [fits for fits, asks in tests if is_known or not asks]
        if time.thread_time() - began > _SECONDS:
            asked = []
        changed = changed_pointers(stop.changes or ())
        if any(_fits(fits, stop, made.states.get(i), changed) for fits in asked):
            places.add(stop.place)
        elif len(asked) < len(tests):
            unchecked += 1
    return Marks(frozenset(places), unchecked)


def _fits(fits: Test, stop: Stop, state: Json, changed: Collection[str]) -> bool:
    """Whether it stops there; a condition that raises doesn't. (Running to it says that it does.)"""
    try:
        return fits(stop.event, state, changed)
    except Exception:
        return False
