"""What the mapper promises of any run: order and number of spans do not matter, and a log takes what it makes."""

from __future__ import annotations

import json
import pkgutil
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from events.json.pointer import at
from events.otel.careful import map_carefully
from events.otel.mapping import flattened, messages
from events.otel.mapping.reading import Role
from events.otel.mapping.run import RunName, map_run
from events.otel.spans import Span
from tests.support.mapped import SMALL, check, mapped, records_in, spans_in, tied
from tests.support.otlp import captures

TRACE = "0af7651916cd43dd8448eb211c80319c"


@settings(max_examples=8)
@given(st.randoms(use_true_random=False))
def test_order_and_repetition_of_spans_do_not_matter(shared_data: Path, random: Any) -> None:
    for name, requests in captures(shared_data):
        spans, records = spans_in(requests), records_in(requests)
        expected = mapped(spans, records)
        shuffled = [*spans, *random.sample(spans, len(spans) // 2)]
        more_records = [*records, *random.sample(records, len(records) // 2)]
        random.shuffle(shuffled)
        random.shuffle(more_records)
        found = mapped(shuffled, more_records)
        assert sorted(found, key=lambda run: run.name.stream) == sorted(expected, key=lambda run: run.name.stream), name


def test_a_run_keeps_the_name_that_it_was_given(shared_data: Path) -> None:
    name = RunName("run-1", "order-1004")
    for _, requests in captures(shared_data):
        for run in tied(spans_in(requests)):
            for event in map_run(run[:1], name=name).events:
                assert (event.stream, event.correlation_id) == ("run-1", "order-1004")


def tool(number: int, **fields: Any) -> Span:
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", **fields}
    return Span(TRACE, f"{number:016x}", None, "execute_tool look", number, number + 1, attributes)


def test_a_long_text_is_cut_and_the_metadata_say_so() -> None:
    text = "é" * 88_000
    run = map_run([tool(1, **{"gen_ai.tool.call.result": text})])
    returned = run.events[-1]
    assert len(json.loads(returned.data)["result"].encode()) < 33_000
    assert json.loads(returned.metadata)["cut"] == {"/result": {"bytes": 176_000}}
    check(run)


def test_a_log_with_small_limits_takes_all_captured_runs(shared_data: Path) -> None:
    with override_settings(EVENTSITE=SMALL):
        for _, requests in captures(shared_data):
            records = records_in(requests)
            for run in tied(spans_in(requests)):
                result = map_carefully(run, records)
                check(result)
                assert len(result.events) == len(map_run(run, records).events)


def test_many_long_texts_are_cut_shorter_until_all_fit() -> None:
    texts = json.dumps([f"{number}" * 40_000 for number in range(100)])
    run = map_run([tool(1, **{"gen_ai.tool.call.result": texts})])
    assert len(run.events[-1].data) <= 512 * 1024
    check(run)


def test_an_object_of_many_members_is_cut_as_a_list_is() -> None:
    wide = json.dumps({f"key {number}": number for number in range(80_000)})
    run = map_run([tool(1, **{"gen_ai.tool.call.arguments": wide})])
    called = run.events[0]
    assert len(json.loads(called.data)["arguments"]) < 10_000
    assert json.loads(called.metadata)["cut"]["/arguments"] == {"items": 80_000}
    check(run)
    check(map_run([Span(TRACE, "1" * 16, None, "unknown", 1, 2, {f"key {n}": "x" * 20 for n in range(40_000)})]))


def test_a_cut_is_told_by_a_json_pointer() -> None:
    run = map_run([tool(1, **{"gen_ai.tool.call.arguments": json.dumps({"a/b~c": "x" * 40_000})})])
    called = run.events[0]
    [(pointer, cut)] = json.loads(called.metadata)["cut"].items()
    assert cut == {"bytes": 40_000}
    assert at(json.loads(called.data), pointer).endswith("x…")


def test_what_stays_too_large_is_replaced_by_its_size_and_hash() -> None:
    attributes = {f"{number} {'é' * 190}": "x" for number in range(9_000)}
    run = map_run([Span(TRACE, "1" * 16, None, "unknown", 1, 2, attributes)])
    data = json.loads(run.events[-1].data)
    assert data["bytes"] > 1_000_000
    assert len(data["sha256"]) == 64
    check(run)


def test_the_metadata_tell_a_hundred_cuts_and_the_number_of_the_others() -> None:
    texts = json.dumps({"long key " * 20: [f"{number}" * 200 for number in range(9_000)]})
    run = map_run([tool(1, **{"gen_ai.tool.call.result": texts})])
    cut = json.loads(run.events[-1].metadata)["cut"]
    assert len(cut) == 101
    assert cut["more"] > 8_000
    check(run)


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": ["a"]},
        {"openinference.span.kind": "LLM", "llm.input_messages.0." + "a." * 2_000 + "b": "x"},
        {"gen_ai.operation.name": "chat", "gen_ai.input.messages": '{"messages":' * 980 + "[]" + "}" * 980},
        {"gen_ai.operation.name": "chat", "gen_ai.input.messages": "[" * 5_000 + "]" * 5_000},
        *(
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "look",
                "gen_ai.tool.call.arguments": json.dumps({"input_str": literal}),
            }
            for literal in (
                "{'a': 1j}",
                "{'a': ...}",
                "{'a': {1, 2}}",
                "{(1, 2): b'x', None: 3}",
                "{'a': " + "(" * 150 + "1" + ",)" * 150 + "}",
                "{'a': " + "-" * 4_000 + "1}",
            )
        ),
    ],
)
@pytest.mark.parametrize("scope", ["", "openlit.instrumentation.langgraph"])
def test_odd_attributes_are_mapped_like_others(attributes: dict[str, Any], scope: str) -> None:
    check(map_run([Span(TRACE, "1" * 16, None, "x", 1, 2, attributes, scope=scope)]))


@pytest.mark.parametrize("defective", ["events.otel.mapping.conventions.genai.read", "events.otel.mapping.run.tell"])
def test_no_defect_of_the_mapper_lets_a_span_vanish(defective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spans = [tool(1), Span(TRACE, "f" * 16, None, "odd", 5, 6, {"gen_ai.operation.name": "chat"})]
    original = pkgutil.resolve_name(defective)

    def raising(first: Any, *args: Any) -> Any:
        if isinstance(first, Span) and first.name != "odd":
            return original(first, *args)
        if isinstance(first, list) and all(node.role == Role.OTHER for node in first):
            return original(first, *args)
        raise ZeroDivisionError

    monkeypatch.setattr(defective, raising)
    run = map_carefully(spans)
    assert {json.loads(event.metadata)["otel"]["span"] for event in run.events} == {spans[0].span_id, "f" * 16}
    check(run)


def test_messages_that_differ_by_a_type_alone_are_not_taken_for_each_other() -> None:
    def arguments(value: object) -> object:
        attributes = {"p.0.role": "user", "p.0.tool_calls.0.name": "look", "p.0.tool_calls.0.arguments": value}
        [message] = flattened.flattened_messages(attributes, "p.") or []
        return message["tool_calls"][0]["arguments"]

    assert [repr(arguments(value)) for value in (1, True, 1.0)] == ["1", "True", "1.0"]


def test_what_a_run_says_is_not_kept() -> None:
    text = json.dumps([{"role": "user", "content": "a secret"}])
    map_run(
        [Span(TRACE, "1" * 16, None, "chat", 1, 2, {"gen_ai.operation.name": "chat", "gen_ai.input.messages": text})]
    )
    members = {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "a secret"}
    map_run([Span(TRACE, "1" * 16, None, "chat", 1, 2, {"openinference.span.kind": "LLM", **members})])
    assert messages._messages_of_text.cache_info().currsize == 0
    assert flattened._messages_of_members.cache_info().currsize == 0


def test_an_image_becomes_its_size_and_its_hash() -> None:
    message = {"role": "user", "parts": [{"type": "blob", "mime_type": "image/png", "content": "aGVsbG8="}]}
    url = {"role": "user", "content": "data:image/png;base64," + "aGVsbG8h" * 100}
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps([message, url])}
    [event] = map_run([Span(TRACE, "1" * 16, None, "chat", 1, 2, attributes)]).events
    first, second = json.loads(event.data)["messages"]
    [kept] = first["attachments"]
    assert (kept["mime_type"], kept["bytes"], len(kept["sha256"]), "content" in kept) == ("image/png", 5, 64, False)
    assert (second["content"]["type"], second["content"]["bytes"]) == ("image/png", 600)


def test_numbers_survive_exactly_or_as_text() -> None:
    text = '{"a":1208925819614629174706176,"b":0.12345678901234567890,"c":1e400,"d":1.5,"e":' + "9" * 1_500 + "}"
    run = map_run([tool(1, **{"gen_ai.tool.call.arguments": text})])
    data = run.events[0].data
    assert b'"a":1208925819614629174706176,"b":0.12345678901234567890' in data
    assert b'"c":"1e400","d":1.5' in data
    check(run)


def test_names_that_a_log_refuses_are_replaced_and_long_ones_end_with_a_hash() -> None:
    spans = [
        Span(
            TRACE, "1" * 16, None, "x", 1, 9, {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a\x00b"}
        ),
        Span(TRACE, "2" * 16, "1" * 16, "x", 2, 3, {"gen_ai.operation.name": "chat", "gen_ai.agent.name": "n" * 400}),
    ]
    run = map_run(spans)
    agents = {event.agent for event in run.events if event.agent}
    assert "a\ufffdb" in agents
    [long] = [agent for agent in agents if agent.startswith("n")]
    assert len(long) == 200
    [event] = [event for event in run.events if event.agent == long]
    assert json.loads(event.metadata)["full_agent"] == "n" * 400
    check(run)


def test_events_stay_in_the_order_of_their_causes_although_clocks_differ() -> None:
    call = {"type": "tool_call", "id": "c", "name": "look"}
    reply = json.dumps([{"role": "assistant", "parts": [call]}])
    chat = {"gen_ai.operation.name": "chat", "gen_ai.output.messages": reply}
    run = map_run([Span(TRACE, "1" * 16, None, "chat", 4, 100, chat), tool(5, **{"gen_ai.tool.call.id": "c"})])
    assert [event.type for event in run.events] == ["model.replied", "tool.called", "tool.returned"]


def test_further_causes_are_links(shared_data: Path) -> None:
    for name, requests in captures(shared_data):
        if name == "openai-agents/openinference":
            [run] = mapped(spans_in(requests))
            [links] = [links for event in run.events if (links := json.loads(event.metadata).get("links"))]
            positions = {event.id: number for number, event in enumerate(run.events)}
            assert [positions[link] for link in links] == [15]
            return
    raise AssertionError("the capture is missing")
