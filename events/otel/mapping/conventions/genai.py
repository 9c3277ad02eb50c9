"""OpenTelemetry's conventions for generative AI, of today and as they were. Pure.

Messages are attributes of the span, or of a log event with all of them, or come as one event for each message.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from events.otel.mapping.json_text import parsed
from events.otel.mapping.messages import message_of, messages_of
from events.otel.mapping.reading import AnyRole, Message, Reading, Role
from events.otel.mapping.values import text, usage
from events.otel.spans import Attributes, LogRecord, Span

OPERATIONS: dict[str, AnyRole] = {
    "chat": Role.MODEL,
    "generate_content": Role.MODEL,
    "text_completion": Role.MODEL,
    "embeddings": Role.EMBEDDING,
    "retrieval": Role.RETRIEVAL,
    "create_agent": Role.SETUP,
    "invoke_agent": Role.AGENT,
    "invoke_workflow": Role.WORKFLOW,
    "execute_tool": Role.TOOL,
    "execute_task": Role.STEP,
    "chain": Role.STEP,
    "plan": Role.STEP,
}
_ROLE_OF_EVENT = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "assistant",
}
_COUNTING = frozenset({Role.MODEL, Role.EMBEDDING})
_CHOICE = "gen_ai.choice"
_RESPONSE_ID = "resp_"
"""The beginning of what OpenAI's Responses API calls a response."""
_DETAILS = "gen_ai.client.inference.operation.details"
_USAGE = {
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cache_read_tokens": ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
    "cache_creation_tokens": ("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens"),
    "reasoning_tokens": ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
    "cost": ("gen_ai.usage.cost", "operation.cost"),
}


def read(span: Span, records: Sequence[LogRecord]) -> Reading | None:
    """Read a span of these conventions, with the log records that belong to it."""
    attributes = span.attributes
    role = _role(attributes)
    if role is None:
        return None
    get = attributes.get
    reading = Reading(
        role,
        agent=text(get("gen_ai.agent.name")),
        conversation=_conversation(attributes) or text(get("session.id")),
        model=text(get("gen_ai.response.model") or get("gen_ai.request.model")),
        response_id=text(get("gen_ai.response.id")),
        provider=text(get("gen_ai.provider.name") or get("gen_ai.system")),
    )
    if role == Role.TOOL:
        _read_tool(reading, attributes)
    elif role == Role.AGENT:
        reading.name = reading.agent or _after(span.name, "invoke_agent")
    elif role == Role.WORKFLOW:
        reading.name = text(attributes.get("gen_ai.workflow.name")) or _after(span.name, "invoke_workflow")
    elif role in _COUNTING:
        reading.usage = usage(attributes, _USAGE)
        reading.finish_reason = _first(attributes.get("gen_ai.response.finish_reasons"))
    _read_messages(reading, span, records)
    if span.events:
        _read_history(reading, ((one.name, one.attributes, None) for one in span.events))
    if role == Role.TOOL:
        _read_tool_events(reading)
    return reading


def _role(attributes: Attributes) -> AnyRole | None:
    operation = attributes.get("gen_ai.operation.name")
    if isinstance(operation, str):
        return OPERATIONS.get(operation, Role.STEP)
    if "gen_ai.tool.name" in attributes:
        return Role.TOOL
    return Role.MODEL if "gen_ai.request.model" in attributes else None


def _conversation(attributes: Attributes) -> str | None:
    """Return the conversation that a span names. The id of a response only names the call before."""
    conversation = text(attributes.get("gen_ai.conversation.id"))
    return None if conversation is None or conversation.startswith(_RESPONSE_ID) else conversation


def _read_tool(reading: Reading, attributes: Attributes) -> None:
    reading.name = text(attributes.get("gen_ai.tool.name"))
    reading.call_id = text(attributes.get("gen_ai.tool.call.id"))
    reading.arguments = parsed(attributes.get("gen_ai.tool.call.arguments"))
    reading.result = parsed(attributes.get("gen_ai.tool.call.result"))


def _read_tool_events(reading: Reading) -> None:
    """Take arguments and result of a tool from messages, as those have them who tell all by events."""
    if reading.arguments is None and reading.messages:
        reading.arguments = parsed(reading.messages[-1].get("content"))
    if reading.result is None and reading.reply is not None:
        reading.result = parsed(reading.reply.get("content"))
    reading.messages = reading.reply = None


def _read_messages(reading: Reading, span: Span, records: Sequence[LogRecord]) -> None:
    holders = [span.attributes]
    if span.events:
        holders += [event.attributes for event in span.events if event.name == _DETAILS]
    for record in records:
        if record.name not in _ROLE_OF_EVENT:
            holders.append(record.attributes)
            if isinstance(body := parsed(record.body), dict):
                holders.append(body)
    for holder in holders:
        if reading.messages is None and (messages := messages_of(holder.get("gen_ai.input.messages"))) is not None:
            reading.messages = messages
        if reading.reply is None and (replies := messages_of(holder.get("gen_ai.output.messages"))):
            reading.reply = _reply_in(replies)
    if reading.messages is not None:
        instructions = next((message for holder in holders if (message := _instructions(holder))), None)
        reading.messages = reading.messages if instructions is None else [instructions, *reading.messages]
    if records and any(record.name in _ROLE_OF_EVENT for record in records):
        ordered = sorted(records, key=lambda record: record.time_ns)
        _read_history(reading, ((record.name, record.attributes, parsed(record.body)) for record in ordered))


def _reply_in(messages: list[Message]) -> Message:
    """Return the last message by the model. Some frameworks put the results of tools among what an agent gave."""
    for message in reversed(messages):
        if message["role"] == "assistant":
            return message
    return messages[-1]


def _instructions(holder: Attributes) -> Message | None:
    instructions = holder.get("gen_ai.system_instructions")
    return message_of({"role": "system", "content": parsed(instructions)}) if instructions else None


def _read_history(reading: Reading, events: Iterable[tuple[str, Attributes, Any]]) -> None:
    """Read one event for each message, as older instrumentations record them: as log records, or within the span."""
    messages: list[Message] = []
    for name, attributes, body in events:
        role = _ROLE_OF_EVENT.get(name)
        fields = body if isinstance(body, dict) else attributes
        if role is None or not (message := message_of(_fields(name, role, fields))):
            continue
        if name == _CHOICE:
            reading.reply = reading.reply or message
            reading.finish_reason = reading.finish_reason or text(fields.get("finish_reason"))
        else:
            messages.append(message)
    if messages and reading.messages is None:
        reading.messages = messages


def _fields(name: str, role: str, fields: Attributes) -> dict[str, Any]:
    """Return the fields of one message: a choice has its message inside, as an object or as text."""
    inner = parsed(fields.get("message")) if name == _CHOICE else None
    if isinstance(inner, dict):
        return {"role": role, **inner}
    content = parsed(fields.get("content")) if inner is None else inner
    return {**fields, "role": role, "content": content}


def _first(value: Any) -> str | None:
    value = parsed(value)
    return text(value[0]) if isinstance(value, list) and value else text(value)


def _after(name: str, operation: str) -> str | None:
    """Return what stands after the operation in the name of a span; None if nothing does."""
    return None if name == operation else name.removeprefix(f"{operation} ") or None
