"""The client reads states, and asks replays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import UNSET

from eventsite_client import Client, Invalid, InvalidQuery, NewEvent, NotFound
from tests.support.twins import EVERYWHERE


@pytest.fixture
def order(client: Client) -> Client:
    client.append("order-42", NewEvent("OrderPlaced", {"sku": "A-7", "quantity": 2}, id="placed"))
    client.append("order-42", NewEvent("OrderPaid", {"amount": 12.5}))
    client.append("order-43", NewEvent("OrderPlaced", {"sku": "B-1"}))
    return client


@EVERYWHERE
def test_a_state_is_read_now_and_at_any_moment(order: Client) -> None:
    state = order.state("order-42")
    assert state.value == {"sku": "A-7", "quantity": 2, "amount": 12.5}
    assert (state.position, state.version, state.events, state.stale) == (2, 2, 2, None)
    first = {"sku": "A-7", "quantity": 2}
    assert order.state("order-42", at_version=1).value == first
    assert order.state("order-42", at_position=1).value == first
    assert order.state("order-42", at_time=datetime.now(UTC) + timedelta(hours=-1)).value == {}
    assert order.state("order-42", wait_for_position=3).version == 2
    order.append("order-44", NewEvent("Noted", "fragile"), NewEvent("Weighed", {"gross": {"kg": 2}}))
    assert order.state("order-44").value == {"value": "fragile", "gross": {"kg": 2}}
    nothing = order.state("order-45")
    assert (nothing.value, nothing.position, nothing.version, nothing.events) == ({}, 0, 0, 0)


@EVERYWHERE
def test_states_are_listed(order: Client) -> None:
    assert [state.key for state in order.states(q="state.sku:*")] == ["order-42", "order-43"]
    assert [state.key for state in order.states(prefix="order-", after="order-42")] == ["order-43"]
    assert [state.value["sku"] for state in order.states(limit=1)] == ["A-7"]


@EVERYWHERE
def test_a_diff_has_the_changes_between_two_moments(order: Client) -> None:
    diff = order.diff("order-42", from_version=1)
    assert [(change.op, change.path, change.value) for change in diff.changes] == [("add", "/amount", 12.5)]
    assert (diff.before.version, diff.after.version) == (1, 2)
    assert [change.path for change in order.diff("order-42", to_position=1).changes] == ["/sku", "/quantity"]
    order.append("order-42", NewEvent("Weighed", {"gross": {"kg": 2, "by": "ann"}, "quantity": 3}))
    order.append("order-42", NewEvent("Weighed", {"gross": {"kg": 2.5, "by": "ann"}, "amount": None}))
    changes = order.diff("order-42", from_version=2, to_version=4).changes
    assert [(change.op, change.path, change.value, change.old) for change in changes] == [
        ("replace", "/quantity", 3, 2),
        ("replace", "/amount", None, 12.5),
        ("add", "/gross", {"kg": 2.5, "by": "ann"}, UNSET),
    ]
    [change] = order.diff("order-42", from_version=3, to_version=4).changes[1:]
    assert (change.op, change.path, change.value, change.old) == ("replace", "/gross/kg", 2.5, 2)


@EVERYWHERE
def test_why_a_value_is_as_it_is(order: Client) -> None:
    why = order.why("/sku", "order-42")
    assert (why.found, why.value) == (True, "A-7")
    assert [(touch.event.id, touch.place) for touch in why.history] == [("placed", 1)]
    assert not order.why("/amount", "order-42", place=1).found
    order.append("order-42", NewEvent("Moved", {"sku": "A-8"}), NewEvent("Noted", {"quantity": 2}))
    why = order.why("/sku", "order-42")
    assert [(touch.place, touch.n) for touch in why.history] == [(3, 3), (1, 1)]
    assert [(change.op, change.value, change.old) for change in why.history[0].changes] == [("replace", "A-8", "A-7")]
    assert (why.place, why.more, why.previous, why.next) == (4, 0, 3, None)
    earlier = order.why("/sku", "order-42", place=1)
    assert (earlier.value, earlier.previous, earlier.next) == ("A-7", None, 3)
    assert [touch.place for touch in order.why("/sku", kind="log", name="").history] == [4, 3, 1]


@EVERYWHERE
def test_a_seek_finds_the_step(order: Client) -> None:
    found = order.seek("state.amount>10", "order-42")
    assert (found.place, found.position) == (2, 2)
    assert order.seek("type:OrderPlaced", kind="log", backward=True).position == 3
    assert order.seek("type:OrderP*", "type:OrderPaid", kind="query").position == 2
    assert order.seek("state.amount>100", "order-42").place is None
    assert order.seek("state.amount>100", "order-42").searched_to == 2
    assert order.seek("type:Nothing", "order-42", backward=True).place is None
    assert order.seek("type:Order*", "order-42", backward=True, place=2).place == 1
    assert order.seek("type:Order*", kind="log", place=1).place == 2
    assert order.seek("state.sku:B-1 type:OrderPlaced", kind="log").place == 3
    with pytest.raises(InvalidQuery):
        order.seek("stat.amount>10", "order-42")


def test_a_projection_that_is_unknown_is_an_error(order: Client) -> None:
    with pytest.raises(NotFound) as caught:
        order.state("order-42", projection="nothing")
    assert caught.value.code == "no-such-projection"


@EVERYWHERE
def test_two_moments_are_one_too_many(order: Client) -> None:
    with pytest.raises(Invalid):
        order.state("order-42", at_version=1, at_position=1)
    with pytest.raises(Invalid) as caught:
        order.state("order-42", at_version=3)
    assert caught.value.members["field"] == "at_version"
    with pytest.raises(Invalid) as caught:
        order.diff("order-42", to_position=4)
    assert caught.value.members["field"] == "to_position"
    with pytest.raises(ValueError, match="zone"):
        order.state("order-42", at_time=datetime(2026, 1, 1))  # noqa: DTZ001 - it lacks one on purpose
