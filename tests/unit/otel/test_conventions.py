"""Spans of conventions and frameworks of which there is no captured run here, and details of the captured ones."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest

from events.otel.mapping.run import MappedEvent, map_run
from events.otel.spans import LogRecord, Span, SpanEvent
from tests.support.mapped import lines

TRACE = "0af7651916cd43dd8448eb211c80319c"
_clock = count(1_000_000_000, 1_000_000)


def span(name: str, parent: Any = None, /, scope: Any = "test", status: Any = 0, **attributes: Any) -> Span:
    """A span of one millisecond, each later than the one before. Attributes: `a_b=1` is a_b, `**{"a.b": 1}` a.b."""
    started = next(_clock)
    return Span(
        TRACE,
        f"{started:016x}",
        None if parent is None else parent.span_id,
        name,
        started,
        started + 500_000,
        attributes,
        status_code=status,
        scope=scope,
    )


def lasting(whole: Span, *parts: Span) -> Span:
    """A span that lasts until its parts have ended."""
    fields = {field: getattr(whole, field) for field in Span.__struct_fields__}
    return Span(**{**fields, "ended_ns": max(part.ended_ns for part in parts) + 1_000})


def datas(events: list[MappedEvent]) -> list[dict[str, Any]]:
    return [json.loads(event.data) for event in events]


def told(*spans: Span, records: list[LogRecord] | None = None) -> list[MappedEvent]:
    return map_run(spans, records or []).events


def test_vercel_ai() -> None:
    outer = span(
        "ai.generateText", **{"ai.operationId": "ai.generateText", "ai.prompt": '{"prompt":"Where is order 7?"}'}
    )
    messages = json.dumps(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Where is order 7?"}]},
        ]
    )
    calls = json.dumps([{"toolCallId": "c1", "toolName": "track", "input": '{"order":7}'}])
    model = span(
        "ai.generateText.doGenerate",
        outer,
        **{
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.prompt.messages": messages,
            "ai.response.toolCalls": calls,
            "ai.response.finishReason": "tool-calls",
            "ai.model.id": "gpt-4o",
            "ai.model.provider": "openai.chat",
            "ai.usage.promptTokens": 9,
            "ai.usage.completionTokens": 4,
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.system": "openai",
        },
    )
    tool = span(
        "ai.toolCall",
        outer,
        **{
            "ai.operationId": "ai.toolCall",
            "ai.toolCall.name": "track",
            "ai.toolCall.id": "c1",
            "ai.toolCall.args": '{"order":7}',
        },
        **{"ai.toolCall.result": '{"at":"depot"}'},
    )
    events = told(lasting(outer, model, tool), model, tool)
    assert lines(events) == [
        "  0 -      workflow.started  -          ai.generateText",
        "  1 <0     model.replied     -          track 9+4",
        "  2 <1     tool.called       -          track",
        "  3 <2     tool.returned     -          track",
        "  4 <3     workflow.finished -          ai.generateText",
    ]
    started, replied, called, returned, _ = datas(events)
    assert started["task"] == "Where is order 7?"
    assert replied["tool_calls"] == [{"id": "c1", "name": "track", "arguments": {"order": 7}}]
    assert [message["content"] for message in replied["messages"]] == ["Be brief.", "Where is order 7?"]
    assert (called["arguments"], returned["result"]) == ({"order": 7}, {"at": "depot"})


def test_openllmetry_with_numbered_prompts() -> None:
    run = span("depot.workflow", **{"traceloop.span.kind": "workflow", "traceloop.entity.name": "depot"})
    agent = span("router.agent", run, **{"traceloop.span.kind": "agent", "traceloop.entity.name": "router"})
    model = span(
        "openai.chat",
        agent,
        **{
            "llm.request.type": "chat",
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": "You route.",
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": "Route order 7.",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.tool_calls.0.id": "c1",
            "gen_ai.completion.0.tool_calls.0.name": "reserve",
            "gen_ai.completion.0.tool_calls.0.arguments": '{"van": "V1"}',
            "gen_ai.usage.prompt_tokens": 5,
            "gen_ai.usage.completion_tokens": 3,
        },
    )
    tool = span(
        "reserve.tool",
        agent,
        **{
            "traceloop.span.kind": "tool",
            "traceloop.entity.name": "reserve",
            "traceloop.entity.output": '{"ok": true}',
        },
    )
    agent = lasting(agent, model, tool)
    events = told(lasting(run, agent), agent, model, tool)
    assert lines(events) == [
        "  0 -      workflow.started  -          depot",
        "  1 <0     agent.started     router     router",
        "  2 <1     model.replied     router     reserve 5+3",
        "  3 <2     tool.called       router     reserve",
        "  4 <3     tool.returned     router     reserve",
        "  5 <4     agent.finished    router     router",
        "  6 <5     workflow.finished -          depot",
    ]
    assert datas(events)[3] == {"name": "reserve", "arguments": {"van": "V1"}, "call_id": "c1"}
    assert datas(events)[2]["messages"][-1] == {"role": "user", "content": "Route order 7."}


def test_google_adk_whose_tools_are_within_the_call_of_the_model() -> None:
    scope = "gcp.vertex.agent"
    run = span("invocation [hello_app]", scope=scope)
    agent = span("agent_run [hello_agent]", run, scope=scope)
    request = {
        "model": "gemini-2.0-flash",
        "config": {"system_instruction": "Greet with the tool."},
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
    }
    response = {
        "content": {"role": "model", "parts": [{"function_call": {"id": "adk-1", "name": "say_hello", "args": {}}}]},
        "usage_metadata": {"prompt_token_count": 20, "candidates_token_count": 2},
        "finish_reason": "STOP",
    }
    model = span(
        "call_llm",
        agent,
        scope=scope,
        **{
            "gen_ai.system": "gcp.vertex.agent",
            "gen_ai.request.model": "gemini-2.0-flash",
            "gcp.vertex.agent.event_id": "e1",
            "gcp.vertex.agent.session_id": "session-1",
            "gcp.vertex.agent.llm_request": json.dumps(request),
            "gcp.vertex.agent.llm_response": json.dumps(response),
        },
    )
    tool = span(
        "execute_tool say_hello",
        model,
        scope=scope,
        **{
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "say_hello",
            "gen_ai.tool.call.id": "adk-1",
            "gcp.vertex.agent.event_id": "e2",
            "gcp.vertex.agent.tool_call_args": "{}",
            "gcp.vertex.agent.tool_response": '{"greeting": "Hello"}',
            "gcp.vertex.agent.llm_request": "{}",
            "gcp.vertex.agent.llm_response": "{}",
        },
    )
    model = lasting(model, tool)
    agent = lasting(agent, model)
    events = told(lasting(run, agent), agent, model, tool)
    assert lines(events) == [
        "  0 -      workflow.started  -          invocation [hello_app]",
        "  1 <0     agent.started     hello_agent hello_agent",
        "  2 <1     model.replied     hello_agent say_hello 20+2",
        "  3 <2     tool.called       hello_agent say_hello",
        "  4 <3     tool.returned     hello_agent say_hello",
        "  5 <4     agent.finished    hello_agent hello_agent",
        "  6 <5     workflow.finished -          invocation [hello_app]",
    ]
    assert events[0].correlation_id == "session-1"
    assert datas(events)[1]["task"] == "hi"
    assert datas(events)[4]["result"] == {"greeting": "Hello"}


def test_messages_as_events_within_the_span() -> None:
    chat = span("chat", **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude"})
    message = {"message": '[{"text": "Good day."}]', "finish_reason": "end_turn"}
    events = (
        SpanEvent("gen_ai.user.message", 1, {"content": '[{"text": "Hello"}]'}),
        SpanEvent("gen_ai.choice", 2, message),
    )
    fields = {field: getattr(chat, field) for field in Span.__struct_fields__}
    [data] = datas(told(Span(**{**fields, "events": events})))
    assert (data["content"], data["finish_reason"]) == ("Good day.", "end_turn")
    assert data["messages"] == [{"role": "user", "content": "Hello"}]


def test_messages_only_in_a_log_record() -> None:
    chat = span("generate_content gemini", **{"gen_ai.operation.name": "generate_content"})
    attributes: dict[str, Any] = {
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}],
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Good day."}]}],
    }
    record = LogRecord(TRACE, chat.span_id, "gen_ai.client.inference.operation.details", 5, attributes, None)
    [data] = datas(told(chat, records=[record]))
    assert (data["content"], data["messages"]) == ("Good day.", [{"role": "user", "content": "Hello"}])


def test_older_pydantic_ai() -> None:
    agent = span("agent run", scope="pydantic-ai", agent_name="router", final_result="on V2")
    choice = {"event.name": "gen_ai.choice", "message": {"role": "assistant", "content": "on V2"}}
    asked = {"event.name": "gen_ai.user.message", "role": "user", "content": "a van?"}
    chat = span(
        "chat gpt-4o",
        agent,
        scope="pydantic-ai",
        **{"gen_ai.operation.name": "chat", "events": json.dumps([asked, choice])},
    )
    tools = span("running 1 tool", agent, scope="pydantic-ai")
    tool = span(
        "running tool",
        tools,
        scope="pydantic-ai",
        **{"gen_ai.tool.name": "reserve", "tool_arguments": '{"van":"V2"}', "tool_response": '"done"'},
    )
    events = told(lasting(agent, chat, tool), chat, tools, tool)
    assert [event.type for event in events] == [
        "workflow.started",
        "agent.started",
        "model.replied",
        "tool.called",
        "tool.returned",
        "agent.finished",
        "workflow.finished",
    ]
    assert datas(events)[1] == {"name": "router", "task": "a van?"}
    assert datas(events)[3]["arguments"] == {"van": "V2"}


def test_of_wrappers_of_a_model_call_the_innermost_is_the_call() -> None:
    kind = {"openinference.span.kind": "LLM"}
    outer = span("predict_and_call", **kind, **{"output.value": "on V2"})
    middle = span("achat", outer, **kind, **{"llm.token_count.prompt": 7, "llm.token_count.completion": 2})
    inner = span("ChatCompletion", middle, **kind, **{"llm.model_name": "gpt-4o"})
    [event] = told(lasting(outer, inner), lasting(middle, inner), inner)
    data = json.loads(event.data)
    assert event.id.split(":")[1] == inner.span_id
    assert (data["content"], data["model"], data["input_tokens"]) == ("on V2", "gpt-4o", 7)


def test_a_tool_that_two_instrumentations_saw_is_told_once_with_its_error() -> None:
    outer = span(
        "router.reserve", **{"openinference.span.kind": "TOOL", "tool.name": "reserve", "output.value": "full"}
    )
    inner = span(
        "execute_tool reserve",
        outer,
        status=2,
        **{"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "reserve", "error.type": "ValueError"},
    )
    events = told(lasting(outer, inner), inner)
    assert [event.type for event in events] == ["tool.called", "tool.failed"]
    assert datas(events)[1]["error"]["type"] == "ValueError"


def test_a_hand_off_that_only_a_reply_tells() -> None:
    run = span("swarm", **{"gen_ai.operation.name": "invoke_workflow"})
    first = span("invoke_agent a", run, **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"})
    call = {"type": "tool_call", "id": "c", "name": "transfer_to_b", "arguments": {"task": "find a van"}}
    reply = json.dumps([{"role": "assistant", "parts": [call]}])
    chat = span("chat", first, **{"gen_ai.operation.name": "chat", "gen_ai.output.messages": reply})
    second = span("invoke_agent b", run, **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "b"})
    first = lasting(first, chat)
    events = told(lasting(run, second), first, chat, second)
    [delegated] = [event for event in events if event.type == "task.delegated"]
    assert json.loads(delegated.data) == {"target": "b", "by": "a", "instruction": "find a van"}
    [replied] = [event for event in events if event.type == "model.replied"]
    assert delegated.causation_id == replied.id
    [started] = [event for event in events if event.type == "agent.started" and event.agent == "b"]
    assert started.causation_id == delegated.id


def test_spans_of_no_convention_are_told_as_they_came() -> None:
    request = span("POST /chat", **{"http.route": "/chat"})
    query = span("SELECT", request, status=2, **{"db.system": "postgresql"})
    events = told(lasting(request, query), query)
    assert [event.type for event in events] == ["span.failed", "span.ended"]
    assert datas(events)[1]["attributes"] == {"http.route": "/chat"}


def test_a_request_around_an_agent_is_the_run_and_keeps_its_attributes() -> None:
    request = span("POST /chat", **{"http.route": "/chat"})
    agent = span("invoke_agent a", request, **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"})
    events = told(lasting(request, agent), agent)
    assert [event.type for event in events] == [
        "workflow.started",
        "agent.started",
        "agent.finished",
        "workflow.finished",
    ]
    assert datas(events)[0]["attributes"] == {"http.route": "/chat"}


@pytest.mark.parametrize(
    ("kind", "type"), [("RETRIEVER", "retrieval"), ("EMBEDDING", "embedding"), ("GUARDRAIL", "guardrail")]
)
def test_other_work_makes_one_event(kind: str, type: str) -> None:
    attributes = {
        "openinference.span.kind": kind,
        "input.value": "order 7",
        "retrieval.documents.0.document.content": "Order 7 is at the depot.",
    }
    [event] = told(span("look", **attributes))
    assert event.type == f"{type}.finished"
    assert json.loads(event.data)["input"] == "order 7"


def test_of_a_failure_only_the_innermost_step_is_told() -> None:
    run = span("depot", status=2, **{"openinference.span.kind": "CHAIN"})
    outer = span("node", run, status=2, **{"openinference.span.kind": "CHAIN"})
    inner = span("gate", outer, status=2, **{"openinference.span.kind": "CHAIN"})
    agent = span("a.run", run, **{"openinference.span.kind": "AGENT"})
    outer = lasting(outer, inner)
    events = told(lasting(run, agent), outer, inner, agent)
    assert [json.loads(event.data)["name"] for event in events if event.type == "step.failed"] == ["gate"]
    assert events[-1].type == "workflow.failed"


def test_the_conversation_of_the_root_counts_not_that_of_a_sub_agent() -> None:
    root = span("a", **{"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "order-7"})
    child = span("b", root, **{"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "other"})
    assert {event.correlation_id for event in told(child, lasting(root, child))} == {"order-7"}
    assert {event.correlation_id for event in told(child)} == {"other"}
