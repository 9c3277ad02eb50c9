"""+ and − beside every value of an event: + adds a condition on the value to the query, − excludes it."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from events.views import picks
from tests.support.fixture_types import AppendEvents
from tests.support.pages import positions

PICK = re.compile(r'<span class="picks"><a href="([^"]*)" aria-label="Add to query">[+]</a><a href="([^"]*)"')


def picked_terms(page: str) -> dict[str, str]:
    """The condition that + adds, with the condition that − adds."""

    def query(url: str) -> str:
        return parse_qs(urlsplit(html.unescape(url)).query)["q"][0]

    return {query(include): query(exclude) for include, exclude in PICK.findall(page)}


def test_every_value_and_name_can_be_added_and_excluded(viewer: Client, append: AppendEvents, at: str) -> None:
    data: dict[str, object] = {
        "amount": 5,
        "paid": True,
        "none": None,
        "items": [{"sku": "a b"}],
        "long": "x" * 500,
        "empty": {},
    }
    event = {"type": "Order placed", "agent": "router", "correlation_id": "w", "data": json.dumps(data).encode()}
    append("order-1", {**event, "metadata": b'{"region": "eu"}', "tags": ["vip", "a b:c"]})
    page = viewer.get(f"{at}events/1").content.decode()
    terms = [
        "data.amount:5", "data.paid:true", "data.none:null", 'data.items[*].sku:"a b"', f"data.long:{'x' * 200}*",
        "has:data.empty", "stream:order-1", 'type:"Order placed"', "agent:router", "correlation:w",
        "tag:vip", 'tag:"a b:c"',
        "metadata.region:eu",
    ]  # fmt: skip
    assert picked_terms(page) == {term: f"-{term}" for term in terms}


def test_a_picked_value_finds_its_event_and_an_excluded_one_does_not(
    viewer: Client, append: AppendEvents, at: str
) -> None:
    hard = {'k "(': '*a "b"\n(c):d', "n": "007"}
    append("order-1", {"data": json.dumps(hard).encode()}, {})
    for include, exclude in PICK.findall(viewer.get(f"{at}events/1").content.decode()):
        if "stream" in include or "type" in include:
            continue
        assert positions(viewer.get(html.unescape(include)).content.decode()) == [1]
        assert positions(viewer.get(html.unescape(exclude)).content.decode()) == [2]


def test_a_row_that_opens_extends_the_query_that_stands(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", {"data": b'{"n": 1}', "agent": "a"})
    page = viewer.get(at, {"q": "type:Placed -agent:b"}).content.decode()
    assert '<input type="hidden" id="asked" name="q" value="type:Placed -agent:b">' in page
    opened = viewer.get(f"{at}events/1", {"q": "type:Placed -agent:a"}, headers={"HX-Request": "true"}).content.decode()
    conditions = picked_terms(opened)
    assert conditions["type:Placed -agent:a data.n:1"] == "type:Placed -agent:a -data.n:1"
    assert conditions["type:Placed agent:a"] == "type:Placed -agent:a"  # each takes back the other


def test_a_query_that_can_not_be_read_is_none(viewer: Client, append: AppendEvents, at: str) -> None:
    append("order-1", {"data": b'{"n": 1}'})
    assert "data.n:1" in picked_terms(viewer.get(f"{at}events/1?q=(").content.decode())


def test_a_tree_has_so_many_and_no_more(
    viewer: Client, append: AppendEvents, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picks, "_MAX_TREE_CHARACTERS", 1_000)
    append("order-1", {"data": json.dumps({f"k{n:02d}": n for n in range(90)}).encode()})
    page = viewer.get(f"{at}events/1").content.decode()
    assert page.count('<li class="tree-row') > 90
    assert "data.k00:0" in picked_terms(page)
    assert len(picked_terms(page)) < 20
