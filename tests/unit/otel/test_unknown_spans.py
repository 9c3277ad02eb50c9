"""Spans that no convention knows are told as they came, whatever their names are, and wherever they stand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import SpanFlags, TracesData

from events.otel.mapping.run import MappedEvent, map_run
from events.otel.spans import Link, Span, SpanEvent
from events.otel.wire import spans_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"}
CHAT = {"gen_ai.operation.name": "chat"}
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "pay"}


def span(number: int, parent: int | None, name: str, attributes: dict[str, Any], **fields: Any) -> Span:
    parent_id = None if parent is None else f"{parent:016x}"
    times = fields.pop("times", (10**18 + number, 2 * 10**18 - number))
    return Span(TRACE, f"{number:016x}", parent_id, name, times[0], times[1], attributes, **fields)


def of(events: list[MappedEvent], type: str) -> MappedEvent:
    [found] = [event for event in events if event.type == type]
    return found


@pytest.mark.parametrize(
    ("name", "attributes", "scope"),
    [
        ("ai.score documents", {"documents": 5}, ""),
        ("charge", {"langfuse.observation.type": "span", "langfuse.observation.input": '{"amount":5}'}, "langfuse-sdk"),
        ("cancelled", {"langfuse.observation.type": "event"}, "langfuse-sdk"),
        ("charge {amount}", {"logfire.msg_template": "charge {amount}", "amount": 5}, "logfire"),
        ("GET", {"http.request.method": "GET", "url.full": "https://x"}, "opentelemetry.instrumentation.httpx"),
        ("anything", {}, ""),
    ],
)
@pytest.mark.parametrize("parent", [{}, AGENT, CHAT, TOOL])
def test_a_span_of_ones_own_is_told(name: str, attributes: dict[str, Any], scope: str, parent: dict[str, Any]) -> None:
    events = map_run([span(1, None, "root", parent), span(2, 1, name, attributes, scope=scope)]).events
    [told] = [json.loads(event.data) for event in events if event.id == f"{TRACE}:{2:016x}:end"]
    assert (told["name"], told["attributes"]) == (name, attributes)


def test_it_keeps_its_events_its_links_and_where_it_comes_from() -> None:
    moment = SpanEvent("retry", 1_700_000_000_000_000_000, {"n": 1})
    own = span(
        2, 1, "POST", {}, kind=3, events=(moment,), links=(Link("e" * 32, "f" * 16),), resource={"host.name": "h"}
    )
    told = json.loads(of(map_run([span(1, None, "root", AGENT), own]).events, "span.ended").data)
    assert told["events"] == [{"name": "retry", "time": "2023-11-14T22:13:20+00:00", "attributes": {"n": 1}}]
    assert told["links"] == [{"trace": "e" * 32, "span": "f" * 16}]
    assert (told["resource"], told["kind"]) == ({"host.name": "h"}, "client")


def test_what_thousands_of_spans_have_in_common_is_short_in_each() -> None:
    for resource, told in (
        (
            {"host.name": "h", "service.name": "x" * 100_000, "os.type": "linux"},
            {"host.name": "h", "os.type": "linux"},
        ),
        ({"host.name": "h", "service.name": {"x": ["y" * 100_000]}}, {"host.name": "h"}),
        ({"service.name": "x" * 100_000}, {}),
        ({f"attribute {number}": "x" * 80 for number in range(1_000)}, None),
    ):
        spans = [span(n, 1, "own", {}, resource=resource, scope="s" * 100_000) for n in range(2, 300)]
        for event in map_run([span(1, None, "root", AGENT), *spans]).events:
            assert len(event.data) + len(event.metadata) < 5_000
            if event.type == "span.ended":
                assert told in (None, json.loads(event.data)["resource"])
                assert json.loads(event.metadata)["cut"] == {"/resource": {"items": len(resource)}}


def test_what_is_within_one_has_the_same_cause_as_without_it() -> None:
    within = (
        span(2, 1, "pay", TOOL),
        span(3, 2, "anything", {}),
        span(4, 3, "invoke_agent b", {**AGENT, "gen_ai.agent.name": "b"}),
    )
    events = map_run([span(1, None, "root", AGENT), *within]).events
    [started] = [event for event in events if event.type == "agent.started" and event.agent == "b"]
    assert started.causation_id == of(events, "tool.called").id
    assert of(events, "span.ended").causation_id == of(events, "tool.called").id


def test_an_agent_that_nothing_names_has_the_name_of_its_service() -> None:
    for resource, name in (({"service.name": "depot"}, "depot"), ({}, "invoke_agent")):
        events = map_run(
            [span(1, None, "invoke_agent", {"gen_ai.operation.name": "invoke_agent"}, resource=resource)]
        ).events
        assert {event.agent for event in events} == {name}


def test_a_span_whose_start_is_not_known_has_no_duration() -> None:
    ended = (0, 1_795_936_291_529_545_465)
    for attributes in ({}, AGENT, CHAT, TOOL):
        for event in map_run([span(1, None, "x", attributes, times=ended)]).events:
            assert "duration_ms" not in json.loads(event.data)


def test_a_run_that_another_process_has_called_begins_and_ends() -> None:
    remote = span(2, 99, "invoke_agent a", AGENT, has_remote_parent=True)
    parts = [remote, span(3, 2, "chat", CHAT)]
    first = map_run(parts)
    assert [event.type for event in first.events] == [
        "workflow.started", "agent.started", "model.replied", "agent.finished", "workflow.finished"
    ]  # fmt: skip
    whole = map_run([span(99, None, "POST /run", {}), *parts], name=first.name)
    ids = {event.id for event in first.events if event.type.startswith("workflow.")}
    assert {event.id for event in whole.events if event.type.startswith("workflow.")} == ids
    assert not any(event.type.startswith("workflow.") for event in map_run([span(2, 99, "x", AGENT)]).events)


@pytest.mark.parametrize(("flags", "is_remote"), [(0x300, True), (0x301, True), (0x100, False), (0x200, False)])
def test_the_flags_of_a_span_tell_whether_its_parent_is_elsewhere(flags: int, is_remote: bool) -> None:
    assert SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK == 0x200
    data = TracesData()
    data.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, flags=flags)
    [read] = spans_of(data.SerializeToString())
    assert read.has_remote_parent is is_remote


def test_a_workflow_whose_parent_has_not_come_tells_its_failure() -> None:
    failed = span(2, 99, "crew", {"gen_ai.operation.name": "invoke_workflow"}, status_code=2, status_message="away")
    events = map_run([failed, span(3, 2, "chat", CHAT)]).events
    assert json.loads(of(events, "step.failed").data)["error"] == {"message": "away"}


def test_the_id_of_a_response_is_no_conversation() -> None:
    chat = {**CHAT, "gen_ai.conversation.id": "resp_0e32bda5b6259ecd"}
    assert map_run([span(1, None, "chat", chat)]).name.correlation_id == TRACE
    assert map_run([span(1, None, "chat", {**CHAT, "gen_ai.conversation.id": "c"})]).name.correlation_id == "c"


@pytest.mark.parametrize("scope", ["openlit.instrumentation.langgraph", "openlit.otel.tracing"])
def test_a_node_that_openlit_takes_for_an_agent_is_none(scope: str) -> None:
    node = span(2, 1, "invoke_agent model", {**AGENT, "gen_ai.agent.name": "model"}, scope=scope)
    events = map_run([span(1, None, "root", AGENT), node, span(3, 2, "chat", CHAT)]).events
    assert {event.agent for event in events} == {"a"}
