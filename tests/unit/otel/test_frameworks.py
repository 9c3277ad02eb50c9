"""What frameworks do differently from what conventions say: wrappers, results in objects, kinds of their own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from events.otel.mapping.run import map_run
from events.otel.spans import Span, SpanEvent
from tests.support.spans import agent, chat, data_of, span, told, tool

CHAIN = {"openinference.span.kind": "CHAIN"}


@pytest.mark.parametrize(
    ("given", "result"),
    [
        ('"sent"', "sent"),
        ('{"result": "sent"}', "sent"),
        ('{"id": "a", "name": "look", "response": {"result": "sent"}}', "sent"),
        ('[{"type": "text", "text": "{\\"van\\": 2}"}]', {"van": 2}),
        ('{"raw_input": {}, "raw_output": "sent", "is_error": false}', "sent"),
    ],
)
def test_results_are_taken_out_of_what_frameworks_put_around_them(given: str, result: Any) -> None:
    events = map_run([tool(1, None, 0, 9, "look", **{"gen_ai.tool.call.result": given})]).events
    assert data_of(events, "tool.returned")["result"] == result


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        ('{"args": [], "sanitize_inputs_outputs": true, "kwargs": {"order": 1}}', {"order": 1}),
        ('{"args": ["1"], "kwargs": {}}', ["1"]),
        ('{"kwargs": {"order": 1}}', {"order": 1}),
    ],
)
def test_arguments_are_taken_out_of_the_call_of_a_function(given: str, arguments: Any) -> None:
    events = map_run([tool(1, None, 0, 9, "look", **{"gen_ai.tool.call.arguments": given})]).events
    assert data_of(events, "tool.called")["arguments"] == arguments


def test_an_error_that_a_tool_gives_as_its_result_is_a_failure_and_tells_the_reason() -> None:
    result = {"gen_ai.tool.call.result": '{"error": "V1 is full"}'}
    events = map_run([tool(1, None, 0, 9, "look", **result)]).events
    assert data_of(events, "tool.failed")["error"] == {"message": "V1 is full"}
    events = map_run([tool(1, None, 0, 9, "look", status=2, **result, **{"error.type": "TOOL_ERROR"})]).events
    assert data_of(events, "tool.failed")["error"] == {"type": "TOOL_ERROR", "message": "V1 is full"}


def test_a_span_that_only_makes_the_request_of_a_model_is_no_call() -> None:
    request = {"openinference.span.kind": "LLM", "output.value": '{"messages": [], "tools": []}'}
    reply = {"openinference.span.kind": "LLM", "llm.output_messages.0.message.content": "hi"}
    events = map_run([span(1, None, 0, 9, **CHAIN), span(2, 1, 1, 2, **request), span(3, 1, 3, 8, **reply)]).events
    assert [event.type for event in events] == ["workflow.started", "model.replied", "workflow.finished"]


def test_an_operation_that_is_not_known_is_a_step() -> None:
    events = told(
        agent(1, None, 0, 9, "a"), span(2, 1, 1, 8, **{"gen_ai.operation.name": "agent_step"}), chat(3, 2, 2, 7)
    )
    assert [line.split()[2] for line in events][2:3] == ["model.replied"]
    assert not any("span." in line for line in events)


def test_a_graph_within_a_graph_takes_the_step_beside_it() -> None:
    step = {"traceloop.span.kind": "task", "traceloop.entity.name": "router"}
    events = told(
        span(1, None, 0, 90, name="w", **{"traceloop.span.kind": "workflow"}),
        agent(2, 1, 1, 40, "router"),
        span(3, 1, 2, 39, **step),
        chat(4, 3, 3, 30),
    )
    assert events[2] == "  2 <1     model.replied     router"


def test_an_answer_is_the_output_and_not_what_comes_with_a_call() -> None:
    events = map_run(
        [
            agent(1, None, 0, 90, "a"),
            chat(2, 1, 1, 9, text="It is there."),
            chat(3, 1, 10, 20, {"id": "c", "name": "look"}, text="I look."),
        ]
    ).events
    assert data_of(events, "agent.finished")["output"] == "It is there."


def test_messages_in_events_of_the_span_each_in_one_of_its_own() -> None:
    details = "gen_ai.client.inference.operation.details"
    asked = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Where?"}]}])
    reply = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "There."}]}])
    events = (
        SpanEvent(details, 1, {"gen_ai.input.messages": asked}),
        SpanEvent(details, 1, {"gen_ai.system_instructions": '[{"type": "text", "content": "Be brief."}]'}),
        SpanEvent(details, 2, {"gen_ai.output.messages": reply}),
    )
    data = data_of(
        map_run([span(1, None, 0, 9, events=events, **{"gen_ai.operation.name": "chat"})]).events, "model.replied"
    )
    assert (data["content"], [message["content"] for message in data["messages"]]) == (
        "There.",
        ["Be brief.", "Where?"],
    )


def test_bedrock_tells_calls_and_results_in_its_own_shape() -> None:
    call = {"toolUse": {"toolUseId": "c1", "name": "look", "input": {"order": 1}}}
    message = json.dumps([{"text": "I look."}, call])
    events = (SpanEvent("gen_ai.choice", 1, {"message": message, "finish_reason": "tool_use"}),)
    data = data_of(
        map_run([span(1, None, 0, 9, events=events, **{"gen_ai.operation.name": "chat"})]).events, "model.replied"
    )
    assert data["tool_calls"] == [{"id": "c1", "name": "look", "arguments": {"order": 1}}]
    assert data["content"] == "I look."


def test_logfire_tells_the_kind_of_a_span_by_its_template() -> None:
    scope = "logfire.openai_agents"
    response = {
        "instructions": "You route.",
        "output": [{"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"order": 1}'}],
    }
    assert told(
        span(
            1, None, 0, 90, scope=scope, **{"logfire.msg_template": "OpenAI Agents trace: {name}", "name": "delivery"}
        ),
        span(2, 1, 1, 80, scope=scope, **{"logfire.msg_template": "Agent run: {name!r}"}, **{"logfire.msg": "router"}),
        span(3, 2, 2, 70, scope=scope, **{"logfire.msg_template": "Turn {turn} for agent {name}"}),
        span(
            4,
            3,
            3,
            9,
            scope=scope,
            **{"logfire.msg_template": "Responses API with {model!r}", "response": json.dumps(response)},
        ),
        span(5, 3, 10, 20, scope=scope, **{"logfire.msg_template": "Function: {name}", "logfire.msg": "look"}),
    )[1:5] == [
        "  1 <0     agent.started     router     router",
        "  2 <1     model.replied     router     look",
        "  3 <2     tool.called       router     look",
        "  4 <3     tool.returned     router     look",
    ]


def test_a_wrapper_of_a_call_may_know_the_tools_that_the_model_asked_for() -> None:
    output = {"text": "I look.", "toolCalls": [{"toolCallId": "c1", "toolName": "look", "args": {"order": 1}}]}
    step = {"mastra.span.type": "model_step", "mastra.model_step.output": json.dumps(output)}
    events = map_run(
        [
            agent(1, None, 0, 90, "a", **{"mastra.span.type": "agent_run", "mastra.agent_run.input": "Where?"}),
            span(2, 1, 1, 30, **{"gen_ai.operation.name": "agent_step"}, **step),
            chat(3, 2, 2, 29, text="I look."),
            tool(4, 2, 10, 20, "look", **{"gen_ai.tool.call.id": "c1"}),
        ]
    ).events
    assert data_of(events, "agent.started")["task"] == "Where?"
    assert data_of(events, "model.replied")["tool_calls"][0]["name"] == "look"
    assert [event.type for event in events].count("model.replied") == 1


def test_a_tool_whose_span_tells_no_result_takes_it_from_what_the_model_is_told() -> None:
    results = [("c1", "at the depot"), ("c2", '{"error": "V1 is full"}')]
    parts = [{"type": "tool_call_response", "id": id, "response": text} for id, text in results]
    history = json.dumps([{"role": "tool", "parts": parts}])
    events = map_run(
        [
            agent(1, None, 0, 90, "a"),
            chat(2, 1, 1, 9, {"id": "c1", "name": "look"}, {"id": "c2", "name": "reserve"}),
            tool(3, 1, 10, 20, "look", **{"gen_ai.tool.call.id": "c1"}),
            tool(4, 1, 10, 20, "reserve", status=2, **{"gen_ai.tool.call.id": "c2", "error.type": "TOOL_ERROR"}),
            chat(5, 1, 21, 30, text="done", **{"gen_ai.input.messages": history}),
        ]
    ).events
    assert data_of(events, "tool.returned")["result"] == "at the depot"
    assert data_of(events, "tool.failed")["error"] == {"type": "TOOL_ERROR", "message": "V1 is full"}
    assert "messages" not in [json.loads(event.data) for event in events if event.type == "model.replied"][-1]


def test_one_response_is_one_call_although_two_instrumentations_saw_it_side_by_side() -> None:
    same = {"gen_ai.response.id": "msg_1", "gen_ai.usage.input_tokens": 7}
    bare = span(2, 1, 1, 9, scope="com.anthropic.sdk.python", **{"gen_ai.operation.name": "chat"}, **same)
    events = map_run([agent(1, None, 0, 90, "a"), bare, chat(3, 1, 1, 8, text="hi", **same)]).events
    [data] = [json.loads(event.data) for event in events if event.type == "model.replied"]
    assert (data["content"], data["input_tokens"]) == ("hi", 7)


def test_langsmith_tells_content_as_langchain_gives_it() -> None:
    made = {"langsmith.metadata.lc_agent_name": "router", "langsmith.metadata.thread_id": "order-7"}
    dump = {"lc": 1, "type": "constructor", "kwargs": {"content": "on V2", "type": "ai"}}
    chain = {"langsmith.span.kind": "chain", "langsmith.metadata.ls_integration": "langchain_create_agent"}
    events = map_run(
        [
            span(1, None, 0, 90, name="router", **chain, **made),
            span(
                2,
                1,
                1,
                9,
                name="ChatOpenAI",
                **made,
                **{
                    "langsmith.span.kind": "llm",
                    "gen_ai.operation.name": "chat",
                    "gen_ai.prompt": json.dumps({"messages": [[{"type": "human", "data": {"content": "a van?"}}]]}),
                    "gen_ai.completion": json.dumps({"generations": [[{"text": "on V2", "message": dump}]]}),
                },
            ),
        ]
    ).events
    assert {event.agent for event in events} == {"router"}
    assert events[0].correlation_id == "order-7"
    data = data_of(events, "model.replied")
    assert (data["content"], data["messages"]) == ("on V2", [{"role": "user", "content": "a van?"}])


def test_langfuse_tells_the_kind_of_an_observation() -> None:
    def observed(number: int, parent: int | None, type: str, **fields: str) -> Span:
        known = {f"langfuse.observation.{key}": value for key, value in {"type": type, **fields}.items()}
        return span(number, parent, number, 90 - number, name=fields.get("name", type), **known)

    output = json.dumps({"role": "assistant", "content": "on V2"})
    events = map_run(
        [
            observed(1, None, "agent", name="router", input="a van?", output="on V2"),
            observed(2, 1, "generation", output=output, usage_details='{"input": 3, "output": 2}'),
            observed(3, 1, "tool", name="look", level="ERROR", status_message="no such order"),
        ]
    ).events
    assert data_of(events, "agent.started") == {"name": "router", "task": "a van?"}
    assert data_of(events, "model.replied")["input_tokens"] == 3
    assert data_of(events, "tool.failed")["error"] == {"message": "no such order"}


def test_a_chain_without_models_is_a_run() -> None:
    assert [event.type for event in map_run([span(1, None, 0, 9, name="Pipeline.run", **CHAIN)]).events] == [
        "workflow.started",
        "workflow.finished",
    ]


@pytest.mark.parametrize("key", ["crew_tasks", "crewai.crew.tasks"])
@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ([{"description": "Look order 1004 up."}, {"description": "Tell Ada."}], "Look order 1004 up.\nTell Ada."),
        ([{"description": "Look order 1004 up."}, {"description": 5}, "x"], "Look order 1004 up."),
        ([], None),
        ({"description": "x"}, None),
    ],
)
def test_the_task_of_a_crew_is_all_its_tasks(key: str, tasks: object, told: str | None) -> None:
    events = map_run([span(1, None, 0, 9, **CHAIN, **{"crew_key": "k", key: json.dumps(tasks)})]).events
    assert data_of(events, "workflow.started").get("task") == told
