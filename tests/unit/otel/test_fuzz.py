"""Whatever spans hold, a log takes what they are mapped to."""

from __future__ import annotations

import json
from typing import Any

from django.test import override_settings
from hypothesis import example, given, settings
from hypothesis import strategies as st

from events.otel.careful import limits_of_logs
from events.otel.mapping.run import map_run
from events.otel.spans import Link, LogRecord, Span, SpanEvent
from tests.support.mapped import SMALL, USUAL, check

TRACE = "0af7651916cd43dd8448eb211c80319c"
NAMES = [
    "gen_ai.operation.name",
    "gen_ai.agent.name",
    "gen_ai.tool.name",
    "gen_ai.tool.call.id",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.usage.input_tokens",
    "gen_ai.request.model",
    "gen_ai.conversation.id",
    "gen_ai.prompt.0.content",
    "gen_ai.completion.0.tool_calls.0.name",
    "openinference.span.kind",
    "input.value",
    "output.value",
    "metadata",
    "llm.input_messages.0.message.role",
    "llm.input_messages.1.message.content",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id",
    "llm.token_count.prompt",
    "traceloop.span.kind",
    "traceloop.entity.input",
    "traceloop.entity.name",
    "ai.operationId",
    "ai.prompt.messages",
    "ai.toolCall.args",
    "ai.response.toolCalls",
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.llm_response",
    "langfuse.observation.type",
    "langfuse.observation.input",
    "langfuse.observation.output",
    "langfuse.observation.usage_details",
    "langsmith.span.kind",
    "langsmith.metadata.lc_agent_name",
    "logfire.msg_template",
    "logfire.msg",
    "request_data",
    "response_data",
    "mastra.span.type",
    "mastra.model_step.output",
    "all_messages_events",
    "agent_name",
    "messaging.operation",
    "gcp.vertex.agent.llm_response",
    "crew_key",
    "error.type",
    "http.route",
]
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_messages = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "role": st.sampled_from(["user", "assistant", "tool", "system", "ai"]) | _json,
            "content": _json,
            "parts": st.lists(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "type": st.sampled_from(["text", "tool_call", "tool_call_response", "blob", "reasoning"])
                        | _json,
                        "content": _json,
                        "id": _json,
                        "name": st.text(max_size=10) | _json,
                        "arguments": _json,
                        "response": _json,
                    },
                ),
                max_size=3,
            ),
            "tool_calls": _json,
        },
    ),
    max_size=4,
)
_texts = st.sampled_from(
    [
        "chat",
        "invoke_agent",
        "execute_tool",
        "invoke_workflow",
        "LLM",
        "generation",
        "model_step",
        "agent_run",
        "Agent run: {name!r}",
        "TOOL",
        "AGENT",
        "CHAIN",
        "RETRIEVER",
        "workflow",
        "agent",
        "tool",
        "task",
        "ai.toolCall",
        "ai.generateText.doGenerate",
        "transfer_to_router",
        "a",
        "\x00",
        "é" * 300,
    ]
)
_values: st.SearchStrategy[Any] = (
    _texts
    | st.text(max_size=40)
    | st.builds(json.dumps, _json)
    | st.builds(json.dumps, _messages)
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.binary(max_size=20)
    | st.booleans()
    | st.lists(st.text(max_size=10), max_size=3)
    | st.none()
)
_attributes = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=12), _values, max_size=8)
_ids = st.sampled_from(["00000000000000a" + digit for digit in "0123456"])
_clocks = st.integers(0, 12) | st.sampled_from([1_795_936_291_529_545_465, 2**64 - 1])
_spans = st.builds(
    Span,
    trace_id=st.sampled_from([TRACE, "f" * 32]),
    span_id=_ids,
    parent_id=st.none() | _ids,
    name=_texts | st.text(max_size=12) | st.sampled_from(["handoff to b", "agent_run [x]", "ai.toolCall", "y" * 500]),
    started_ns=_clocks,
    ended_ns=_clocks,
    attributes=_attributes,
    events=st.lists(
        st.builds(
            SpanEvent,
            name=st.sampled_from(["exception", "gen_ai.choice", "gen_ai.user.message", "other"]),
            time_ns=_clocks,
            attributes=st.dictionaries(
                st.sampled_from(["exception.message", "content", "message"]), _values, max_size=2
            ),
        ),
        max_size=2,
    ).map(tuple),
    links=st.lists(st.builds(Link, trace_id=st.just("f" * 32), span_id=_ids), max_size=1).map(tuple),
    kind=st.integers(-1, 9),
    status_code=st.integers(0, 3),
    status_message=st.text(max_size=10),
    scope=st.sampled_from(
        [
            "",
            "pydantic-ai",
            "agent_framework",
            "autogen SingleThreadedAgentRuntime",
            "gcp.vertex.agent",
            "openlit.otel.tracing",
            "logfire",
            "semantic_kernel.agents",
        ]
    ),
    resource=st.dictionaries(st.just("service.name"), _values, max_size=1),
    has_remote_parent=st.booleans(),
)
_records = st.builds(
    LogRecord,
    trace_id=st.just(TRACE),
    span_id=st.none() | _ids,
    name=st.sampled_from(["gen_ai.choice", "gen_ai.user.message", "gen_ai.client.inference.operation.details"]),
    time_ns=_clocks,
    attributes=_attributes,
    body=_json,
)
CIRCLE = [
    Span(TRACE, "1" * 16, "2" * 16, "a", 5, 5, {"gen_ai.operation.name": "invoke_agent"}),
    Span(TRACE, "2" * 16, "1" * 16, "b", 5, 5, {"gen_ai.operation.name": "execute_tool"}),
    Span(TRACE, "3" * 16, "3" * 16, "c", 5, 5, {"gen_ai.operation.name": "chat"}),
]


@settings(max_examples=400)
@given(st.lists(_spans, min_size=1, max_size=8), st.lists(_records, max_size=3), st.sampled_from([USUAL, SMALL]))
@example(CIRCLE, [], USUAL)
def test_a_log_takes_whatever_is_mapped(spans: list[Span], records: list[LogRecord], limits: Any) -> None:
    with override_settings(EVENTSITE=limits):
        check(map_run(spans, records, limits=limits_of_logs()))
