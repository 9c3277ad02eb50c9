"""The agents of a run that have started and have not ended, as a tree: a sub-agent stands under its agent.

An open agent is known by its label: its name, with a number if another agent of this name is open already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

Agents: TypeAlias = dict[str, Any]
"""Open agents by label. The member `agents` of each has those under it."""

MAX_OPEN = 100
"""Most agents that are open at once in a state. Later ones are only counted."""
_MAX_DEPTH = 8
"""Most levels of the tree. A deeper agent stands beside the one that called it."""


def walk(agents: Agents, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield each open agent with the labels that lead to it, an agent before those under it."""
    for label, agent in agents.items():
        path = (*above, label)
        yield path, agent
        yield from walk(agent.get("agents", {}), path)


def labels_of(agents: Agents, name: str) -> list[str]:
    """Return the labels of the open agents of a name."""
    return [path[-1] for path, agent in walk(agents) if agent.get("name", path[-1]) == name]


def opened(agents: Agents, name: str, under: str | None, agent: dict[str, Any]) -> tuple[Agents, str]:
    """Return the tree with one more agent, and its label; `under` is the label of the agent that called it."""
    taken = {path[-1]: path for path, _ in walk(agents)}
    label, n = name, 1
    while label in taken:
        n += 1
        label = f"{name} ({n})"
    added = agent if label == name else {**agent, "name": name}
    path = (taken.get(under, ()) if under is not None else ())[: _MAX_DEPTH - 1]
    return _changed(agents, path, lambda children: {**children, label: added}), label


def updated(agents: Agents, label: str, **members: Any) -> Agents:
    """Return the tree with other values of an agent's members; the same tree if no such agent is open."""
    path = _path(agents, label)
    if path is None:
        return agents
    return _changed(agents, path[:-1], lambda children: {**children, label: {**children[label], **members}})


def closed(agents: Agents, label: str) -> Agents:
    """Return the tree without an agent. Those under it that are still open take its place."""
    path = _path(agents, label)
    if path is None:
        return agents

    def without(children: Agents) -> Agents:
        left = {name: child for name, child in children.items() if name != label}
        return {**left, **children[label].get("agents", {})}

    return _changed(agents, path[:-1], without)


def _path(agents: Agents, label: str) -> tuple[str, ...] | None:
    return next((path for path, _ in walk(agents) if path[-1] == label), None)


def _changed(agents: Agents, path: tuple[str, ...], change: Callable[[Agents], Agents]) -> Agents:
    """Return the tree with other children of the agent to which a path leads; of the run itself if it is empty."""
    if not path:
        return change(agents)
    label, *rest = path
    children = _changed(agents[label].get("agents", {}), tuple(rest), change)
    agent = {**agents[label], "agents": children}
    if not children:
        del agent["agents"]
    return {**agents, label: agent}
