"""The events that set rules tell from when to when each rule held."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from events.types import Event
from projections.replay.against_rules import Rule, rules_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def an_event(position: int, minute: float, **fields: object) -> Event:
    values: dict[str, object] = {
        "stream": "run-1",
        "version": position,
        "id": str(position),
        "type": "tool.called",
        "data": "{}",
        "metadata": '{"otel": {}}',
        "agent": "router",
        "schema_version": 1,
        "correlation_id": "order-1",
        "causation_id": None,
        "occurred_at": NOON + timedelta(minutes=minute),
        "recorded_at": NOON + timedelta(minutes=minute),
        **fields,
    }
    return Event(position=position, **values)  # type: ignore[arg-type]


def changed(position: int, minute: float, type: str, **facts: object) -> Event:
    return an_event(
        position, minute, type=type, data=json.dumps(facts), stream="eventsite-x", correlation_id=None, metadata="{}"
    )


def times(rules: list[Rule]) -> list[tuple[int, float, float | None]]:
    """The position of each rule, and the minutes from which and until which it held."""

    def minute(time: datetime) -> float:
        return (time - NOON) / timedelta(minutes=1)

    return [(rule.position, minute(rule.since), minute(rule.until) if rule.until else None) for rule in rules]


def test_a_pause_holds_until_its_target_is_resumed() -> None:
    rules = rules_of(
        [
            changed(1, 1, "agent.paused", agent="router", reason="why"),
            changed(2, 2, "agent.paused", agent="order-1", reason="why"),
            changed(3, 3, "workflow.paused", workflow="order-1", reason="why"),
            changed(4, 5, "agent.resumed", agent="router", reason="why"),
            changed(5, 6, "agent.paused", agent="router", reason="why"),
            changed(6, 7, "agent.resumed", agent="nobody", reason="why"),
        ]
    )
    assert times(rules) == [(1, 1, 5), (2, 2, None), (3, 3, None), (5, 6, None)]


def test_a_demand_holds_until_the_next_one() -> None:
    nothing = {"workflows": False, "streams": [], "types": []}
    rules = rules_of(
        [
            changed(1, 1, "leases.demanded", **nothing | {"workflows": True}),
            changed(2, 2, "leases.demanded", **nothing | {"streams": ["run-"]}),
            changed(3, 3, "leases.demanded", **nothing),
        ]
    )
    assert times(rules) == [(1, 1, 2), (2, 2, 3)]


def test_an_event_is_judged_by_the_time_at_which_it_happened() -> None:
    [rule] = rules_of(
        [changed(10, 10, "agent.paused", agent="router"), changed(20, 20, "agent.resumed", agent="router")]
    )
    happened = {5.0: False, 9.99: False, 10: True, 15: True, 19.99: True, 20: False, 25: False}
    # It was appended when the pause had ended, as spans are held.
    assert {minute: rule.fits(an_event(30, minute)) for minute in happened} == happened
    assert not rule.fits(an_event(9, 15))  # it was there before the pause: its clock is wrong
    assert not rule.fits(an_event(30, 15, agent="shipper"))


def test_an_event_near_the_ends_of_a_pause_is_only_possible() -> None:
    [rule] = rules_of(
        [changed(10, 10, "agent.paused", agent="router"), changed(20, 20, "agent.resumed", agent="router")]
    )
    assert [rule.is_sure(an_event(30, minute)) for minute in (10.05, 10.1, 19.9, 19.95)] == [False, True, True, False]
    [open_rule] = rules_of([changed(10, 10, "agent.paused", agent="router")])
    assert open_rule.is_sure(an_event(30, 10_000))
