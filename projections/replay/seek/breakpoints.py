"""Breakpoints: conditions at which a replay stops, and the steps of a window that fit one of them."""

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
from projections.replay.window import Window, WindowStep
from projections.values.change import Json

Test: TypeAlias = Callable[[Event, Any, Collection[str]], bool]
_SECONDS = 0.03
"""Processor time for the steps of a window; the nearest to the current step come first."""


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """A condition of the address, with its times pinned. `query` None: it can't be read, and `problem` says why."""

    text: str
    query: Query | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """The places of the steps in a window that fit a breakpoint. `unchecked` counts the steps that were not tested."""

    places: Collection[int] = field(default_factory=frozenset)
    unchecked: int = 0


def breakpoints(texts: Sequence[str], now: datetime) -> list[Breakpoint]:
    """The breakpoints of an address. Relative times count back from now; an empty text is left out."""
    return [_breakpoint(text, now) for text in texts if text.strip()]


def _breakpoint(text: str, now: datetime) -> Breakpoint:
    try:
        written = parse(text)
        query = pin(written, now)
        return Breakpoint(text if query == written else to_text(query), query)
    except Invalid as error:
        return Breakpoint(text, None, str(error))


def together(every: Sequence[Breakpoint]) -> Query | None:
    """The condition that any of the breakpoints fits; None if there is no breakpoint.

    Raises:
        Invalid: all of them are too much for one query.
    """
    queries = [each.query for each in every if each.query is not None]
    return parse(to_text(any_of(queries))) if queries else None


def marks(window: Window, every: Sequence[Breakpoint]) -> Marks:
    """The steps of a window that fit, as far as their states are known and the time reaches."""
    tests = [(step_matcher(query), asks_state(query)) for each in every if (query := each.query) is not None]
    if not tests:
        return Marks()
    places = set()
    unchecked = 0
    began = time.thread_time()
    for i, step in sorted(enumerate(window.steps), key=lambda pair: abs(pair[0] - window.at)):
        is_known = i in window.states and step.changes is not None
        asked = [fits for fits, asks in tests if is_known or not asks]
        if time.thread_time() - began > _SECONDS:
            asked = []
        changed = changed_pointers(step.changes or ())
        if any(_fits(fits, step, window.states.get(i), changed) for fits in asked):
            places.add(step.place)
        elif len(asked) < len(tests):
            unchecked += 1
    return Marks(frozenset(places), unchecked)


def _fits(fits: Test, step: WindowStep, state: Json, changed: Collection[str]) -> bool:
    """Whether a breakpoint stops there. A condition that raises does not stop; running to it reports the error."""
    try:
        return fits(step.event, state, changed)
    except Exception:
        return False
