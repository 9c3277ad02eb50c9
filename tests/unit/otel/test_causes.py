"""What causes what: hand-offs, agents that replies call, tools and the replies that asked for them, branches."""

from __future__ import annotations

import json

import pytest

from events.otel.mapping.run import map_run
from tests.support.spans import agent, chat, data_of, span, told, tool

CHAIN = {"openinference.span.kind": "CHAIN"}


def test_an_agent_that_a_reply_calls_by_name_is_caused_by_it_and_its_end_causes_the_next_reply() -> None:
    assert told(
        agent(1, None, 0, 90, "manager"),
        chat(2, 1, 1, 9, {"id": "a", "name": "router", "arguments": {}}),
        agent(3, 1, 10, 30, "router"),
        chat(4, 3, 11, 29, text="on V2"),
        chat(5, 1, 31, 40, text="done"),
    ) == [
        "  0 -      workflow.started  manager    manager",
        "  1 <0     agent.started     manager    manager",
        "  2 <1     model.replied     manager    router",
        "  3 <2     agent.started     router     router",
        "  4 <3     model.replied     router     text",
        "  5 <4     agent.finished    router     router",
        "  6 <5     model.replied     manager    text",
        "  7 <6     agent.finished    manager    manager",
        "  8 <7     workflow.finished manager    manager",
    ]


def test_a_coworker_named_in_the_arguments_of_a_call_is_caused_by_the_reply() -> None:
    call = {"id": "a", "name": "delegate_work_to_coworker", "arguments": {"coworker": "router", "task": "a van"}}
    events = told(agent(1, None, 0, 90, "manager"), chat(2, 1, 1, 9, call), agent(3, 1, 10, 30, "router"))
    assert events[3] == "  3 <2     agent.started     router     router"


def test_an_agent_beside_the_tool_that_runs_it_is_caused_by_the_tool() -> None:
    events = told(
        span(1, None, 0, 90, name="run", **{"gen_ai.operation.name": "invoke_workflow"}),
        agent(2, 1, 1, 80, "dispatcher"),
        tool(3, 2, 10, 50, "router"),
        agent(4, 1, 12, 40, "router"),
    )
    assert events[3] == "  3 <2     agent.started     router     router"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("transfer_to_router", {"task": "a van"}),
        ("transfer_to_agent", {"agent_name": "router", "reason": "a van"}),
        ("handoff", {"to_agent": "router", "reason": "a van"}),
        ("transfer_to_router", {"request": "a van"}),
    ],
)
def test_tools_that_hand_over_are_hand_offs(name: str, arguments: dict[str, str]) -> None:
    events = map_run(
        [
            span(1, None, 0, 90, name="run", **{"gen_ai.operation.name": "invoke_workflow"}),
            agent(2, 1, 1, 30, "dispatcher"),
            chat(3, 2, 2, 9, {"id": "a", "name": name, "arguments": arguments}),
            tool(4, 2, 10, 11, name),
            agent(5, 1, 40, 50, "router"),
        ]
    ).events
    assert data_of(events, "task.delegated") == {"target": "router", "by": "dispatcher", "instruction": "a van"}
    [started] = [event for event in events if event.type == "agent.started" and event.agent == "router"]
    assert json.loads(started.data)["task"] == "a van"
    assert [event.type for event in events].count("task.delegated") == 1


def test_a_hand_off_to_an_agent_that_fails_is_one_all_the_same() -> None:
    failed = {"status": 2, "error.type": "RuntimeError"}
    call = {"id": "a", "name": "transfer_to_router", "arguments": {"request": "a van"}}
    parts = (
        agent(1, None, 0, 90, "dispatcher", **failed),
        chat(2, 1, 1, 9, call),
        tool(3, 1, 10, 80, "transfer_to_router", **failed),
    )
    assert told(*parts, span(4, 3, 11, 79, name="graph", **CHAIN), agent(5, 4, 12, 78, "router"))[3:6] == [
        "  3 <2     task.delegated    dispatcher router",
        "  4 <3     agent.started     router     router",
        "  5 <4     agent.failed      router     router",
    ]
    assert "step.failed" in told(*parts)[3]  # nobody took it


