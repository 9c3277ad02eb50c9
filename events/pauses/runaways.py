"""Runaway agents: one that does the same again and again, and two that go to and fro. Pure.

What is looked at are some events in order; the thresholds are settings. Two events have the same content if their type
and the text of their data are the same. Data that are empty, or were redacted, tell nothing: a heartbeat is no repeat.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from events.pauses.target import Target
from events.types import Event

_EMPTY = frozenset({"", "null", "{}", "[]", '""'})
LOOP_EVENTS = 4
"""The longest loop: an event is new unless one of so many events of its agent just before it has the same content."""


class Thresholds(Protocol):
    """The settings that say how many events are a runaway (`eventsite/limits.py`)."""

    @property
    def runaway_repeats(self) -> int: ...
    @property
    def runaway_seconds(self) -> float: ...
    @property
    def runaway_turns(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Act:
    """The parts of an event that are looked at. `data` is the text of its data, or one that stands for it."""

    position: int
    agent: str | None
    workflow: str | None
    stream: str
    type: str
    data: str
    at: datetime

    @property
    def place(self) -> str:
        """Its workflow; without one, its stream."""
        return self.workflow or self.stream

    @property
    def content(self) -> tuple[str, str]:
        return self.type, self.data

    @property
    def tells_nothing(self) -> bool:
        return self.agent is None or self.data in _EMPTY


@dataclass(frozen=True, slots=True)
class Runaway:
    """A finding: who runs away, in words what they did, and the positions of the events that prove it."""

    agents: tuple[str, ...]
    workflow: str | None
    words: str
    positions: tuple[int, ...]
    took: timedelta

    @property
    def target(self) -> Target | None:
        """The agent that a page offers to pause; of two agents, their workflow."""
        if len(self.agents) == 1:
            return Target("agent", self.agents[0])
        return Target("workflow", self.workflow) if self.workflow is not None else None

    @property
    def targets(self) -> frozenset[Target]:
        """All of which a pause ends it: each of its agents, and its workflow."""
        workflows = {Target("workflow", self.workflow)} if self.workflow is not None else set()
        return frozenset(workflows | {Target("agent", agent) for agent in self.agents})

    def overlaps(self, other: Runaway) -> bool:
        """Whether two findings are of the same agent, or of one of two agents, at the same time."""
        is_of_both = self.workflow == other.workflow and not set(self.agents).isdisjoint(other.agents)
        return is_of_both and self.positions[0] <= other.positions[-1] and other.positions[0] <= self.positions[-1]


def runaways(acts: Sequence[Act], thresholds: Thresholds) -> list[Runaway]:
    """Return all runaways among some events, which are in order, by the position of their last event."""
    return told_once([*repeats(acts, thresholds), *to_and_fro(acts, thresholds)])


def told_once(findings: Sequence[Runaway]) -> list[Runaway]:
    """Return findings by their last position; of those that overlap, the one with most agents, then most events.

    Each step of a loop is a finding, and so is an agent that repeats itself while two go to and fro.
    """
    kept: list[Runaway] = []
    for each in sorted(findings, key=lambda each: (-len(each.agents), -len(each.positions))):
        if not any(each.overlaps(other) for other in kept):
            kept.append(each)
    return sorted(kept, key=lambda each: each.positions[-1])


def act_of(event: Event) -> Act:
    return Act(event.position, event.agent, event.correlation_id, event.stream, event.type, event.data, event.at)


def repeats(acts: Sequence[Act], thresholds: Thresholds) -> Iterator[Runaway]:
    """Yield each row of an agent's events with the same content that is too fast, and has nothing new in between."""
    window = timedelta(seconds=thresholds.runaway_seconds)
    for own in _by(acts, lambda act: None if act.tells_nothing else (act.agent, act.place)):
        for row in _alike(own):
            for fast in _fast_rows(row, thresholds.runaway_repeats, window):
                yield _runaway(fast, f"appended the same {fast[0].type} {len(fast)} times")


def _alike(acts: Sequence[Act]) -> Iterator[Sequence[Act]]:
    """Yield the rows of events with the same content, with nothing new in between."""
    rows: dict[tuple[str, str], list[Act]] = {}
    for act, before in zip(acts, _just_before(acts), strict=True):
        if act.content not in before:  # something new: each row ends
            yield from rows.values()
            rows = {content: [last] for content, last in before.items()}
        rows.setdefault(act.content, []).append(act)
    yield from rows.values()


def _just_before(acts: Sequence[Act]) -> Iterator[dict[tuple[str, str], Act]]:
    """Yield for each event the last few events before it, by their content."""
    for i in range(len(acts)):
        yield {act.content: act for act in acts[max(0, i - LOOP_EVENTS) : i]}


def _fast_rows(acts: Sequence[Act], least: int, window: timedelta) -> Iterator[Sequence[Act]]:
    """Yield the longest rows in which any `least` neighbours lie within a window."""
    first: int | None = None
    for last in range(least - 1, len(acts)):
        is_fast = abs(acts[last].at - acts[last - least + 1].at) <= window
        if is_fast and first is None:
            first = last - least + 1
        elif not is_fast and first is not None:
            yield acts[first:last]
            first = None
    if first is not None:
        yield acts[first:]


def to_and_fro(acts: Sequence[Act], thresholds: Thresholds) -> Iterator[Runaway]:
    """Yield each row of events of a workflow (or stream) in which two agents take turns without anything new."""
    for in_place in _by(acts, lambda act: act.place):
        for row in _stale_rows(in_place):
            if len(row) >= thresholds.runaway_turns:
                yield _runaway(row, f"took {len(row)} turns without anything new")


def _stale_rows(acts: Sequence[Act]) -> Iterator[Sequence[Act]]:
    """Yield the rows of events whose content came before, while the same two agents take turns."""
    turns: list[Act] = []
    row: list[Act] = []
    for act in acts:
        if not _goes_on(turns, act):
            turns = turns[-1:] if turns and turns[-1].agent != act.agent and not act.tells_nothing else []
        is_stale = any((each.agent, each.content) == (act.agent, act.content) for each in turns)
        if row and not is_stale:
            yield row
            row = []
        if is_stale:
            row.append(act)
        turns.append(act)
    if row:
        yield row


def _goes_on(turns: Sequence[Act], act: Act) -> bool:
    """Whether an event is the next turn of the two agents that took the last ones."""
    if act.tells_nothing or not turns or turns[-1].agent == act.agent:
        return False
    return len(turns) < 2 or turns[-2].agent == act.agent


def _by(acts: Iterable[Act], key: Callable[[Act], Hashable]) -> Iterable[Sequence[Act]]:
    """Return the events by a key, in order; those whose key is None are left out."""
    groups: dict[Hashable, list[Act]] = defaultdict(list)
    for act in acts:
        groups[key(act)].append(act)
    groups.pop(None, None)
    return groups.values()


def _runaway(row: Sequence[Act], words: str) -> Runaway:
    agents = tuple(dict.fromkeys(str(act.agent) for act in row))
    return Runaway(agents, row[0].workflow, words, tuple(act.position for act in row), abs(row[-1].at - row[0].at))
