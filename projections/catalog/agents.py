"""The projection `agents`: the last act of each agent, its workflows, and its rate of events.

The rate comes from the times of the agent's own events. A state can't know the current time, so a silent agent keeps
the rate of its last minutes, and `last_seen` tells how old it is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from projections import AGENT, Decoded, Projection
from projections.catalog.words import is_failure

_WINDOW = timedelta(minutes=15)
_WORKFLOWS = 10

agents = Projection(
    "agents",
    version=2,
    about="What each agent did last and when, its current workflow and the ones before, and its events a minute.",
    key=AGENT,
    initial={
        "events": 0,
        "first_seen": None,
        "last_seen": None,
        "last": None,
        "workflow": None,
        "workflows": {},
        "minutes": {},
        "last_15_minutes": 0,
        "failures": 0,
        "last_failure": None,
    },
    materialised=True,
)


@agents.on("*")
def act(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    at = happened.at.astimezone(UTC)
    seen = at.isoformat()
    last = {"type": happened.type, "stream": happened.stream, "position": happened.position, "at": seen}
    minutes = _with_minute(state["minutes"], at)
    after = {
        **state,
        "events": state["events"] + 1,
        "first_seen": state["first_seen"] or seen,
        "last_seen": max(state["last_seen"] or seen, seen),
        "last": last,
        "minutes": minutes,
        "last_15_minutes": sum(minutes.values()),
    }
    if is_failure(happened.type):
        after |= {"failures": state["failures"] + 1, "last_failure": last}
    if happened.workflow is not None:
        others = {name: each for name, each in state["workflows"].items() if name != happened.workflow}
        recent = [*others.items(), (happened.workflow, happened.position)]
        after |= {"workflow": happened.workflow, "workflows": dict(recent[-_WORKFLOWS:])}
    return after


def _with_minute(minutes: dict[str, int], at: datetime) -> dict[str, int]:
    """Return the events by minute, for the quarter of an hour that ends with the latest. Agents' clocks may go back."""
    minute = _minute(at)
    if minute in minutes:
        return {**minutes, minute: minutes[minute] + 1}
    latest = datetime.fromisoformat(max([minute, *minutes]))
    # The window is not subtracted from a time, as there may be no time so early.
    recent = (each for each in [*minutes, minute] if latest - datetime.fromisoformat(each) < _WINDOW)
    return {each: minutes.get(each, 1) for each in sorted(recent)}


def _minute(at: datetime) -> str:
    return at.isoformat(timespec="minutes")
