"""Calls of tools: their arguments and results as frameworks wrap them, and the replies that asked for them. Pure."""

from __future__ import annotations

from ast import literal_eval
from typing import Any

from events.otel.mapping.json_text import parsed
from events.otel.mapping.messages import message_of
from events.otel.mapping.reading import Message, Reading, Role
from events.otel.mapping.tree import Node

_MAX_LITERAL_CHARACTERS = 4_096


def unwrap(node: Node) -> None:
    """Take arguments and result of a tool out of LangChain's objects."""
    reading = node.reading
    if isinstance(reading.arguments, dict) and isinstance(text := reading.arguments.get("input_str"), str):
        reading.arguments = _literal(text)
    message = _tool_message(reading.result)
    if message is None:
        return
    reading.call_id = reading.call_id or message.get("call_id")
    reading.result = parsed(message.get("content"))


def _tool_message(result: Any) -> Message | None:
    if isinstance(result, dict) and set(result) <= {"output", "kwargs"} and isinstance(result.get("output"), dict):
        result = result["output"]
    if not isinstance(result, dict) or not isinstance(result.get("kwargs", result.get("data")), dict):
        return None
    message = message_of(result)
    return message if message is not None and message["role"] == "tool" else None


def _literal(text: str) -> Any:
    """Read the arguments that LangChain wrote as Python does. A long text stays a text."""
    if len(text) > _MAX_LITERAL_CHARACTERS:
        return text
    try:
        value = literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


class Replies:
    """The replies of models, by the calls of tools that they ask for."""

    def __init__(self) -> None:
        self._by_id: dict[str, tuple[Node, dict[str, Any]]] = {}
        self._open: dict[int, list[tuple[Node, dict[str, Any]]]] = {}

    def add(self, node: Node) -> None:
        """Add the reply of a model. Replies are added in the order of time."""
        asked = [(node, call) for call in (node.reading.reply or {}).get("tool_calls", ())]
        for one in asked:
            if "id" in one[1]:
                self._by_id.setdefault(one[1]["id"], one)
        self._open[id(node.agent_node)] = asked

    def asked_for(self, node: Node) -> Node | None:
        """Return the model call whose reply asked for a tool, and let the tool know its call's id and arguments."""
        reading = node.reading
        one = self._by_id.get(reading.call_id or "") or self._by_name(node)
        if one is None:
            return None
        model, call = one
        asked = self._open.get(id(model.agent_node), [])
        if one in asked:
            asked.remove(one)
        if reading.call_id is None:
            reading.call_id = call.get("id")
        if not isinstance(reading.arguments, dict) and isinstance(call.get("arguments"), dict):
            reading.arguments = call["arguments"]
        return model

    def _by_name(self, node: Node) -> tuple[Node, dict[str, Any]] | None:
        if node.reading.call_id is not None:
            return None
        names = _names(node.reading)
        return next((one for one in self._open.get(id(node.agent_node), ()) if one[1]["name"] in names), None)


def _names(reading: Reading) -> tuple[str | None, ...]:
    if reading.role is Role.HANDOFF:
        return (reading.name, f"transfer_to_{reading.target}")
    return (reading.name,)
