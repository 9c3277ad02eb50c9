"""What the filter's fields complete to."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from tests.integration.pages.conftest import Append


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("type", ["OrderPaid", "OrderPlaced", "Sent"]),
        ("type?type=Order", ["OrderPaid", "OrderPlaced"]),
        ("type?type=Order*", ["OrderPaid", "OrderPlaced"]),
        ("type?type=Nope", []),
        ("type?type=%00", ["OrderPaid", "OrderPlaced", "Sent"]),
        ("agent?agent=ro", ["router"]),
        ("stream?stream=order", ["order-1", "order-2"]),
        ("correlation_id", ["w/1"]),
    ],
)
def test_a_field_completes_to_names_of_this_log(
    viewer: Client, append: Append, at: str, url: str, expected: list[str]
) -> None:
    append("order-1", {"type": "OrderPlaced", "agent": "router"}, {"type": "OrderPaid", "correlation_id": "w/1"})
    append("order-2", {"type": "Sent", "agent": "till"})
    page = viewer.get(f"{at}seen/{url}").content.decode()
    assert re.findall('value="([^"]*)"', page) == expected


def test_what_is_no_field_of_the_filter_is_not_there(viewer: Client, at: str) -> None:
    for name in ("data", "position", "before"):
        assert viewer.get(f"{at}seen/{name}").status_code == 404


def test_completing_costs_one_query(
    viewer: Client, append: Append, at: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    append("s", *[{"type": f"T{n}", "agent": f"a{n}"} for n in range(50)])
    # session, user, membership with its log; the names
    for name in ("type", "agent", "stream", "correlation_id"):
        with django_assert_num_queries(4):
            viewer.get(f"{at}seen/{name}")
