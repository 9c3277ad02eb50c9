"""Calls of tools, and the replies of models that asked for them. Pure."""

from __future__ import annotations

from typing import Any

from events.otel.mapping.handoffs import is_handoff, names_agent, target_of
from events.otel.mapping.reading import Role
from events.otel.mapping.tree import Node
from events.otel.mapping.wrappers import are_telling

_MAX_OPEN = 256
_MAX_HEIGHT = 64


class _Call:
    """A call of a tool that a reply asks for."""

    __slots__ = ("arguments", "id", "model", "name", "place")

    def __init__(self, model: Node, fields: dict[str, Any], place: int) -> None:
        self.model = model
        self.name: str = fields["name"]
        self.id: str | None = fields.get("id")
        self.arguments = fields.get("arguments")
        self.place = place


class Replies:
    """The replies of models, by the calls of tools that they ask for."""

    def __init__(self) -> None:
        self._by_id: dict[str, _Call] = {}
        self._open: dict[int, list[_Call]] = {}
        """The calls that no tool has answered, by the call of the agent within which they are."""
        self._handoffs: dict[str | None, _Call] = {}
        """The last hand-off to each agent that no span has told."""
        self.left: dict[int, Node | None] = {}
        """Agents within which tools ran that other agents' models had asked for."""

    def add(self, node: Node) -> None:
        """Add the reply of a model. Replies are added in the order of time."""
        if node.reading.reply is None or "tool_calls" not in node.reading.reply:
            return
        open_calls = self._open.setdefault(id(node.agent_node), [])
        for place, fields in enumerate(node.reading.reply["tool_calls"], 1):
            call = _Call(node, fields, place)
            open_calls.append(call)
            if call.id is not None:
                self._by_id.setdefault(call.id, call)
            if is_handoff(call.name):
                self._handoffs[target_of(call.name, call.arguments)] = call
        del open_calls[:-_MAX_OPEN]

    def asked_for(self, node: Node) -> Node | None:
        """Return the model call whose reply asked for a tool, and tell the tool what the reply knows of it.

        Some frameworks give a call another id than the model did: then the tool takes the model's, which the other
        messages have.
        """
        reading = node.reading
        call = self._by_id.get(reading.call_id or "") or self._nearest(node, self._named(node))
        if call is None and node.role == Role.HANDOFF and reading.target is not None:
            call = self._handoffs.get(reading.target)  # the span of the agent may not have come
        if call is None:
            return None
        self._close(call)
        node.place = call.place
        reading.call_id = call.id or reading.call_id
        if not are_telling(reading.arguments) and call.arguments is not None:
            reading.arguments = call.arguments
        if node.role == Role.HANDOFF and reading.target is None and reading.name is not None:
            reading.target = target_of(reading.name, reading.arguments)
        if call.model.agent is not None and (node.agent, node.agent_node) != (call.model.agent, call.model.agent_node):
            self.left[id(node.agent_node)] = node.agent_node
            node.agent, node.agent_node = call.model.agent, call.model.agent_node
        return call.model

    def asked_for_agent(self, node: Node) -> Node | None:
        """Return the model call whose reply called an agent as if it was a tool: by its name, or in the arguments."""
        calls = [
            call
            for call in self._open.get(id(node.agent_node), ())
            if node.agent is not None and (call.name == node.agent or names_agent(call.arguments, node.agent))
        ]
        call = self._nearest(node, calls)
        if call is None or is_handoff(call.name):
            return None
        self._close(call)
        return call.model

    def _named(self, node: Node) -> list[_Call]:
        """Return the open calls that a tool or a hand-off may answer."""
        reading = node.reading
        calls = self._open.get(id(node.agent_node), ())
        if node.role != Role.HANDOFF or reading.target is None:
            return [call for call in calls if call.name == reading.name and _may_be(call.arguments, reading.arguments)]
        return [
            call for call in calls if is_handoff(call.name) and target_of(call.name, call.arguments) == reading.target
        ]

    def _nearest(self, node: Node, calls: list[_Call]) -> _Call | None:
        """Return the call whose model is nearest in the tree; of several the earliest of the latest reply."""
        if len(calls) < 2:
            return calls[0] if calls else None
        heights = {id(above): height for height, above in enumerate(_upwards(node))}
        return min(calls, key=lambda call: (_height(call.model, heights), -call.model.started_ns, call.place))

    def _close(self, call: _Call) -> None:
        calls = self._open.get(id(call.model.agent_node), [])
        if call in calls:
            calls.remove(call)
        if is_handoff(call.name) and self._handoffs.get(target := target_of(call.name, call.arguments)) is call:
            del self._handoffs[target]


def _may_be(asked: Any, given: Any) -> bool:
    """Whether a tool may have been called with the arguments that a reply asks for."""
    return not are_telling(asked) or not are_telling(given) or asked == given


def _upwards(node: Node) -> list[Node]:
    path: list[Node] = []
    above = node.parent
    while above is not None and len(path) < _MAX_HEIGHT:
        path.append(above)
        above = above.parent
    return path


def _height(model: Node, heights: dict[int, int]) -> int:
    """Return how far above a tool the first node is that also is above a model."""
    return next((heights[id(above)] for above in _upwards(model) if id(above) in heights), _MAX_HEIGHT)
