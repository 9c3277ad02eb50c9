"""The Vercel AI SDK: `ai.*`. Pure."""

from __future__ import annotations

from events.otel.mapping.json_text import parsed
from events.otel.mapping.messages import last_text, message_of, messages_of
from events.otel.mapping.reading import AnyRole, Reading, Role
from events.otel.mapping.values import text, usage
from events.otel.spans import Attributes, Span

_USAGE = {
    "input_tokens": ("ai.usage.inputTokens", "ai.usage.promptTokens", "gen_ai.usage.input_tokens"),
    "output_tokens": ("ai.usage.outputTokens", "ai.usage.completionTokens", "gen_ai.usage.output_tokens"),
    "cache_read_tokens": ("ai.usage.cachedInputTokens",),
    "reasoning_tokens": ("ai.usage.reasoningTokens",),
}
_CALLS = (".doGenerate", ".doStream")


def read(span: Span) -> Reading | None:
    """Read a span of this SDK. A call of `generateText`, around model calls and tools, is an agent if it has a name."""
    attributes = span.attributes
    operation = text(attributes.get("ai.operationId"))
    if operation is None and span.name.startswith("ai.") and any(key.startswith("ai.") for key in attributes):
        operation = span.name.partition(" ")[0]
    if operation is None or not operation.startswith("ai."):
        return None
    function = text(attributes.get("ai.telemetry.functionId"))
    role: AnyRole = Role.STEP if function is None else Role.AGENT
    if operation == "ai.toolCall":
        role = Role.TOOL
    elif operation.endswith(_CALLS):
        role = Role.MODEL
    elif operation.endswith(".doEmbed"):
        role = Role.EMBEDDING
    reading = Reading(
        role,
        agent=function,
        conversation=text(attributes.get("ai.telemetry.metadata.sessionId")),
    )
    if role == Role.TOOL:
        reading.name = text(attributes.get("ai.toolCall.name"))
        reading.call_id = text(attributes.get("ai.toolCall.id"))
        reading.arguments = parsed(attributes.get("ai.toolCall.args") or attributes.get("ai.toolCall.input"))
        reading.result = parsed(attributes.get("ai.toolCall.result") or attributes.get("ai.toolCall.output"))
    elif role in (Role.STEP, Role.AGENT):
        reading.name = function or operation
        reading.task = last_text(attributes.get("ai.prompt"))
        reading.output = parsed(attributes.get("ai.response.text") or attributes.get("ai.response.object"))
    else:
        _read_model(reading, attributes)
    return reading


def _read_model(reading: Reading, attributes: Attributes) -> None:
    reading.model = text(attributes.get("ai.response.model")) or text(attributes.get("ai.model.id"))
    reading.provider = text(attributes.get("ai.model.provider"))
    reading.finish_reason = text(attributes.get("ai.response.finishReason"))
    reading.usage = usage(attributes, _USAGE)
    if reading.role == Role.EMBEDDING:
        return
    reading.messages = messages_of(attributes.get("ai.prompt.messages"))
    reading.reply = message_of(
        {
            "role": "assistant",
            "content": attributes.get("ai.response.text") or attributes.get("ai.response.object"),
            "tool_calls": attributes.get("ai.response.toolCalls"),
        }
    )
