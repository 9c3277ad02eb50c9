"""The spans of frameworks' own machinery: messages that a runtime carries from agent to agent. Pure.

They make no events, and agents and tools below them belong to what is above them.
"""

from __future__ import annotations

from events.otel.mapping.reading import Reading, Role
from events.otel.mapping.values import text
from events.otel.spans import Span

_RUNTIMES = ("autogen ", "agent_runtime ")
_OPENLIT = "openlit"
_NODES = frozenset({"model", "agent", "tools", "call_model", "__start__", "__end__"})
"""LangGraph's own names of nodes, which OpenLIT takes for agents."""
_AGENT_FRAMEWORK = "agent_framework"
_STEPS = ("executor.process", "edge_group.process", "message.send")


def read(span: Span) -> Reading | None:
    """Read a span of a runtime: of AutoGen, Semantic Kernel, the Agent Framework, or LangGraph."""
    if span.scope.startswith(_OPENLIT) and text(span.attributes.get("gen_ai.agent.name")) in _NODES:
        return Reading(Role.CARRIER, name=span.name)
    if span.scope.startswith("semantic_kernel") and "gen_ai.operation.name" not in span.attributes:
        return Reading(Role.STEP, name=span.name)
    if span.scope.startswith(_RUNTIMES) and "messaging.operation" in span.attributes:
        return Reading(Role.CARRIER, name=span.name)
    if span.scope != _AGENT_FRAMEWORK:
        return None
    if span.name.startswith(_STEPS):
        return Reading(Role.CARRIER, name=span.name)
    if span.name.startswith("workflow.build"):
        return Reading(Role.SETUP, name=span.name)
    if span.name.startswith("workflow.run"):
        name = span.attributes.get("workflow.name")
        return Reading(Role.WORKFLOW, name=name if isinstance(name, str) else None)
    return None
