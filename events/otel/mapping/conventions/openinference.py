"""OpenInference (Arize Phoenix): the kind of a span is an attribute, and messages are flattened into many. Pure."""

from __future__ import annotations

import re
from typing import Any

from events.otel.mapping.flattened import flattened_messages, unflattened
from events.otel.mapping.json_text import parsed
from events.otel.mapping.messages import last_text, message_of, messages_of
from events.otel.mapping.reading import WORK, AnyRole, Reading, Role
from events.otel.mapping.values import text, usage
from events.otel.spans import Attributes, Span

_KINDS: dict[str, AnyRole] = {
    "LLM": Role.MODEL,
    "TOOL": Role.TOOL,
    "AGENT": Role.AGENT,
    "CHAIN": Role.STEP,
    "PROMPT": Role.STEP,
    "DECISION": Role.STEP,
    "UNKNOWN": Role.STEP,
    "RETRIEVER": Role.RETRIEVAL,
    "EMBEDDING": Role.EMBEDDING,
    "RERANKER": Role.RERANKING,
    "GUARDRAIL": Role.GUARDRAIL,
    "EVALUATOR": Role.EVALUATION,
}
_USAGE = {
    "input_tokens": ("llm.token_count.prompt",),
    "output_tokens": ("llm.token_count.completion",),
    "cache_read_tokens": ("llm.token_count.prompt_details.cache_read",),
    "cache_creation_tokens": ("llm.token_count.prompt_details.cache_write",),
    "reasoning_tokens": ("llm.token_count.completion_details.reasoning",),
    "cost": ("llm.cost.total",),
}
_HANDOFF = "handoff to "
_TELLING = ("lc_agent_name", "langgraph_checkpoint_ns")
_PYTHON_OBJECT = re.compile(r"id='[^']*' source='|[A-Z]\w*\(\w+=")
"""The form in which AutoGen's messages, and most objects of Python, print themselves."""
_CURRENT_AGENT = re.compile(r"current_agent_name='([^']*)'")
"""The place where LlamaIndex tells which agent a step of its workflow belongs to."""
_AGENT_STEPS = (".run_agent_step", ".setup_agent")
_ENDINGS = ("._execute_core", ".kickoff_async", ".kickoff", ".run_stream", ".on_messages_stream", ".run", ".arun")


def read(span: Span) -> Reading | None:
    """Read a span of this convention."""
    attributes = span.attributes
    kind = attributes.get("openinference.span.kind")
    role = _KINDS.get(kind.upper()) if isinstance(kind, str) else None
    if role is None:
        return None
    metadata = _metadata(attributes)
    reading = Reading(
        role,
        agent=text(attributes.get("agent.name"))
        or text(attributes.get("gen_ai.agent.name"))
        or text(metadata.get("lc_agent_name")),
        conversation=text(attributes.get("session.id")) or _thread(metadata),
    )
    if role == Role.MODEL:
        _read_model(reading, attributes)
        reading.agent = reading.agent or _graph_node(metadata)
    elif role == Role.TOOL:
        _read_tool(reading, span)
    elif role == Role.EMBEDDING:
        reading.model = text(attributes.get("embedding.model_name"))
        reading.usage = usage(attributes, _USAGE)
    elif role == Role.RETRIEVAL:
        reading.output = unflattened(attributes, "retrieval.documents.")
    else:
        _read_agent(reading, span, metadata)
    reading.name = reading.name or _short(span.name)
    if role not in (Role.MODEL, Role.TOOL) and (reading.role != Role.STEP or span.parent_id is None):
        _read_values(reading, attributes)
    return reading


def _metadata(attributes: Attributes) -> dict[str, Any]:
    """Return the metadata of a span if they say what nothing else does: a thread, or the name of LangChain's agent."""
    text = attributes.get("metadata")
    if isinstance(text, str) and "session.id" in attributes and not any(word in text for word in _TELLING):
        return {}
    metadata = parsed(text)
    return metadata if isinstance(metadata, dict) else {}


