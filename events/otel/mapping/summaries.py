"""The tasks and the outputs of agents and of the run, also where only the calls of their models have them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from events.otel.mapping.messages import last_text
from events.otel.mapping.reading import Message, Role
from events.otel.mapping.tree import Node


def complete(timed: list[Node], root: Node | None) -> None:
    """Fill task and output of agents from the calls of their models, and those of the run from its agents."""
    outputs: dict[int, tuple[Node, Any]] = {}
    agents = [node for node in timed if node.role == Role.AGENT]
    for agent in agents:
        step = agent.parent
        if step is not None and step.role == Role.STEP and isinstance(step.reading.task, str):
            agent.reading.task = step.reading.task
        _fill(agent, task=_last_content(agent.reading.messages), output=_reply_of(agent))
    models = [node for node in timed if node.role == Role.MODEL]
    for node in models:
        if node.agent_node is not None:
            _fill(node.agent_node, task=_asked_of(node))
            if _is_answer(node):
                outputs[id(node.agent_node)] = node.agent_node, _reply_of(node)
    for agent, reply in outputs.values():
        _fill(agent, output=reply)
    if root is not None:
        _fill(root, task=_last_content(root.reading.messages), output=_reply_of(root))
        outer = sorted(
            (agent for agent in agents if agent.agent_node in (None, root)), key=lambda agent: agent.ended_ns
        )
        _fill(root, task=agents[0].reading.task if agents else _asked_of(models[0]) if models else None)
        _fill(root, output=next((agent.reading.output for agent in reversed(outer)), None))
        if root.reading.output is None:
            _fill(root, output=next((_reply_of(node) for node in reversed(models) if _is_answer(node)), None))


def _fill(node: Node, *, task: Any = None, output: Any = None) -> None:
    reading = node.reading
    if reading.task is None:
        reading.task = task
    if reading.output is None:
        reading.output = output


def _reply_of(node: Node) -> Any:
    return (node.reading.reply or {}).get("content")


def _is_answer(node: Node) -> bool:
    """Whether a reply ends what its agent does: it asks for no tool."""
    return node.reading.reply is not None and "tool_calls" not in node.reading.reply and _reply_of(node) is not None


def _asked_of(node: Node) -> str | None:
    """Return what a model was asked: the first of the messages by users after all others. Context may follow it."""
    question: str | None = None
    for message in reversed(node.reading.messages or ()):
        if message["role"] == "user":
            question = message.get("content", question)
        elif question is not None:
            break
    return question


def _last_content(messages: Iterable[Message] | None) -> Any:
    content = next((message["content"] for message in reversed(list(messages or ())) if "content" in message), None)
    return last_text(content) if isinstance(content, str) and content[:1] == "{" else content
