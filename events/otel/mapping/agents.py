"""The agent of each node of a run. Pure.

Some conventions name the agent on each span, some only on the agent's own, some in the span's name. Where nothing
names one, the service is the agent.
"""

from __future__ import annotations

from bisect import bisect_right

from events.otel.mapping.reading import SILENT, WORK, Role
from events.otel.mapping.tree import Node, in_time

_OPERATION = "invoke_agent"
_UNKNOWN_SERVICE = "unknown_service"
DOINGS = frozenset({Role.MODEL, Role.TOOL, Role.HANDOFF}) | WORK


def name_agents(ordered: list[Node]) -> None:
    """Give each node its agent, and the call of this agent within which it happened. Parents come first."""
    calls: dict[str, list[Node]] = {}
    for node in ordered:
        if node.role == Role.AGENT:
            node.agent = node.reading.name = node.reading.name or node.reading.agent or _name_of_span(node)
            calls.setdefault(node.agent or "", []).append(node)
        else:
            node.agent = node.reading.agent or _inherited(node)
    for same in calls.values():
        same.sort(key=in_time)
    starts = {name: [node.started_ns for node in same] for name, same in calls.items()}
    for node in ordered:
        nearest = _nearest(node)
        if nearest is not None and node.agent == nearest.agent:
            node.agent_node = nearest
        else:
            node.agent_node = (
                _around(node, calls.get(node.agent or "", []), starts.get(node.agent or "", [])) or nearest
            )
    _part_workflows(ordered)


def name_services(nodes: list[Node]) -> None:
    """Let the service be the agent of what no agent did."""
    for node in nodes:
        if node.agent is None and node.role not in (Role.WORKFLOW, *SILENT):
            node.agent = _service(node)


def _inherited(node: Node) -> str | None:
    """Return the agent of the span above. A model that a tool calls is the tool's, if nothing names another agent."""
    above = node.above
    if node.role == Role.MODEL and above is not None and above.role == Role.TOOL:
        return above.reading.name
    return None if node.parent is None else node.parent.agent


def _nearest(node: Node) -> Node | None:
    """Return the call of an agent that a node is directly within."""
    parent = node.parent
    if parent is None:
        return None
    return parent if parent.role == Role.AGENT else parent.agent_node


def _around(node: Node, calls: list[Node], starts: list[int]) -> Node | None:
    """Return the last call of an agent that began before a node and ended after it, though it is not above it."""
    index = bisect_right(starts, node.started_ns) - 1
    if index < 0 or calls[index] is node or calls[index].ended_ns < node.ended_ns:
        return None
    return calls[index]


def _part_workflows(ordered: list[Node]) -> None:
    """Let a root that calls itself an agent, and leaves all work to agents below it, be the workflow."""
    working_ids = {id(node.agent_node) for node in ordered if node.role in DOINGS}
    parts = {
        id(node): node for node in ordered if node.role == Role.AGENT and node.is_root and id(node) not in working_ids
    }
    if not parts or not any(node.role == Role.AGENT and id(node) not in parts for node in ordered):
        return
    names = {node.agent for node in parts.values()}
    for node in parts.values():
        node.role = Role.WORKFLOW
    for node in ordered:
        if id(node.agent_node) in parts:
            node.agent_node = None
        if node.agent in names and node.agent_node is None and node.role != Role.AGENT:
            node.agent = None


def _name_of_span(node: Node) -> str | None:
    """Return the name of an agent's span; the service, if the span is named after what it does alone."""
    name = node.span.name or None
    return _service(node) or name if name == _OPERATION else name


def _service(node: Node) -> str | None:
    name = node.span.resource.get("service.name")
    return name if isinstance(name, str) and not name.startswith(_UNKNOWN_SERVICE) else None
