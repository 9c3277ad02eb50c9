"""A value on a page becomes a term that its event fits."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from events.json.pointer import below
from events.query.match import event_matcher
from events.query.parse import parse
from events.query.picking import excluding, including, value_term, without
from events.query.printing import to_text
from events.query.tree import Root
from tests.support.query_strategies import JSON, json_text
from tests.support.read_events import make_event


def pointers(value: Any, pointer: str = "") -> Iterator[str]:
    yield pointer
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from pointers(child, below(pointer, key))


@given(JSON)
def test_each_value_gives_a_term_that_can_be_written_and_that_its_event_fits(document: Any) -> None:
    event = make_event(json_text(document, ascii=False))
    for pointer in pointers(document):
        term = value_term(Root.DATA, document, pointer)
        assert event_matcher(parse(to_text(term)))(event)


@pytest.mark.parametrize(
    ("document", "pointer", "term"),
    [
        ({"items": [{"sku": "a b"}]}, "/items/0/sku", 'data.items[*].sku:"a b"'),
        ({"1": {"x": 1}}, "/1/x", "data.1.x:1"),
        ({"a": "x" * 300}, "/a", f"data.a:{'x' * 200}*"),
        ({"a": int("9" * 300)}, "/a", "has:data.a"),
        ({"a": Decimal("12e1000")}, "/a", "has:data.a"),
        ({"a": {}}, "/a", "has:data.a"),
        ({"a": Decimal("1.50")}, "/a", "data.a:1.50"),
        ({"a": "null"}, "/a", 'data.a:"null"'),
    ],
)
def test_a_term_reads_as_one_would_write_it(document: Any, pointer: str, term: str) -> None:
    assert to_text(value_term(Root.DATA, document, pointer)) == term


@pytest.mark.parametrize("pointer", ["/b", "/a/9", "/a/0/x", "a"])
def test_a_pointer_to_nothing_has_no_term(pointer: str) -> None:
    with pytest.raises(LookupError):
        value_term(Root.DATA, {"a": [1]}, pointer)


def test_plus_and_minus_take_each_other_back() -> None:
    query, term = parse("type:a b OR c"), parse("agent:x")
    assert to_text(including(query, term)) == "(type:a b OR c) agent:x"
    assert to_text(excluding(including(query, term), term)) == "(type:a b OR c) -agent:x"
    assert to_text(including(including(parse(""), term), term)) == "agent:x"
    assert without(including(query, term), term) == query


def test_true_is_not_taken_for_1() -> None:
    query = parse("data.a:true data.a:1")
    assert to_text(without(query, parse("data.a:true"))) == "data.a:1"
    assert to_text(excluding(query, parse("data.a:1"))) == "data.a:true -data.a:1"