def test_branches_side_by_side_do_not_cause_each_other_and_what_joins_them_follows_all() -> None:
    model = {"openinference.span.kind": "LLM"}
    assert told(
        span(1, None, 0, 90, name="graph", **CHAIN),
        span(2, 1, 1, 10, name="plan", **CHAIN),
        span(3, 2, 2, 9, **model),
        span(4, 1, 11, 30, name="weather", **CHAIN),
        span(5, 4, 12, 29, **model),
        span(6, 1, 11, 40, name="stock", **CHAIN),
        span(7, 6, 13, 20, **model),
        span(8, 6, 21, 39, **model),
        span(9, 1, 41, 50, name="tell", **CHAIN),
        span(10, 9, 42, 49, **model),
    ) == [
        "  0 -      workflow.started  -          graph",
        "  1 <0     model.replied     -",
        "  2 <1     model.replied     -",
        "  3 <1     model.replied     -",
        "  4 <2     model.replied     -",
        "  5 <4,3   model.replied     -",
        "  6 <5     workflow.finished -          graph",
    ]


def test_a_reply_comes_before_what_it_asked_for_although_its_span_ends_later() -> None:
    [_, _, replied, called, *_] = map_run(
        [
            agent(1, None, 0, 90, "router"),
            chat(2, 1, 1, 30, {"id": "a", "name": "reserve"}),
            tool(3, 1, 10, 20, "reserve", **{"gen_ai.tool.call.id": "a"}),
        ]
    ).events
    assert (replied.type, called.type) == ("model.replied", "tool.called")
    assert json.loads(replied.data)["duration_ms"] == 9


def test_calls_with_the_same_name_are_told_apart_by_their_arguments_or_their_order() -> None:
    calls = [{"id": f"c{n}", "name": "look", "arguments": {"order": n}} for n in (1, 2)]
    spans = [agent(1, None, 0, 90, "a"), chat(2, 1, 1, 9, *calls)]
    second = tool(3, 1, 10, 20, "look", **{"gen_ai.tool.call.arguments": '{"order": 2}'})
    events = map_run([*spans, second, tool(4, 1, 11, 20, "look")]).events
    assert [json.loads(event.data)["call_id"] for event in events if event.type == "tool.called"] == ["c2", "c1"]


def test_a_tool_takes_the_id_that_the_model_gave_its_call() -> None:
    call = {"id": "lookup_1", "name": "look", "arguments": {"order": 1}}
    result = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "lookup_1", "response": "at the depot"}]}
    told_again = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Where?"}]}, result])
    events = map_run(
        [
            agent(1, None, 0, 90, "a"),
            chat(2, 1, 1, 9, call),
            tool(3, 1, 10, 20, "look", **{"gen_ai.tool.call.id": "adk-7"}),
            chat(4, 1, 21, 30, text="There.", **{"gen_ai.input.messages": told_again}),
        ]
    ).events
    assert data_of(events, "tool.called") == {"name": "look", "arguments": {"order": 1}, "call_id": "lookup_1"}
    last = [json.loads(event.data) for event in events if event.type == "model.replied"][-1]
    assert last["messages"] == [{"role": "user", "content": "Where?"}]


def test_events_of_one_millisecond_stay_in_the_order_of_calls_and_end_from_inside() -> None:
    calls = [{"id": f"c{n}", "name": "look", "arguments": {"order": n}} for n in (1, 2)]
    arguments = {"gen_ai.tool.call.arguments": '{"order": 2}'}, {"gen_ai.tool.call.arguments": '{"order": 1}'}
    events = map_run(
        [
            agent(1, None, 0, 9, "a"),
            chat(2, 1, 1, 5, *calls),
            tool(3, 1, 5, 9, "look", **arguments[0]),
            tool(4, 1, 5, 9, "look", **arguments[1]),
            agent(5, 4, 6, 9, "b"),
            chat(6, 5, 7, 9),
        ]
    ).events
    called = [json.loads(event.data)["arguments"] for event in events if event.type == "tool.called"]
    assert called == [{"order": 1}, {"order": 2}]
    ends = [event.id.split(":")[1][-1] for event in events if event.id.endswith(":end") and "run" not in event.id]
    assert [end for end in ends if end != "3"] == ["2", "6", "5", "4", "1"]


