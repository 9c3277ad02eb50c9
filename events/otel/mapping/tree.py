"""The spans of a run as a tree in which each node is a workflow, an agent, a model call, a tool call, …. Pure.

Steps stay in the tree, but what is below them counts as a child of what is above them. What tells a thing twice,
because a framework wraps its own calls or two instrumentations saw one, is folded into one node.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from events.otel.mapping.conventions import Reader, read
from events.otel.mapping.errors import error_of
from events.otel.mapping.handoffs import is_handoff, target_of
from events.otel.mapping.reading import PASSED, Reading, Role
from events.otel.mapping.wrappers import unwrap
from events.otel.spans import LogRecord, Span

_MAX_SIDE_BY_SIDE = 16
"""Agents of one name that run at the same time."""


class Node:
    """One span, and what it says.

    `parent` is the node of its parent span, if that is known; `above` is the nearest one upwards that is no step.
    `agent` is the agent that did it, and `agent_node` the call of this agent within which it happened. `is_root`: it is
    a trace's own root, or stands for one.
    """

    __slots__ = (
        "above",
        "agent",
        "agent_node",
        "children",
        "ended_ns",
        "error",
        "id",
        "is_root",
        "metadata",
        "parent",
        "place",
        "reading",
        "role",
        "span",
        "started_ns",
        "twins",
    )

    def __init__(self, span: Span, reading: Reading) -> None:
        self.span = span
        self.id = f"{span.trace_id}:{span.span_id}"
        self.reading = reading
        self.role = reading.role
        """The role that its span says, or that the other spans give it."""
        self.started_ns = span.started_ns
        self.ended_ns = max(span.started_ns, span.ended_ns)
        self.error = error_of(span, reading)
        self.parent: Node | None = None
        self.above: Node | None = None
        self.children: list[Node] = []
        self.twins: list[Node] = []
        """The nodes that tell the same, and were folded into this one."""
        self.is_root = span.parent_id is None
        self.agent: str | None = None
        self.agent_node: Node | None = None
        self.place = 0
        """The place of a tool's call among those that one reply asks for, from 1 on."""
        self.metadata: bytes | None = None
        """The metadata that its events have in common, as JSON."""

    def fold_into(self, other: Node) -> None:
        """Let another node tell what this one tells, with what only this one knows."""
        other.reading.fill(self.reading)
        other.error = other.error or self.error
        other.twins += (self, *self.twins)
        self.pass_on()

    def pass_on(self) -> None:
        """Let this node make no event. Its agent still counts for what is below it."""
        self.error = None
        self.role = Role.CARRIER
        self.reading = Reading(Role.CARRIER, name=self.reading.name, agent=self.reading.agent)


def in_time(node: Node) -> tuple[int, int, str]:
    """Sort nodes by this: by start, and what lasts longer first, as it holds the other."""
    return node.started_ns, -node.ended_ns, node.id


def tree_of(
    spans: Iterable[Span], records: Sequence[LogRecord], *, read: Reader = read
) -> tuple[list[Node], list[Node]]:
    """Return the nodes of a run, each after its parent, and the same nodes in the order of time.

    A span that came twice counts once: the one that ended last, as some exporters send a span before it has ended.
    """
    latest: dict[tuple[str, str], Span] = {}
    for span in spans:
        key = span.trace_id, span.span_id
        other = latest.get(key)
        if other is None or (span != other and (span.ended_ns, repr(span)) > (other.ended_ns, repr(other))):
            latest[key] = span
    records_by_span: dict[tuple[str, str], list[LogRecord]] = {}
    for record in records:
        records_by_span.setdefault((record.trace_id, record.span_id or ""), []).append(record)
    nodes = {key: Node(span, read(span, records_by_span.get(key, ()))) for key, span in latest.items()}
    timed = sorted(nodes.values(), key=in_time)
    for node in timed:
        parent = nodes.get((node.span.trace_id, node.span.parent_id or ""))
        if parent is not None:
            node.parent = parent
            parent.children.append(node)
    _find_roots(timed)
    ordered = _from_the_roots(timed)
    if _adopt_siblings(ordered):
        ordered = _from_the_roots(timed)
    _demote_workflows(ordered)
    _name_handoffs(ordered)
    _fold_twins(ordered)
    _fold_models(ordered)
    _fold_responses(ordered)
    _look_up(ordered)
    return ordered, timed


def _find_roots(nodes: list[Node]) -> None:
    """Let spans that another process has called be the roots of a run if no root has come: theirs may go elsewhere."""
    if not any(node.is_root for node in nodes):
        for node in nodes:
            node.is_root = node.parent is None and node.span.has_remote_parent


def _from_the_roots(timed: list[Node]) -> list[Node]:
    """Return the nodes, each after its parent. A circle of parents, as no exporter sends it, is cut."""
    ordered: list[Node] = []
    visited_ids: set[int] = set()
    for start in sorted(timed, key=lambda node: node.parent is not None):
        if id(start) in visited_ids:
            continue
        if start.parent is not None:
            start.parent.children.remove(start)
            start.parent = None
        visited_ids.add(id(start))
        stack = [start]
        while stack:
            node = stack.pop()
            ordered.append(node)
            for child in reversed(node.children):
                if id(child) not in visited_ids:
                    visited_ids.add(id(child))
                    stack.append(child)
    return ordered