def _read_values(reading: Reading, attributes: Attributes) -> None:
    """Read input and output of a run, an agent, or other work. Steps make no events, so theirs are not read."""
    if reading.task is None and "input.value" in attributes:
        task = last_text(attributes["input.value"])
        reading.task = None if _is_machinery(task) else task
    if reading.output is None and "output.value" in attributes:
        value = attributes["output.value"]
        output = parsed(value) if reading.role in WORK else last_text(value, is_output=True)
        reading.output = None if _is_machinery(output) else output


def _is_machinery(value: Any) -> bool:
    """Whether a text is a Python object as it prints itself, or an object what a framework starts with."""
    if isinstance(value, dict):
        return "init_state" in value or "ctx" in value
    return value == "None" or (isinstance(value, str) and _PYTHON_OBJECT.match(value) is not None)


def _thread(metadata: dict[str, Any]) -> str | None:
    return text(metadata.get("session_id")) or text(metadata.get("thread_id"))


def _read_agent(reading: Reading, span: Span, metadata: dict[str, Any]) -> None:
    """Read an agent or a step. LangChain's agents are chains that bear the name of their agent."""
    attributes = span.attributes
    is_langchain = metadata.get("ls_integration") == "langchain_create_agent"
    if reading.role == Role.STEP and is_langchain and span.name == metadata.get("lc_agent_name"):
        reading.role = Role.AGENT
    if span.name.endswith(_AGENT_STEPS) and isinstance(value := attributes.get("input.value"), str):
        names = _CURRENT_AGENT.findall(value)
        reading.agent = names[-1] if names else reading.agent
    if reading.role == Role.AGENT:
        reading.agent = reading.agent or text(attributes.get("graph.node.id")) or _short(span.name)
        reading.name = reading.agent
        if "input.value" not in attributes:
            reading.messages = flattened_messages(attributes, "llm.input_messages.")


def _graph_node(metadata: dict[str, Any]) -> str | None:
    """Return the node of LangGraph's outermost graph that called a model: people name nodes after their agents."""
    namespace = text(metadata.get("langgraph_checkpoint_ns"))
    return None if namespace is None else namespace.partition("|")[0].partition(":")[0] or None


def _read_model(reading: Reading, attributes: Attributes) -> None:
    reading.model = text(attributes.get("llm.model_name"))
    reading.provider = text(attributes.get("llm.provider")) or text(attributes.get("llm.system"))
    reading.finish_reason = text(attributes.get("llm.finish_reason"))
    reading.usage = usage(attributes, _USAGE)
    response = parsed(attributes.get("output.value"))
    reading.response_id = text(response.get("id")) if isinstance(response, dict) else None
    reading.messages = flattened_messages(attributes, "llm.input_messages.")
    if reading.messages is None:
        reading.messages = messages_of(attributes.get("input.value"))
    replies = flattened_messages(attributes, "llm.output_messages.")
    if replies:
        reading.reply = replies[-1]
    elif reading.usage is None and isinstance(response, dict) and "messages" in response and "choices" not in response:
        reading.role = Role.CARRIER  # it only makes the request, as LlamaIndex' `_prepare_chat_with_tools` does
    elif output := last_text(attributes.get("output.value"), is_output=True):
        reading.reply = message_of({"role": "assistant", "content": output})


def _read_tool(reading: Reading, span: Span) -> None:
    attributes = span.attributes
    if span.name.startswith(_HANDOFF):
        reading.role = Role.HANDOFF
        reading.target = text(attributes.get("output.value")) or span.name.removeprefix(_HANDOFF)
        return
    reading.name = text(attributes.get("tool.name"))
    reading.call_id = text(attributes.get("tool.id")) or text(attributes.get("tool_call.id"))
    arguments = attributes.get("tool_call.function.arguments") or attributes.get("input.value")
    reading.arguments = parsed(arguments)
    reading.result = parsed(attributes.get("output.value"))


def _short(name: str) -> str | None:
    """Return the part of a span's name that names an agent or a tool: `CodeAgent.run` is CodeAgent."""
    if not name.endswith(_ENDINGS):
        return name or None
    return name.removesuffix(next(ending for ending in _ENDINGS if name.endswith(ending))) or None
