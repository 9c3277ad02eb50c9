"""The meaning of each condition, on single events."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from events.query.errors import NotForEvents
from events.query.match import event_matcher, step_matcher
from events.query.parse import parse
from events.query.times import pin_times
from events.types import Event
from tests.support.read_events import NOW, make_event


def fits(query: str, event: Event) -> bool:
    return event_matcher(pin_times(parse(query), NOW))(event)


@pytest.mark.parametrize(
    ("query", "data"),
    [
        ("data.a:1", '{"a":1.0}'),
        ("data.a:1e2", '{"a":100}'),
        (f"data.a:{2**80}", f'{{"a":{2**80}.0}}'),
        ("data.a:0.1", '{"a":1e-1}'),
        ("data.a>0.1", '{"a":0.10000000000000000001}'),
        ("data.a:10..20", '{"a":[5,15]}'),
        ('data.a:"1"', '{"a":"1"}'),
        ("data.a:null", '{"a":null}'),
        ("data.a:false", '{"a":false}'),
        ('data.a:""', '{"a":""}'),
        ("data.a>m", '{"a":"n"}'),
        ("data.items[*].sku:x", '{"items":[{"sku":"y"},{"sku":"x"}]}'),
        ("data.items.sku:x", '{"items":[{"sku":"y"},{"sku":"x"}]}'),
        ("data.items[1].sku:x", '{"items":[{"sku":"y"},{"sku":"x"}]}'),
        ("data.tags:x", '{"tags":["y","x"]}'),
        ("data[*].a:1", '[{"a":1}]'),
        ("data:1", "1"),
        ("has:data.a.b", '{"a":{"b":null}}'),
        ('data."a b".c:1', '{"a b":{"c":1}}'),
        ("data.a:x*z", '{"a":"x\\nz"}'),
    ],
)
def test_a_value_is_found(query: str, data: str) -> None:
    assert fits(query, make_event(data))


@pytest.mark.parametrize(
    ("query", "data"),
    [
        ("data.a:1", '{"a":"1"}'),
        ("data.a:1", '{"a":true}'),
        ("data.a:true", '{"a":1}'),
        ("data.a>0", '{"a":true}'),
        ("data.a>0", '{"a":"1"}'),
        ("data.a>0", '{"a":null}'),
        ("data.a>0", '{"a":{"b":1}}'),
        ("data.a>a", '{"a":1}'),
        ("data.a:*", '{"a":1}'),
        ("data.a:null", "{}"),
        (f"data.a:{2**80}", f'{{"a":{2**80 + 1}}}'),
        (f"data.a:{2**53}", f'{{"a":{2**53 + 1}}}'),
        ("data.a:10..20", '{"a":[5,25]}'),
        ("data.a:1", '{"a":[[1]]}'),
        ("data.items[0].sku:x", '{"items":[{"sku":"y"},{"sku":"x"}]}'),
        ("data.a<1", "{}"),
        ("has:data.a", "[]"),
    ],
)
def test_a_value_of_another_type_or_place_is_not(query: str, data: str) -> None:
    assert not fits(query, make_event(data))
    assert fits(f"-({query})", make_event(data))


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        ({}, False),
        ({"open": {}}, False),
        ({"open": []}, False),
        ({"open": [{}, {}]}, False),
        ({"open": {"a": {}}}, True),
        ({"open": [1]}, True),
        ({"open": [[]]}, True),
        ({"open": [{}, {"a": 1}]}, True),
        ({"open": None}, True),
        ({"open": 0}, True),
        ({"open": ""}, True),
        ([{"open": {}}, {"open": []}], False),
        ([{"open": {}}, {"open": 1}], True),
    ],
)
def test_an_empty_object_or_array_of_a_state_is_nothing(state: Any, answer: bool) -> None:
    assert step_matcher(parse("has:state.open"))(make_event(), state, ()) is answer


def test_an_empty_object_or_array_of_an_event_is_there() -> None:
    for data in ('{"a":{}}', '{"a":[]}'):
        assert fits("has:data.a", make_event(data))


def test_a_missing_value_does_not_fit_and_so_fits_the_negation() -> None:
    event = make_event(stream="order")
    for field in ("agent", "category", "correlation", "cause", "tag"):
        assert not fits(f"{field}:*", event)
        assert fits(f"-{field}:*", event)
        assert not fits(f"has:{field}", event)


def test_a_tag_fits_if_one_of_them_does() -> None:
    event = make_event(tags=["vip", "customer:4711"])
    for query in ("tag:vip", "tag:customer:*", "tag:*1", "tag:v*p", "has:tag", "tag:vip tag:customer:4711", '"ER:47"'):
        assert fits(query, event), query
    for query in ("tag:VIP", "tag:vi", 'tag:"v*"', "tag:vip,customer:4711", "tag:customer:4711v*", '"vipcustomer"'):
        assert not fits(query, event), query
        assert fits(f"-{query}", event), query


def test_a_category_stands_before_the_first_dash() -> None:
    assert fits("category:order", make_event(stream="order-4-2"))
    assert not fits("category:order-4", make_event(stream="order-4-2"))
    assert not fits('category:""', make_event(stream="-4"))


@pytest.mark.parametrize(
    ("stream", "answer"),
    [("eventsite-redactions", True), ("eventsite-", True), ("eventsite", False), ("Eventsite-a", False), ("a", False)],
)
def test_an_event_of_a_stream_of_the_server_is_a_system_event(stream: str, answer: bool) -> None:
    event = make_event(stream=stream)
    for query in ("system:true", "-system:false", "category:eventsite"):
        assert fits(query, event) is answer
    for query in ("system:false", "-system:true", "-system:true -system:true"):
        assert fits(query, event) is not answer


@pytest.mark.parametrize("ascii", [True, False])
def test_a_name_in_the_data_is_found_however_it_is_escaped(ascii: bool) -> None:
    event = make_event(json.dumps({"a": [{"größe": None}]}, ensure_ascii=ascii))
    assert fits("GRöß", event)
    assert not fits("größer", event)


@pytest.mark.parametrize("text", ["CAFé", 'say \\"hi\\"', "TIMEOUT", "id-1"])
@pytest.mark.parametrize("ascii", [True, False])
def test_a_text_is_found_however_its_json_is_escaped(text: str, ascii: bool) -> None:
    data = json.dumps({"said": ['Café: say "hi" after a timeout']}, ensure_ascii=ascii)
    assert fits(f'"{text}"', make_event(data))


def test_only_a_to_z_have_two_cases() -> None:
    assert not fits("CAFÉ", make_event('{"said":"café"}'))


def test_times_compare_with_what_is_shown() -> None:
    event = make_event(occurred_at=NOW - timedelta(hours=1))
    assert fits("since:1h", event)
    assert not fits("since:59m", event)
    assert fits("since:2026-01-02 until:2026-01-03", event)
    assert not fits("until:2026-01-02T11:00:00Z", event)


def test_wildcards_take_linear_time() -> None:
    assert not fits("data.a:" + "a*" * 400 + "b", make_event(json.dumps({"a": "a" * 100_000})))


def test_a_state_is_asked_at_a_step_only() -> None:
    query = parse("state.balance < 0 -changed:/status")
    step = step_matcher(query)
    assert step(make_event(), {"balance": -1}, ["/balance"])
    assert not step(make_event(), {"balance": 0}, ["/balance"])
    with pytest.raises(NotForEvents, match="state"):
        event_matcher(query)


@pytest.mark.parametrize(
    ("changed", "is_changed"),
    [("/status", True), ("/status/at", True), ("", True), ("/statuses", False), ("/other/status", False)],
)
def test_a_change_counts_at_the_pointer_below_it_and_above_it(changed: str, is_changed: bool) -> None:
    assert step_matcher(parse("changed:/status"))(make_event(), {}, [changed]) is is_changed


def test_a_state_that_an_agent_is_in() -> None:
    step = step_matcher(parse("state.assignments[*].agent:router"))
    assert step(make_event(), {"assignments": [{"agent": "a"}, {"agent": "router"}]}, [])


def test_a_relative_time_needs_a_clock() -> None:
    with pytest.raises(TypeError, match="pinned"):
        event_matcher(parse("since:2h"))
