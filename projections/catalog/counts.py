"""The projection `counts`: the number of events by type, by agent, by stream, and in all.

An event counts in four states: `all`, `type:…`, `agent:…` and `stream:…`. So there are as many states as there are
names, and each stays small: it splits its events by type and by agent, for a hundred names of each. It never reads
the data of events.
"""

from __future__ import annotations

from typing import Any

from projections import Decoded, Key, Projection

_NAMES = 100
"""Most types, or agents, that a state counts one by one: the first ones. The others share one count."""


def _kinds(happened: Decoded) -> list[str]:
    by_agent = [f"agent:{happened.agent}"] if happened.agent else []
    return ["all", f"type:{happened.type}", *by_agent, f"stream:{happened.stream}"]


counts = Projection(
    "counts",
    about="How many events there are in “all”, and of each “type:…”, “agent:…” and “stream:…”; the first and the last.",
    key=Key("all, type, agent, stream", _kinds),
    initial={
        "events": 0,
        "types": {},
        "other_types": 0,
        "agents": {},
        "other_agents": 0,
        "first": None,
        "last": None,
    },
    materialised=True,
)


@counts.on("*")
def count(state: dict[str, Any], happened: Decoded) -> dict[str, Any]:
    types, other_types = _counted(state["types"], state["other_types"], happened.type)
    agents, other_agents = state["agents"], state["other_agents"]
    if happened.agent:
        agents, other_agents = _counted(agents, other_agents, happened.agent)
    here = {"position": happened.position, "at": happened.at.isoformat()}
    return {
        "events": state["events"] + 1,
        "types": types,
        "other_types": other_types,
        "agents": agents,
        "other_agents": other_agents,
        "first": state["first"] or here,
        "last": here,
    }


def _counted(names: dict[str, int], others: int, name: str) -> tuple[dict[str, int], int]:
    """Return the counts by name, and the count of all other names, with one more."""
    if name in names or len(names) < _NAMES:
        return {**names, name: names.get(name, 0) + 1}, others
    return names, others + 1
