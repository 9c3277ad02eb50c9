"""The contents of the demo's story: its orders, its customers, a lost update, a crash and a failed payment."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.support.demo import AGENTS, Told, in_stream, lost_updates, only


def test_each_order_is_a_workflow_and_everything_in_it_has_a_cause(story: list[Told]) -> None:
    positions = {event.id: event.position for event in story}
    roots = [event for event in story if event.causation_id is None]
    assert [event.type for event in roots] == ["shift.opened"] + ["order.placed"] * 7
    assert len({event.correlation_id for event in roots}) == len(roots)
    for event in story:
        assert event.correlation_id in {root.correlation_id for root in roots}
        if event.causation_id is not None:
            assert positions[event.causation_id] < event.position
    assert 80 <= len(story) <= 150


def test_every_event_is_its_agents_own_and_read_before_it_is_written(story: list[Told]) -> None:
    assert {event.agent for event in story} == AGENTS | {"storefront", "supervisor"}
    for event in story[1:]:
        assert event.read_position is not None
        assert event.read_position < event.position


def test_one_update_is_lost_and_the_log_can_prove_it(story: list[Told]) -> None:
    [(first, second, key)] = lost_updates(story)
    assert (first.stream, key) == ("assignment-depot-2", "stops")
    assert (first.agent, second.agent) == ("router", "optimizer")
    assert (first.type, second.type) == ("assignment.extended", "assignment.reordered")
    lost = first.data["added"]
    assert lost in first.data["stops"]
    assert lost not in second.data["stops"]
    assert second.version == first.version + 1


def test_the_lost_order_misses_its_van(story: list[Told]) -> None:
    [(first, _, _)] = lost_updates(story)
    order = first.data["added"]
    assert "route.timed" not in in_stream(story, order.replace("order", "route"))
    assert order not in only(story, "van.departed", "assignment-depot-2").data["stops"]
    assert in_stream(story, order)[-5:].count("order.delayed") == 1
    assert only(story, "order.delayed").stream == order


def test_with_an_expected_version_the_same_race_is_noticed_and_nothing_is_lost(story: list[Told]) -> None:
    noticed = only(story, "conflict.noticed")
    again = next(event for event in story if event.causation_id == noticed.id)
    assert (noticed.agent, again.type, again.stream) == ("optimizer", "assignment.reordered", "assignment-depot-1")
    assert again.expected_version == again.version - 1 == noticed.data["found_version"]
    stops: set[Any] = set()
    for event in story:
        if event.stream == "assignment-depot-1" and "stops" in event.data:
            stops = (stops | {event.data.get("added")}) - {event.data.get("removed"), None}
            assert stops <= set(event.data["stops"])


def test_a_failed_payment_is_tried_again_and_given_up_after_the_second_time(story: list[Told]) -> None:
    outcomes = {
        tuple(kind.removeprefix("payment.") for kind in in_stream(story, f"payment-{1001 + place}"))
        for place in range(7)
    }
    assert outcomes == {
        ("initiated", "captured"),
        ("initiated", "failed", "retried", "captured"),
        ("initiated", "failed", "retried", "failed"),
    }
    assert only(story, "order.cancelled").causation_id in {
        event.id for event in story if event.type == "payment.failed"
    }


def test_a_crashed_agent_finds_its_unfinished_payment_and_pays_once(story: list[Told]) -> None:
    crashed, resumed = only(story, "agent.crashed"), only(story, "agent.resumed")
    assert (crashed.agent, resumed.agent) == ("supervisor", "notifier")
    assert crashed.position < resumed.position
    [unfinished] = resumed.data["unfinished"]
    payment = unfinished["stream"]
    assert in_stream(story, payment) == ["payment.initiated", "payment.captured"]
    initiated, captured = (event for event in story if event.stream == payment)
    assert initiated.position < crashed.position < resumed.position < captured.position
    assert captured.data["charged_before"] is True
    assert crashed.causation_id == captured.causation_id == initiated.id
    charges = Counter(event.data["charge"] for event in story if event.type == "payment.captured")
    assert set(charges.values()) == {1}
    assert not [
        event for event in story if event.agent == "notifier" and crashed.position <= event.position < resumed.position
    ]


def test_every_customer_hears_of_every_step_once(story: list[Told]) -> None:
    messages = Counter((event.stream, event.data["message"]) for event in story if event.type == "notification.sent")
    assert set(messages.values()) == {1}
    assert Counter(message for _, message in messages) == {
        "confirmed": 6,
        "on_its_way": 6,
        "delayed": 1,
        "cancelled": 1,
    }


def test_each_order_has_its_customer_as_a_tag(story: list[Told]) -> None:
    placed = [event for event in story if event.type == "order.placed"]
    assert [event.tags for event in placed] == [[f"customer:{event.data['customer']}"] for event in placed]
    assert all(not event.tags for event in story if event.type != "order.placed")


def test_a_message_that_bounces_goes_out_another_way(story: list[Told]) -> None:
    failed = only(story, "notification.failed")
    message = next(event for event in story if event.causation_id == failed.id)
    assert (message.type, message.data["channel"]) == ("notification.sent", "sms")
