"""Values that can't be keys: no state is made for them, nothing stops, and their number is shown."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from django.test import Client

from events.models import Log, Member
from projections import Projection, pointer, registry
from projections.catalog.orders import orders
from projections.definition.projection import MAX_KEY_CHARACTERS, Decoded
from tests.support.running import append, live, settle, states


def sales() -> Projection:
    """The first projection of docs/projections.md."""
    projection = Projection("sales", about="What each product sold.", key=pointer("/sku"), initial=0, materialised=True)
    projection.on("ItemSold")(_count)
    return projection


def _count(state: int, happened: Decoded) -> int:
    return state + int(happened.data["quantity"])


def sold(*skus: Any) -> list[tuple[str, dict[str, Any]]]:
    return [("till-1", {"type": "ItemSold", "data": json.dumps({"sku": sku, "quantity": 1}).encode()}) for sku in skus]


@pytest.fixture
def counted(log: Log, monkeypatch: pytest.MonkeyPatch) -> Projection:
    """Sales of two products, and seven events without a product that can be a key."""
    projection = sales()
    monkeypatch.setitem(registry.PROJECTIONS, projection.name, projection)
    append(log, sold("A", "a\nb", 12, "x" * (MAX_KEY_CHARACTERS + 1), True, ["A"], {"A": 1}, 1.5, None, "A"))
    settle(log, projection)
    return projection


@pytest.mark.usefixtures("counted")
def test_events_after_a_value_that_can_not_be_a_key_are_folded(log: Log) -> None:
    assert {key: text for key, (text, _, _) in states(log, "sales").items()} == {"A": "2", "12": "1"}
    build = live(log, "sales")
    assert (build.state, build.position, build.skipped, build.error) == ("live", 10, 0, "")
    assert (build.unkeyed, build.unkeyed_position) == (6, 8)


@pytest.mark.usefixtures("counted")
def test_the_page_and_its_markdown_say_how_many_there_were(log: Log, member: Member, client: Client) -> None:
    client.force_login(member.user)
    page = client.get(f"/logs/{log.name}/projections/sales/").content.decode()
    assert "Values that can’t be keys" in page
    assert f'href="/logs/{log.name}/events/8"' in page
    markdown = client.get(f"/logs/{log.name}/projections/sales/?format=md").content.decode()
    assert "6 values can't be keys, the last at #8" in markdown


async def test_the_api_says_how_many_there_were(
    log: Log, counted: Projection, token: str, anyone: httpx2.AsyncClient
) -> None:
    answer = await anyone.get("/api/projections", headers={"Authorization": f"Bearer {token}"})
    [build] = next(each["builds"] for each in answer.json()["projections"] if each["name"] == "sales")
    assert (build["unkeyed"], build["unkeyed_position"], build["state"]) == (6, 8, "live")


def test_the_orders_of_a_van_are_those_that_can_be_keys(log: Log) -> None:
    stops = json.dumps({"stops": ["order-1", "order-a\nb", "order-2"]}).encode()
    append(log, [("van-1", {"type": "van.departed", "data": stops})])
    settle(log, orders)
    assert sorted(states(log, "orders")) == ["order-1", "order-2"]
    assert (live(log, "orders").state, live(log, "orders").unkeyed) == ("live", 1)
