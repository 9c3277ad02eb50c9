"""Calls of tools, and the replies of models that asked for them. Pure."""

from __future__ import annotations

from typing import Any

from events.otel.mapping.handoffs import is_handoff, target_of
from events.otel.mapping.reading import Role
from events.otel.mapping.tree import Node
from events.otel.mapping.wrappers import are_telling

_Asked = tuple[Node, dict[str, Any]]
"""The call of a model, and a call of a tool that its reply asks for."""


class Replies:
    """The replies of models, by the calls of tools that they ask for."""

    def __init__(self) -> None:
        self._by_id: dict[str, _Asked] = {}
        self._open: dict[int, list[_Asked]] = {}

    def add(self, node: Node) -> None:
        """Add the reply of a model. Replies are added in the order of time."""
        asked = [(node, call) for call in (node.reading.reply or {}).get("tool_calls", ())]
        for one in asked:
            if "id" in one[1]:
                self._by_id.setdefault(one[1]["id"], one)
        self._open[id(node.agent_node)] = asked

    def asked_for(self, node: Node) -> Node | None:
        """Return the model call whose reply asked for a tool, and tell the tool what the reply knows of it.

        Some frameworks give a call another id than the model did: then the tool takes the model's, which the other
        messages have.
        """
        reading = node.reading
        one = self._by_id.get(reading.call_id or "") or self._called(node, reading.name)
        if one is None:
            return None
        model, call = one
        self._close(one)
        reading.call_id = call.get("id") or reading.call_id
        if not are_telling(reading.arguments) and "arguments" in call:
            reading.arguments = call["arguments"]
        if reading.role is Role.HANDOFF and reading.target is None and reading.name is not None:
            reading.target = target_of(reading.name, reading.arguments)
        if node.agent is None and node.agent_node is None:
            node.agent, node.agent_node = model.agent, model.agent_node
        return model

    def asked_for_agent(self, node: Node) -> Node | None:
        """Return the model call whose reply called an agent by its name, as if it was a tool."""
        one = self._called(node, node.agent)
        if one is None:
            return None
        self._close(one)
        return one[0]

    def _called(self, node: Node, name: str | None) -> _Asked | None:
        """Return the first open call of a tool by its name, within the call of the agent that a node is in."""
        calls = self._open.get(id(node.agent_node), ())
        target = node.reading.target
        for one in calls:
            called = one[1]["name"]
            if called == name or (target is not None and is_handoff(called) and target_of(called, None) == target):
                return one
        return None

    def _close(self, one: _Asked) -> None:
        calls = self._open.get(id(one[0].agent_node), [])
        if one in calls:
            calls.remove(one)
