"""The agents of a log and their activity, from the states of the projections `agents` and `lifecycle`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from events.query.prefix import begins_with
from events.reading import store
from events.views.event_line import EventLine, line
from projections.catalog.agents import agents
from projections.catalog.lifecycle import lifecycle
from projections.materialise.checkpoints import live
from projections.values.exact_json import loads

MINUTES = 15
"""The minutes that the projection `agents` remembers, up to an agent's last event."""
_HEIGHT_PIXELS = 20
_PITCH_PIXELS = 4
"""The distance from one minute's bar to the next."""


@dataclass(frozen=True, slots=True)
class UnfinishedWork:
    """Work that an agent has not finished. The event at a position started it."""

    work: str
    type: str
    position: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Presence:
    """One agent. `activity` is its state in its current workflow; None: it has neither begun nor done anything there.

    `recent_events` counts the events of the quarter of an hour that ends with its last one. `bars` draws them as the
    path of an SVG, a bar a minute, and `gaps` draws the minutes without events.
    """

    name: str
    position: int
    events: int
    failures: int
    seen_at: datetime
    idle_time: timedelta
    last_line: EventLine | None
    workflow: str | None
    activity: str | None
    unfinished_work: tuple[UnfinishedWork, ...]
    recent_events: int
    bars: str
    gaps: str


def presences(log_id: int, *, prefix: str, before: int | None, limit: int, now: datetime) -> list[Presence]:
    """Return the agents whose names begin with a prefix, newest last event first, before a position. It takes 3 reads.

    The database sorts all agents for each page: a thousand take some milliseconds, twenty thousand took 85 to 230 on a
    busy machine. An index by position would slow down each write of a state.
    """
    agent_states = live(log_id, agents.name).filter(begins_with("key", prefix), position__lt=before or 2**63 - 1)
    rows = agent_states.order_by("-position").values_list("key", "state")[:limit]
    states: list[tuple[str, Any]] = [(name, loads(text)) for name, text in rows]
    positions = [state["last"]["position"] for _, state in states]
    last_events = store.events(log_id, Q(position__in=positions), limit=limit).fetch()
    lines = {event.position: line(event) for event in last_events}
    workflows = _workflows(log_id, {workflow for _, state in states for workflow in state["workflows"]})
    return [_presence(name, state, lines, workflows, now) for name, state in states]


@dataclass(frozen=True, slots=True)
class _Workflow:
    """The state of `lifecycle` for one workflow: the activity of each agent, and the unfinished work by name."""

    activities: dict[str, str]
    unfinished_work: dict[str, dict[str, Any]]


def _workflows(log_id: int, names: Iterable[str]) -> dict[str, _Workflow]:
    states = live(log_id, lifecycle.name).filter(key__in=names)
    rows = states.values_list("key", "search__agents", "search__unfinished")
    return {name: _Workflow(*values) for name, *values in rows}


def _presence(
    name: str, state: dict[str, Any], lines: dict[int, EventLine], workflows: dict[str, _Workflow], now: datetime
) -> Presence:
    current = workflows.get(state["workflow"])
    work = sorted(_unfinished_work(name, state["workflows"], workflows), key=lambda each: each.position)
    bars, gaps = _bars(state["minutes"])
    position, seen_at = state["last"]["position"], datetime.fromisoformat(state["last_seen"])
    return Presence(
        name=name,
        position=position,
        events=state["events"],
        failures=state["failures"],
        seen_at=seen_at,
        idle_time=max(now - seen_at, timedelta()),  # its clock may be ahead of ours
        last_line=lines.get(position),
        workflow=state["workflow"],
        activity=current.activities.get(name) if current else None,
        unfinished_work=tuple(work),
        recent_events=state["last_15_minutes"],
        bars=bars,
        gaps=gaps,
    )


def _unfinished_work(name: str, names: Iterable[str], workflows: dict[str, _Workflow]) -> Iterator[UnfinishedWork]:
    """Yield the unfinished work of an agent in its last workflows."""
    for workflow_name in names:
        if workflow := workflows.get(workflow_name):
            for work, each in workflow.unfinished_work.items():
                for start in each["started"].values():
                    if start["agent"] == name:
                        at = datetime.fromisoformat(start["at"])
                        yield UnfinishedWork(work, start["type"], start["position"], at)


def _bars(minutes: dict[str, int]) -> tuple[str, str]:
    """Return the paths of the minutes with events and of the minutes without, up to the last minute with events."""
    last = datetime.fromisoformat(max(minutes))
    highest = max(minutes.values())
    bars, gaps = [], []
    for i in range(MINUTES):
        events = minutes.get((last - timedelta(minutes=MINUTES - 1 - i)).isoformat(timespec="minutes"), 0)
        if events:
            bars.append(
                f"M{_PITCH_PIXELS * i} {_HEIGHT_PIXELS}v-{-(-events * _HEIGHT_PIXELS // highest)}h3V{_HEIGHT_PIXELS}z"
            )
        else:
            gaps.append(f"M{_PITCH_PIXELS * i} {_HEIGHT_PIXELS}v-1h3v1z")
    return "".join(bars), "".join(gaps)
