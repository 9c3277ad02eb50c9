"""Breakpoints: conditions at which a replay stops, and the steps of a window that fit them."""

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
from events.query.times import pin_times
from events.query.tree import Query, any_of
from events.types import Event
from projections.replay.seek.condition import asks_state, changed_pointers
from projections.replay.window import Window, WindowStep
from projections.values.change import Json

StepTest: TypeAlias = Callable[[Event, Any, Collection[str]], bool]
_MAX_SECONDS = 0.03
"""Processor time for the steps of a window; the nearest to the current step come first."""


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """A condition of the address, with its times pinned. `query` None: it can't be read, and `problem` says why."""

    text: str
    query: Query | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BreakpointHits:
    """The places of the steps in a window that fit a breakpoint. `unchecked` counts the steps that were not tested."""

    places: Collection[int] = field(default_factory=frozenset)
    unchecked_count: int = 0


def breakpoints(texts: Sequence[str], now: datetime) -> list[Breakpoint]:
    """Return the breakpoints of an address. Relative times count back from now; an empty text is left out."""
    return [_breakpoint(text, now) for text in texts if text.strip()]


def _breakpoint(text: str, now: datetime) -> Breakpoint:
    try:
        query_as_written = parse(text)
        query = pin_times(query_as_written, now)
        return Breakpoint(text if query == query_as_written else to_text(query), query)
    except Invalid as error:
        return Breakpoint(text, None, str(error))


def any_breakpoint(breakpoints: Sequence[Breakpoint]) -> Query | None:
    """Return the condition that at least one of the breakpoints fits; None if there is no breakpoint.

    Raises:
        Invalid: the breakpoints together are too large for one query.
    """
    queries = [each.query for each in breakpoints if each.query is not None]
    return parse(to_text(any_of(queries))) if queries else None


def breakpoint_hits(window: Window, breakpoints: Sequence[Breakpoint]) -> BreakpointHits:
    """Return the steps of a window that fit, as far as their states are known and the time reaches."""
    tests = [(step_matcher(query), asks_state(query)) for each in breakpoints if (query := each.query) is not None]
    if not tests:
        return BreakpointHits()
    places = set()
    unchecked_count = 0
    start_time = time.thread_time()
    for i, step in sorted(enumerate(window.steps), key=lambda pair: abs(pair[0] - window.at)):
        is_known = i in window.states and step.changes is not None
        usable_tests = [fits for fits, asks in tests if is_known or not asks]
        if time.thread_time() - start_time > _MAX_SECONDS:
            usable_tests = []
        changed_paths = changed_pointers(step.changes or ())
        if any(_fits(fits, step, window.states.get(i), changed_paths) for fits in usable_tests):
            places.add(step.place)
        elif len(usable_tests) < len(tests):
            unchecked_count += 1
    return BreakpointHits(frozenset(places), unchecked_count)


def _fits(fits: StepTest, step: WindowStep, state: Json, changed_paths: Collection[str]) -> bool:
    """Whether a breakpoint stops there. A condition that raises does not stop; running to it reports the error."""
    try:
        return fits(step.event, state, changed_paths)
    except Exception:
        return False