def _look_up(ordered: list[Node]) -> None:
    for node in ordered:
        parent = node.parent
        node.above = None if parent is None else parent.above if parent.role in PASSED else parent


def _adopt_siblings(ordered: list[Node]) -> bool:
    """Let an agent without children take the step beside it that has its name, as OpenLLMetry tells inner graphs."""
    has_adopted = False
    childless = (node for node in ordered if node.role == Role.AGENT and not node.children)
    parents = {id(node.parent): node.parent for node in childless if node.parent is not None}
    for parent in parents.values():
        steps: dict[str | None, deque[Node]] = {}
        for child in parent.children:
            if child.role == Role.STEP:
                steps.setdefault(child.reading.name, deque()).append(child)
        for agent in parent.children if steps else ():
            if agent.role != Role.AGENT or agent.children:
                continue
            if (step := _step_within(agent, steps.get(agent.reading.name, deque()))) is not None:
                step.parent = agent
                agent.children.append(step)
                has_adopted = True
        parent.children = [child for child in parent.children if child.parent is parent]
    return has_adopted


def _step_within(agent: Node, steps: deque[Node]) -> Node | None:
    """Take the first of some steps that lies within an agent. Agents and steps come in the order of time."""
    while steps and steps[0].started_ns < agent.started_ns:
        steps.popleft()
    for index, step in enumerate(islice(steps, _MAX_SIDE_BY_SIDE)):
        if step.ended_ns <= agent.ended_ns:
            del steps[index]
            return step
    return None


def _demote_workflows(ordered: list[Node]) -> None:
    """Let a workflow within something else be a step. A root that is no workflow takes what its workflow knows."""
    filled_ids: set[int] = set()
    roots: dict[int, Node] = {}
    for node in ordered if any(node.role == Role.WORKFLOW for node in ordered) else ():
        root = roots[id(node)] = node if node.parent is None else roots[id(node.parent)]
        if node.role != Role.WORKFLOW or node.parent is None:
            continue
        if root.role == Role.AGENT and root is node.parent and root.reading.name == node.reading.name:
            root.role, root.reading.agent = Role.WORKFLOW, None
            node.reading.agent = None
        if root.role in (Role.OTHER, Role.STEP, Role.WORKFLOW) and id(root) not in filled_ids:
            filled_ids.add(id(root))
            root.reading.fill(node.reading)
        node.role = Role.STEP
        node.reading = Reading(Role.STEP, name=node.reading.name, agent=node.reading.agent)


def _name_handoffs(ordered: list[Node]) -> None:
    """Let the tools by which an agent hands over to another one be hand-offs."""
    for node in ordered:
        if node.role != Role.TOOL:
            continue
        reading = node.reading
        unwrap(reading)
        if reading.name is not None and is_handoff(reading.name):
            node.role = Role.HANDOFF
            reading.target = target_of(reading.name, reading.arguments)


def _fold_twins(ordered: list[Node]) -> None:
    """Let an outer node tell what an inner one tells again: an agent within the same agent, a tool within itself."""
    for node in ordered:
        parent = node.parent
        above = node.above = None if parent is None else parent.above if parent.role in PASSED else parent
        if above is not None and _tells_the_same(node, above):
            node.fold_into(above)


def _tells_the_same(node: Node, above: Node) -> bool:
    if node.role != above.role:
        return False
    if node.role == Role.HANDOFF:
        return node.reading.target in (None, above.reading.target)
    return node.role in (Role.AGENT, Role.TOOL) and node.reading.name in (None, above.reading.name)


def _fold_models(ordered: list[Node]) -> None:
    """Let the innermost of nested model calls be the call. If it is the only one, it takes what the outer ones know."""
    inner: dict[int, list[Node]] = {}  # at most two of each, as only the number of one matters
    for node in reversed(ordered):
        if node.role != Role.MODEL:
            continue
        calls = inner.get(id(node), [])
        if len(calls) == 1:
            _take_calls(calls[0].reading, node.reading)
            node.fold_into(calls[0])
        elif calls:
            node.pass_on()
        if node.above is not None and node.above.role == Role.MODEL:
            calls_within = inner.setdefault(id(node.above), [])
            calls_within += (calls or [node])[: 2 - len(calls_within)]


def _fold_responses(ordered: list[Node]) -> None:
    """Let one span tell a call of a model that two instrumentations saw side by side: they have the same response."""
    calls: dict[str, Node] = {}
    for node in ordered:
        response_id = node.reading.response_id if node.role == Role.MODEL else None
        if response_id is None:
            continue
        first = calls.setdefault(response_id, node)
        if first is not node and first.parent is node.parent and first.span.scope != node.span.scope:
            better, other = (node, first) if first.reading.reply is None else (first, node)
            other.fold_into(better)
            calls[response_id] = better


def _take_calls(inner: Reading, outer: Reading) -> None:
    """Let the reply of a wrapper count, if it alone tells which tools the model asked for."""
    if inner.reply is not None and "tool_calls" not in inner.reply and "tool_calls" in (outer.reply or {}):
        inner.reply = outer.reply