def test_an_agent_that_only_runs_the_tools_of_others_is_not_told_and_the_tools_are_theirs() -> None:
    assert told(
        span(1, None, 0, 90, name="group", **{"gen_ai.operation.name": "invoke_workflow"}),
        agent(2, 1, 1, 20, "router"),
        chat(3, 2, 2, 19, {"id": "c1", "name": "look"}),
        agent(4, 1, 21, 40, "executor"),
        tool(
            5,
            4,
            22,
            39,
            "look",
            **{"gen_ai.tool.call.id": "c1", "gen_ai.tool.call.result": '[true, {"content": "there"}]'},
        ),
    )[2:6] == [
        "  2 <1     model.replied     router     look",
        "  3 <2     agent.finished    router     router",
        "  4 <2     tool.called       router     look",
        "  5 <4     tool.returned     router     look",
    ]


def test_the_tool_of_a_plug_in_may_be_a_hand_off() -> None:
    events = map_run([agent(1, None, 0, 90, "a"), tool(2, 1, 1, 9, "Handoff-transfer_to_router")]).events
    assert data_of(events, "task.delegated") == {"target": "router", "by": "a"}


def test_a_model_that_a_tool_calls_is_the_tools() -> None:
    events = told(agent(1, None, 0, 90, "a"), tool(2, 1, 1, 20, "summarise"), chat(3, 2, 2, 19, text="short"))
    assert events[3] == "  3 <2     model.replied     summarise  text"


def test_results_whose_ids_are_not_those_of_the_calls_are_told_apart_by_their_order() -> None:
    calls = [{"id": f"look_{n}", "name": "look", "arguments": {"order": n}} for n in (1, 2)]
    parts = [{"type": "tool_call_response", "id": f"look_{n - 1}", "response": f"result {n}"} for n in (1, 2)]
    asked = {"role": "assistant", "parts": [{"type": "tool_call", **call} for call in calls]}
    history = json.dumps([asked, {"role": "user", "parts": parts}])
    tools = [
        tool(2 + n, 1, 10 * n, 10 * n + 5, "look", **{"gen_ai.tool.call.arguments": json.dumps({"order": n})})
        for n in (1, 2)
    ]
    last = chat(9, 1, 40, 50, text="done", **{"gen_ai.input.messages": history})
    first = chat(2, 1, 1, 9, *calls, **{"gen_ai.input.messages": '[{"role": "user", "content": "Where?"}]'})
    events = map_run([agent(1, None, 0, 90, "a"), first, *tools, last]).events
    assert [json.loads(event.data)["result"] for event in events if event.type == "tool.returned"] == [
        "result 1",
        "result 2",
    ]
    assert "messages" not in [json.loads(event.data) for event in events if event.type == "model.replied"][-1]


def test_spans_without_events_do_not_hide_what_came_before() -> None:
    model = {"openinference.span.kind": "LLM"}
    empty = {"openinference.span.kind": "PROMPT"}
    assert told(
        span(1, None, 0, 90, name="loop", **CHAIN),
        span(2, 1, 1, 9, **model),
        span(3, 1, 2, 12, **empty),
        span(4, 1, 20, 29, **model),
        span(5, 1, 21, 32, **empty),
        span(6, 1, 40, 49, **model),
    )[1:4] == [
        "  1 <0     model.replied     -",
        "  2 <1     model.replied     -",
        "  3 <2     model.replied     -",
    ]
