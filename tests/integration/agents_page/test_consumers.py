"""The promises of docs/agents.md about agents that take their work from subscriptions."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import pytest

from events.models import DeadLetter, Delivery, FailedAttempt, Log
from tests.support.agents_page import Agent, Load, events_of
from tests.support.middleman import Middleman
from tests.support.running import append
from tests.support.subscriptions import expire

HANDLERS = {
    "routing": ("router", "route"),
    "processing": ("processor", "process"),
    "reconciling": ("accountant", "reconcile"),
}


def turn(agent: Agent, subscription: str, consumer: str = "one") -> bool:
    """Let an agent of the page take one event."""
    name, handler = HANDLERS[subscription]
    worked: bool = agent["turn"](subscription, name, agent[handler], consumer, wait=0.1)
    return worked


def place(log: Log, *orders: str) -> None:
    append(
        log, [(order, {"type": "OrderPlaced", "data": b'{"amount": 7}', "id": f"placed-{order}"}) for order in orders]
    )


def outcomes(log: Log, stream: str) -> list[tuple[str, str | None]]:
    return [(event.type, event.agent) for event in events_of(log, stream)]


def test_three_agents_bring_each_order_to_its_end(load: Load, log: Log, middleman: Middleman) -> None:
    agent = load()
    agent["subscribe"]()
    agent["subscribe"]()
    orders = [f"order-{n}" for n in range(4)]
    place(log, *orders)
    while turns := [turn(agent, name, consumer) for name in HANDLERS for consumer in ("one", "two")]:
        if not any(turns):
            break
    assert sorted(middleman.charged) == [f"payment-{order}" for order in orders]
    for order in orders:
        assert outcomes(log, order) == [
            ("OrderPlaced", None),
            ("OrderAssigned", "router"),
            ("OrderPacked", "processor"),
        ]
        types = [type for type, _ in outcomes(log, f"payment-{order}")]
        assert types == ["PaymentInitiated", "PaymentCaptured", "PaymentReconciled"]
    assigned = events_of(log, "order-0")[1]
    assert (assigned.causation_id, assigned.correlation_id) == ("placed-order-0", "order-0")
    assert not Delivery.objects.filter(log=log).exists()


@pytest.mark.parametrize("is_written", [False, True])
def test_a_processor_that_is_killed_charges_and_packs_once(
    load: Load, log: Log, middleman: Middleman, *, is_written: bool
) -> None:
    killed, second = load(), load()
    killed["subscribe"]()
    place(log, "order-1")
    assert turn(killed, "routing")
    straight = killed["append"]

    def append_and_die(stream: str, event: Agent, **demands: Any) -> bool:
        if "settles" not in demands:
            return bool(straight(stream, event, **demands))
        if is_written:
            straight(stream, event, **demands)
        raise KeyboardInterrupt

    killed["append"] = append_and_die
    with pytest.raises(KeyboardInterrupt):
        turn(killed, "processing")
    assert turn(second, "processing", "two") is False
    expire(log)
    assert turn(second, "processing", "two") == (not is_written)
    assert middleman.charged == ["payment-order-1"]
    assert [type for type, _ in outcomes(log, "order-1")] == ["OrderPlaced", "OrderAssigned", "OrderPacked"]


def test_a_payment_that_the_provider_does_not_know_is_a_dead_letter_at_once(load: Load, log: Log) -> None:
    agent = load()
    agent["subscribe"]()
    append(log, [("payment-9", {"type": "PaymentCaptured", "data": b'{"charge": "c"}'})])
    assert turn(agent, "reconciling")
    letter = DeadLetter.objects.get(log=log)
    assert (letter.error_type, letter.attempts) == ("Hopeless", 1)
    assert len(events_of(log, "payment-9")) == 1


def test_reconciliation_tries_again_while_the_provider_is_away(load: Load, log: Log, middleman: Middleman) -> None:
    agent = load()
    agent["subscribe"]()
    place(log, "order-1")
    assert turn(agent, "routing")
    assert turn(agent, "processing")

    def away(event: Agent) -> Any:
        raise httpx2.ConnectError("the provider is away")

    assert agent["turn"]("reconciling", "accountant", away, "one", wait=0.1)
    assert [delivery.attempt for delivery in Delivery.objects.filter(log=log)] == [1]
    expire(log)
    assert turn(agent, "reconciling")
    assert outcomes(log, "payment-order-1")[-1] == ("PaymentReconciled", "accountant")


PAUSES = {
    "agent": ("/agents/router/pause", "/agents/router/resume", {}),
    "workflow of the result": ("/workflows/pause", "/workflows/unpause", {"id": "order-1"}),
}


@pytest.mark.parametrize("paused", PAUSES)
def test_a_pause_is_no_failure(load: Load, log: Log, monkeypatch: pytest.MonkeyPatch, paused: str) -> None:
    agent, supervisor = load(), load()
    agent["subscribe"]()
    place(log, "order-1")
    pause, resume, name = PAUSES[paused]
    body = {**name, "reason": "assigns to a packer who is ill"}
    monkeypatch.setattr(time, "sleep", lambda seconds: None)

    def pause_and_route(placed: Agent) -> Any:
        supervisor["ask"]("POST", pause, json=body).raise_for_status()
        return agent["route"](placed)

    turns = [agent["turn"]("routing", "router", pause_and_route, "one", wait=0.1) for _ in range(4)]
    assert turns == ([True, False, False, False] if paused == "agent" else [True] * 4)
    assert not FailedAttempt.objects.filter(log=log).exists()
    supervisor["ask"]("POST", resume, json=body).raise_for_status()
    assert turn(agent, "routing")
    assert [type for type, _ in outcomes(log, "order-1")] == ["OrderPlaced", "OrderAssigned"]


def test_one_whose_delivery_is_lost_reports_no_failure(load: Load, log: Log, middleman: Middleman) -> None:
    agent = load()
    agent["subscribe"]()
    place(log, "order-1")

    def route_slowly(placed: Agent) -> Any:
        expire(log)
        assert turn(agent, "routing", "two")
        return agent["route"](placed)

    assert agent["turn"]("routing", "router", route_slowly, "one", wait=0.1)
    assert b'"fail"' not in b"".join(middleman.bodies)
    assert [type for type, _ in outcomes(log, "order-1")] == ["OrderPlaced", "OrderAssigned"]
