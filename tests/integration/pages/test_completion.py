"""The offers of the query bar while a query is being written."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from events import redaction
from events.models import Log
from tests.support.fixture_types import AppendEvents


def offers(client: Client, at: str, query: str, rest: str = "") -> list[str]:
    answer = client.get(f"{at}completions", {"q": query, "rest": rest})
    assert answer.status_code == 200
    return [html.unescape(text) for text in re.findall(r'data-text="([^"]*)"', answer.content.decode())]


@pytest.fixture(autouse=True)
def _events(append: AppendEvents) -> None:
    append(
        "order-1",
        {"type": "OrderPlaced", "agent": "router", "data": b'{"amount": 5, "ship to": {"city": "Bern"}}'},
        {"type": "OrderPaid", "correlation_id": "w/1", "data": b'{"items": [{"sku": "a b"}, {"sku": "c"}]}'},
    )
    append("order-2", {"type": "Sent", "agent": "till er", "metadata": b'{"region": "eu"}', "tags": ["vip", "v 2"]})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("type:", ["type:OrderPaid ", "type:OrderPlaced ", "type:Sent "]),
        ("type:Order", ["type:OrderPaid ", "type:OrderPlaced "]),
        ("type:Order*", ["type:OrderPaid ", "type:OrderPlaced "]),
        ("x (agent:a OR -type:S", ["type:Sent "]),
        ("type:Nope", []),
        ("type:\x00", []),
        ("agent:t", ['agent:"till er" ']),
        ('agent:"till e', ['agent:"till er" ']),
        ("stream:order", ["stream:order-1 ", "stream:order-2 "]),
        ("workflow:", ["correlation:w/1 "]),
        ("tag:", ['tag:"v 2" ', "tag:vip "]),
        ("-tag:vi", ["tag:vip "]),
        ("vi", ["tag:vip "]),
        ("has:t", ["has:tag "]),
        ("ag", ["agent:"]),
        ("me", ["metadata.", "metadata.region:"]),
        ("ti", ['agent:"till er" ']),
        ("am", ["data.amount:"]),
        ("data.", ["data.amount:", 'data."ship to".city:', "data.items[*].sku:"]),
        ("type:OrderPaid data.", ["data.items[*].sku:"]),
        ('data."ship', ['data."ship to".city:']),
        ("data.items[*].sku:", ['data.items[*].sku:"a b" ', "data.items[*].sku:c "]),
        ('data.items[*].sku:"a', ['data.items[*].sku:"a b" ']),
        ("data.amount:", ["data.amount:5 "]),
        ("metadata.", ["metadata.region:"]),
        ("has:c", ["has:category ", "has:correlation ", "has:cause ", 'has:data."ship to".city ']),
        ("has:metadata", ["has:metadata.region "]),
        ("since:2", ["since:24h "]),
        ("sys", ["system:"]),
        ("-system:", ["system:true ", "system:false "]),
        ("system:f", ["system:false "]),
        ("state", []),
        ("state.", []),
        ("position:", []),
        ('"an open quote ', []),
    ],
)
def test_a_term_completes_to_what_the_log_has_seen(viewer: Client, at: str, query: str, expected: list[str]) -> None:
    assert offers(viewer, at, query) == expected


def test_an_empty_bar_offers_the_fields(viewer: Client, at: str) -> None:
    assert offers(viewer, at, "")[:3] == ["type:", "agent:", "stream:"]
    assert offers(viewer, at, "type:x ", " y") == offers(viewer, at, "")


def test_in_the_middle_of_a_word_nothing_is_offered(viewer: Client, at: str) -> None:
    assert offers(viewer, at, "ty", "pe:A") == []
    assert offers(viewer, at, "(ty", ")") == ["type:"]


def test_an_address_that_is_too_long_is_refused(viewer: Client, at: str) -> None:
    assert viewer.get(f"{at}completions", {"q": "type:" * 3_000}).status_code == 414


def test_workflows_complete_on_their_own_page(viewer: Client, at: str) -> None:
    for query, expected in (("", ["w/1"]), ("?id=w", ["w/1"]), ("?id=x", [])):
        page = viewer.get(f"{at}seen/correlation_id{query}").content.decode()
        assert re.findall('value="([^"]*)"', page) == expected
    for name in ("data", "position", "before", "type"):
        assert viewer.get(f"{at}seen/{name}").status_code == 404


def test_completing_costs_a_fixed_number_of_queries(
    viewer: Client, append: AppendEvents, at: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    append("s", *[{"type": f"T{n}", "agent": f"a{n}", "data": b'{"x": 1}'} for n in range(50)])
    # session, user, membership with its log; the names
    for name in ("type", "agent", "stream", "tag", "correlation"):
        with django_assert_num_queries(4):
            offers(viewer, at, f"{name}:")
    # or a sample of events: the head and one slice
    with django_assert_num_queries(5):
        offers(viewer, at, "data.x:")
    # or both: names of four kinds
    with django_assert_num_queries(9):
        offers(viewer, at, "T")


def test_redacted_data_is_neither_offered_nor_confirmed(
    viewer: Client, at: str, log: Log, append: AppendEvents
) -> None:
    append("order-3", {"type": "Card", "data": b'{"card": "4111-1111"}', "metadata": b'{"hint": "4111"}'})
    questions = ("data.ca", "data.card:", "data.card:4111-1", "metadata.hint:", "type:Card data.", "ca")
    before = {question: offers(viewer, at, question) for question in questions}
    assert "data.card:4111-1111 " in before["data.card:4111-1"]
    redaction.redact(log.pk, log.head, reason="a secret", by="ada")
    after = [text for question in questions for text in offers(viewer, at, question)]
    assert not [text for text in after if "4111" in text or "card" in text or "hint" in text]
