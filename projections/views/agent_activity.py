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
"""So many the projection `agents` remembers, up to an agent's last one."""
_HEIGHT = 20
_PITCH = 4
"""Pixels from one minute's bar to the next."""


@dataclass(frozen=True, slots=True)
class Started:
    """Something that an agent started and has not finished: by the event at a position."""

    work: str
    type: str
    position: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Presence:
    """One agent. `doing` is its state in its current workflow; None: nothing of its is under way or done there.

    `recent` counts the events of the quarter of an hour that ends with its last one. `bars` draws them as the path
    of an SVG, a bar a minute, and `quiet` the minutes without one.
    """

    name: str
    position: int
    events: int
    failures: int
    seen_at: datetime
    ago: timedelta
    last: EventLine | None
    workflow: str | None
    doing: str | None
    unfinished: tuple[Started, ...]
    recent: int
    bars: str
    quiet: str


def present(log_id: int, *, prefix: str, before: int | None, limit: int, now: datetime) -> list[Presence]:
    """The agents whose names begin with a prefix, by their last event, those before a position; in three reads.

    They are sorted anew each time, however long the log is: a thousand take some milliseconds, twenty thousand took 85
    to 230 on a busy machine. An index by position would cost each state that is written.
    """
    kept = live(log_id, agents.name).filter(begins_with("key", prefix), position__lt=before or 2**63 - 1)
    rows = kept.order_by("-position").values_list("key", "state")[:limit]
    states: list[tuple[str, Any]] = [(name, loads(text)) for name, text in rows]
    positions = [state["last"]["position"] for _, state in states]
    last = store.events(log_id, Q(position__in=positions), limit=limit).fetch()
    lines = {event.position: line(event) for event in last}
    under_way = _under_way(log_id, {workflow for _, state in states for workflow in state["workflows"]})
    return [_presence(name, state, lines, under_way, now) for name, state in states]


@dataclass(frozen=True, slots=True)
class _Workflow:
    """The state of `lifecycle` for one workflow: each agent's, and the starts by work."""

    agents: dict[str, str]
    unfinished: dict[str, dict[str, Any]]


def _under_way(log_id: int, names: Iterable[str]) -> dict[str, _Workflow]:
    states = live(log_id, lifecycle.name).filter(key__in=names)
    rows = states.values_list("key", "search__agents", "search__unfinished")
    return {name: _Workflow(doing, unfinished) for name, doing, unfinished in rows}


def _presence(
    name: str, state: dict[str, Any], lines: dict[int, EventLine], under_way: dict[str, _Workflow], now: datetime
) -> Presence:
    current = under_way.get(state["workflow"])
    started = sorted(_started(name, state["workflows"], under_way), key=lambda each: each.position)
    bars, quiet = _bars(state["minutes"])
    position, seen_at = state["last"]["position"], datetime.fromisoformat(state["last_seen"])
    return Presence(
        name=name,
        position=position,
        events=state["events"],
        failures=state["failures"],
        seen_at=seen_at,
        ago=max(now - seen_at, timedelta()),  # its clock may be ahead of ours
        last=lines.get(position),
        workflow=state["workflow"],
        doing=current.agents.get(name) if current else None,
        unfinished=tuple(started),
        recent=state["last_15_minutes"],
        bars=bars,
        quiet=quiet,
    )


def _started(name: str, workflows: Iterable[str], under_way: dict[str, _Workflow]) -> Iterator[Started]:
    """Return the unfinished work of an agent in its last workflows."""
    for workflow in workflows:
        if found := under_way.get(workflow):
            for work, each in found.unfinished.items():
                for start in each["started"].values():
                    if start["agent"] == name:
                        at = datetime.fromisoformat(start["at"])
                        yield Started(work, start["type"], start["position"], at)


def _bars(minutes: dict[str, int]) -> tuple[str, str]:
    """Return the paths of the minutes with events and of those without, up to the last one."""
    last = datetime.fromisoformat(max(minutes))
    most = max(minutes.values())
    bars, quiet = [], []
    for i in range(MINUTES):
        events = minutes.get((last - timedelta(minutes=MINUTES - 1 - i)).isoformat(timespec="minutes"), 0)
        if events:
            bars.append(f"M{_PITCH * i} {_HEIGHT}v-{-(-events * _HEIGHT // most)}h3V{_HEIGHT}z")
        else:
            quiet.append(f"M{_PITCH * i} {_HEIGHT}v-1h3v1z")
    return "".join(bars), "".join(quiet)
