"""What agents and the run were asked and what they answered, also where only their models' calls tell it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from events.otel.mapping.reading import Message, Role
from events.otel.mapping.tree import Node


def complete(timed: list[Node], root: Node | None) -> None:
    """Fill task and output of agents from the calls of their models, and those of the run from its agents."""
    outputs: dict[int, tuple[Node, Any]] = {}
    agents = [node for node in timed if node.role is Role.AGENT]
    for agent in agents:
        _fill(agent, task=_last_content(agent.reading.messages), output=_reply_of(agent))
    for node in timed:
        caller = node.agent_node
        if node.role is Role.MODEL and caller is not None:
            _fill(caller, task=_last_content(_of_users(node.reading.messages)))
            if (reply := _reply_of(node)) is not None:
                outputs[id(caller)] = caller, reply
    for agent, reply in outputs.values():
        _fill(agent, output=reply)
    if root is not None:
        _fill(root, task=_last_content(root.reading.messages), output=_reply_of(root))
        _fill(root, task=next((agent.reading.task for agent in agents), None))
        _fill(root, output=next((agent.reading.output for agent in reversed(agents)), None))


def _fill(node: Node, *, task: Any = None, output: Any = None) -> None:
    reading = node.reading
    if reading.task is None:
        reading.task = task
    if reading.output is None:
        reading.output = output


def _reply_of(node: Node) -> Any:
    return (node.reading.reply or {}).get("content")


def _of_users(messages: list[Message] | None) -> list[Message]:
    return [message for message in messages or () if message["role"] == "user"]


def _last_content(messages: Iterable[Message] | None) -> str | None:
    return next((message["content"] for message in reversed(list(messages or ())) if "content" in message), None)
