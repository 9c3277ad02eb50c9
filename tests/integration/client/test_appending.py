"""What the client appends is in the log, once, as it was sent."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from eventsite_client import (
    Append,
    Client,
    Condition,
    ConditionFailed,
    IdConflict,
    Invalid,
    NewEvent,
    WrongExpectedVersion,
)
from tests.support.twins import EVERYWHERE

pytestmark = EVERYWHERE

PLACED = NewEvent("OrderPlaced", {"sku": "A-7"})
NAMES = ["order-42", "team/a #2", "%2F", "...", "a b?c&d", "ü\u2028'\"", "%", "x" * 200]


@pytest.mark.parametrize("stream", NAMES)
def test_an_event_is_read_as_it_was_appended(client: Client, stream: str) -> None:
    event = NewEvent(
        "OrderPlaced",
        {"n": [1, None, "ü"]},
        id="placed-1",
        agent="router",
        correlation_id="run-7",
        causation_id="cause",
        tags=("vip", "customer:4711"),
        metadata={"region": "eu"},
        occurred_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
        schema_version=3,
    )
    appended = client.append(stream, event)
    assert (appended.stream, appended.first_position, appended.version, appended.replayed) == (stream, 1, 1, False)
    [read] = client.stream_events(stream)
    assert (read.stream, read.position, read.version) == (stream, 1, 1)
    assert {name: getattr(read, name) for name in event.__struct_fields__} == {
        name: getattr(event, name) for name in event.__struct_fields__
    }
    assert client.event(1) == read


@pytest.mark.parametrize("stream", [".", ".."])
def test_a_name_of_dots_leads_to_no_other_address(client: Client, stream: str) -> None:
    with pytest.raises(Invalid) as caught:
        client.append(stream, PLACED)
    assert caught.value.members["field"] == "stream"


def test_an_event_without_data_has_an_empty_object(client: Client) -> None:
    client.append("s", NewEvent("Beat"), NewEvent("Nothing", None))
    assert [event.data for event in client.events()] == [{}, None]


def test_data_may_be_whatever_json_can_hold(client: Client) -> None:
    @dataclasses.dataclass
    class Order:
        sku: str
        price: Decimal

    client.append("s", NewEvent("A", {"order": Order("A-7", Decimal("12.50")), "at": UUID(int=7), "n": 10**30}))
    [event] = client.events()
    assert event.data == {"order": {"sku": "A-7", "price": 12.5}, "at": str(UUID(int=7)), "n": 10**30}
    assert list(client.events("data.order.price:12.50")) == [event]


def test_data_that_json_cant_hold_is_an_error_before_anything_is_sent(client: Client) -> None:
    with pytest.raises(TypeError, match="object"):
        client.append("s", NewEvent("A", {"what": object()}))


def test_nothing_is_appended_without_events(client: Client) -> None:
    with pytest.raises(ValueError, match="nothing"):
        client.append("s")
    with pytest.raises(ValueError, match="nothing"):
        client.append_all()


def test_each_event_has_an_id_of_its_own_which_sorts_by_time(client: Client) -> None:
    for _ in range(3):
        client.append("s", PLACED, PLACED)
    ids = [event.id for event in client.events()]
    assert len(set(ids)) == 6
    assert {UUID(id).version for id in ids} == {7}


def test_an_append_at_another_version_is_refused_with_the_version_of_the_stream(client: Client) -> None:
    client.append("s", PLACED, expected_version="no_stream")
    with pytest.raises(WrongExpectedVersion, match="409 wrong-expected-version: 's' is at version 1.") as caught:
        client.append("s", PLACED, expected_version=0)
    assert (caught.value.current_version, caught.value.status) == (1, 409)
    assert client.append("s", PLACED, expected_version=1, read_position=1).version == 2


def test_an_append_is_refused_if_a_condition_is_not_met(client: Client) -> None:
    client.append("s", PLACED)
    condition = Condition(q="type:OrderPlaced", none_after=0)
    with pytest.raises(ConditionFailed) as caught:
        client.append("other", NewEvent("Planned"), conditions=[condition])
    assert caught.value.position == 1
    client.append("other", NewEvent("Planned"), conditions=[Condition(q="type:OrderPlaced", none_after=1)])


def test_the_same_append_with_a_key_is_written_once(client: Client) -> None:
    first = client.append("s", PLACED, idempotency_key="router:1")
    again = client.append("s", PLACED, idempotency_key="router:1")
    assert (first.replayed, again.replayed, again.events) == (False, True, first.events)
    with pytest.raises(IdConflict) as caught:
        client.append("s", NewEvent("Other"), idempotency_key="router:1")
    assert caught.value.code == "key-reused"


def test_other_content_with_an_id_of_the_log_is_refused(client: Client) -> None:
    client.append("s", NewEvent("A", 1, id="one"))
    assert client.append("s", NewEvent("A", 1, id="one")).replayed
    with pytest.raises(IdConflict):
        client.append("s", NewEvent("A", 2, id="one"))


def test_several_streams_are_appended_to_all_or_none(client: Client) -> None:
    one = Append(stream="one", events=(PLACED, PLACED), expected_version="no_stream")
    other = Append(stream="other", events=(PLACED,), read_position=0)
    results = client.append_all(one, other)
    assert [(each.stream, each.version) for each in results] == [("one", 2), ("other", 1)]
    with pytest.raises(WrongExpectedVersion):
        client.append_all(other, one)
    assert len(list(client.events())) == 3


def test_an_error_names_the_field(client: Client) -> None:
    with pytest.raises(Invalid) as caught:
        client.append("s", NewEvent("A", tags=("one", "one")))
    assert caught.value.members["field"] == "events[0].tags"
    assert caught.value.ids
