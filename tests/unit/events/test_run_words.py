"""The rows of agents' runs say what one looks for, whatever an event's data holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.types import Event
from events.views.event_line import EventLine, line
from events.views.run_words import _TELLERS


def of(type_name: str, data: object, agent: str | None = "router") -> EventLine:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    text = json.dumps(data, ensure_ascii=False)
    return line(Event(1, "s", 1, "id", type_name, text, "{}", agent, 1, None, None, None, now))


def said(type_name: str, data: object, agent: str | None = "router") -> list[str]:
    """What a row says, each with its key."""
    return [f"{one.key} {one.text}".strip() for one in of(type_name, data, agent).pairs]


REPLY = {"role": "assistant", "model": "m-1", "input_tokens": 1200, "output_tokens": 22, "finish_reason": "stop"}
CALL = {"call_id": "c1", "name": "reserve_van", "arguments": {"order_id": "1004", "van": "V1"}}
FACTS = ["1,200 + 22 tokens", "1.2 s", "m-1"]


@pytest.mark.parametrize(
    ("type_name", "data", "words"),
    [
        (
            "model.replied",
            {**REPLY, "content": "It comes\n tomorrow.", "duration_ms": 1205},
            ["“It comes tomorrow.”", *FACTS],
        ),
        (
            "model.replied",
            {**REPLY, "content": None, "tool_calls": [CALL, {"name": "weather", "arguments": {}}], "duration_ms": 1205},
            ['→ reserve_van(order_id="1004", van="V1")', "→ weather()", *FACTS],
        ),
        (
            "model.replied",
            {"content": "Half a", "finish_reason": "length", "cost": 0.00421},
            ["“Half a”", "length", "$0.0042"],
        ),
        ("model.replied", {**REPLY, "duration_ms": 1205, "messages": [{"role": "user"}]}, FACTS),
        ("model.failed", {"error": {"type": "Server", "message": "500"}, "model": "m-1"}, ["“500”", "m-1"]),
        ("state.snapshot", {"state": {"order": "1004", "vans": ["V1"]}}, ['{order="1004", vans=[ 1 ]}']),
        (
            "state.patched",
            {"patch": [{"op": "add", "path": "/vans/-", "value": "V2"}, {"op": "remove", "path": "/a/b"}]},
            ["add /vans/- “V2”", "remove /a/b"],
        ),
        (
            "state.patched",
            {"patch": [{"op": "replace", "path": f"/{number}", "value": number} for number in range(5)]},
            ["replace /0 0", "replace /1 1", "replace /2 2", "and 2 more"],
        ),
        ("state.patched", {"patch": {"op": "add"}}, ["patch “add”"]),
        ("tool.called", CALL, ['reserve_van(order_id="1004", van="V1")']),
        ("tool.called", {"name": "reserve_van", "call_id": "c1"}, ["reserve_van"]),
        ("tool.called", {"name": "ask", "arguments": "Why?"}, ['ask("Why?")']),
        ("tool.returned", {"name": "weather", "result": "Rain", "duration_ms": 11}, ["weather", "→ “Rain”", "11 ms"]),
        ("tool.returned", {"name": "find", "result": {"id": 7, "items": [1, 2]}}, ["find", "→ {id=7, items=[ 2 ]}"]),
        ("tool.returned", {"name": "count", "result": 0}, ["count", "→ 0"]),
        ("tool.returned", {"name": "find", "result": [{"type": "text", "text": "An order"}]}, ["find", "→ “An order”"]),
        ("tool.returned", {"name": "find"}, ["find"]),
        (
            "tool.failed",
            {"name": "reserve_van", "error": "V1 is in repair", "call_id": "c1"},
            ["reserve_van", "“V1 is in repair”"],
        ),
        ("agent.started", {"name": "router", "task": "Order 1004"}, ["“Order 1004”"]),
        ("agent.started", {"name": "other", "task": "Order 1004"}, ["other", "“Order 1004”"]),
        ("workflow.started", {"name": "router", "task": "Order 1004"}, ["“Order 1004”"]),
        ("agent.finished", {"name": "router", "output": "Done", "duration_ms": 61_000}, ["“Done”", "1 min 1 s"]),
        ("agent.failed", {"name": "router", "error": "gave up"}, ["“gave up”"]),
        ("task.delegated", {"target": "desk", "by": "router", "instruction": "Book"}, ["→ desk", "“Book”"]),
        ("task.delegated", {"target": "desk", "by": "router"}, ["→ desk"]),
        (
            "workflow.started",
            {"name": "delivery", "task": "Order 1004", "attributes": {"a": 1}},
            ["delivery", "“Order 1004”"],
        ),
        ("workflow.finished", {"name": "delivery", "output": {"van": "V2"}}, ["delivery", '{van="V2"}']),
        ("step.failed", {"name": "reserve", "error": "none is free"}, ["reserve", "“none is free”"]),
        (
            "retrieval.finished",
            {"name": "docs", "input": "vans", "output": "3 pages"},
            ["docs", "“vans”", "→ “3 pages”"],
        ),
        (
            "span.ended",
            {
                "name": "POST /v1/orders",
                "kind": "client",
                "attributes": {
                    "http.request.method": "POST",
                    "url.full": "https://shop/v1/orders",
                    "http.response.status_code": 200,
                },
                "resource": {"service.name": "shop"},
                "duration_ms": 35.7,
            },
            ["POST https://shop/v1/orders", "200", "36 ms"],
        ),
        (
            "span.failed",
            {
                "name": "orders",
                "attributes": {"db.statement": "select 1"},
                "error": {"message": "away"},
                "events": [{}],
            },
            ["orders", "“select 1”", "“away”"],
        ),
        (
            "span.ended",
            {"name": "charge", "attributes": {"amount": 5}, "duration_ms": 2},
            ["charge", "{amount=5}", "2 ms"],
        ),
        ("span.ended", {"name": "charge", "attributes": {}, "duration_ms": 2}, ["charge", "2 ms"]),
        ("agent.started", {"name": "router"}, []),
        ("agent.finished", {"name": "router", "duration_ms": 10**15}, [f"duration_ms {10**15}"]),
    ],
)
def test_a_row_says_what_one_looks_for(type_name: str, data: object, words: list[str]) -> None:
    assert said(type_name, data) == words


@pytest.mark.parametrize(
    ("type_name", "data", "words"),
    [
        ("tool.called", {"tool": "grep", "query": "van"}, ["tool “grep”", "query “van”"]),
        ("tool.called", {"name": ["a", "b"], "arguments": 1}, ["name [ 2 ]", "arguments 1"]),
        ("tool.returned", {"name": "find", "result": "x", "rows": 7, "page": 2}, ["find", "→ “x”", "rows 7", "page 2"]),
        ("model.replied", {"text": "hi", "model": "m-1"}, ["text “hi”", "m-1"]),
        (
            "model.replied",
            {"text": "hi", "input_tokens": "many", "duration_ms": -1},
            ["text “hi”", "input_tokens “many”", "duration_ms -1"],
        ),
        ("model.replied", {"tool_calls": ["x"], "content": {}}, ["tool_calls [ 1 ]"]),
        ("agent.started", {}, []),
        ("agent.started", "go", ["“go”"]),
        ("task.delegated", {"to": "desk"}, ["to “desk”"]),
    ],
)
def test_data_of_another_shape_is_said_as_it_is(type_name: str, data: object, words: list[str]) -> None:
    assert said(type_name, data) == words


def test_calls_may_stand_in_a_function_with_their_arguments_as_json() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"order_id": "1004"}'}}
    assert said("model.replied", {"tool_calls": [call]}) == ['→ find(order_id="1004")']
    for broken in ('{"order_id": ', '{"a":' * 700 + "1" + "}" * 700, '{"n": 1e999999999}', '{"s": "\\ud800"}'):
        [words] = said("tool.called", {"name": "find", "arguments": broken})
        assert words.startswith("find(")
        assert len(words) < 200


def test_of_many_calls_and_arguments_a_row_shows_the_first() -> None:
    calls = [{"name": f"tool{n}", "arguments": {f"a{n}": n for n in range(90)}} for n in range(90)]
    words = said("model.replied", {"tool_calls": calls})
    assert words[:2] == [
        "→ tool0(a0=0, a1=1, a2=2, a3=3, a4=4, a5=5, …)",
        "→ tool1(a0=0, a1=1, a2=2, a3=3, a4=4, a5=5, …)",
    ]
    assert words[3:] == ["and 87 more"]


def test_a_long_text_is_short_wherever_it_stands() -> None:
    long = "a\n b" * 30_000
    for type_name, data in (
        ("model.replied", {"content": long, "tool_calls": [{"name": long, "arguments": {long: long}}], "model": long}),
        ("tool.called", {"name": long, "arguments": long}),
        ("tool.returned", {"name": long, "result": {long: long, "b": [long]}}),
        ("tool.failed", {"name": long, "error": long}),
        ("task.delegated", {"target": long, "instruction": [{"text": long}]}),
    ):
        words = said(type_name, data)
        assert sum(map(len, words)) < 800
        assert not any("\n" in each for each in words)


@pytest.mark.parametrize(
    ("type_name", "data", "failed"),
    [
        ("tool.returned", {"name": "find", "error": "no such order"}, True),
        ("tool.returned", {"name": "run", "result": "…", "exit_code": 1}, True),
        ("tool.returned", {"name": "run", "result": "…", "status": "failed", "page": 1}, True),
        ("tool.returned", {"name": "run", "result": "…", "error": None}, False),
        ("tool.called", {"name": "report_error", "arguments": {"error": "x"}}, False),
        ("model.replied", {"content": "x", "error": ""}, False),
    ],
)
def test_a_failure_is_told_as_for_any_other_event(type_name: str, data: object, failed: bool) -> None:
    assert of(type_name, data).failed is failed


SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(-1e300, 1e300) | st.text(max_size=8)
INNER_KEYS = st.sampled_from(["name", "text", "content", "function", "arguments"]) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(INNER_KEYS, inner, max_size=4), max_leaves=8
)
KEYS = st.sampled_from(
    [
        "name",
        "content",
        "tool_calls",
        "arguments",
        "result",
        "error",
        "task",
        "output",
        "target",
        "instruction",
        "input",
        "model",
        "input_tokens",
        "output_tokens",
        "cost",
        "finish_reason",
        "duration_ms",
        "role",
        "other",
        "attributes",
        "kind",
    ]
)


@given(st.sampled_from(sorted(_TELLERS)), st.dictionaries(KEYS, VALUES, max_size=6))
def test_no_data_breaks_a_row(type_name: str, data: dict[str, Any]) -> None:
    shown = of(type_name, data)
    assert all("\n" not in one.text and "\x00" not in one.text for one in shown.pairs)
    assert shown.pairs or data.keys() <= {"name"}
