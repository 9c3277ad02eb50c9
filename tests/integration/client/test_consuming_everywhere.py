"""Consumers take events, and each event is done once: with both clients, and with the fake."""

from __future__ import annotations

import threading
from typing import Any, Literal

import pytest

from eventsite_client import (
    Client,
    DeliveryLost,
    EventsiteError,
    Hopeless,
    NewEvent,
    NotFound,
    Settles,
    Subscription,
    Work,
)
from tests.support.twins import EVERYWHERE
from tests.support.working import work_on

pytestmark = EVERYWHERE

PLACED = NewEvent("OrderPlaced", {"sku": "A-7"}, correlation_id="run-7")
PACKED = NewEvent("OrderPacked")


@pytest.fixture
def packing(admin: Client) -> Subscription:
    subscription = admin.subscription("packing")
    subscription.make("type:OrderPlaced", max_attempts=2, backoff={"first": 0})
    return subscription


def counts(subscription: Subscription) -> dict[str, int]:
    """Return the numbers of events that are not settled, if there are any."""
    status = subscription.status()
    names = ("ready", "in_flight", "retrying", "waiting", "held")
    return {name: count for name in names if (count := getattr(status, name))}


def take(client: Client, consumer: str, **members: Any) -> list[dict[str, Any]]:
    body = {"consumer": consumer, "limit": 10, "wait": 0, **members}
    answer = client.request("POST", "/subscriptions/packing/take", body, gives=dict[str, Any])
    deliveries: list[dict[str, Any]] = answer["deliveries"]
    return deliveries


def settle(client: Client, consumer: str, delivery: str, outcome: str, **members: Any) -> str:
    body = {"consumer": consumer, "settlements": [{"delivery": delivery, "outcome": outcome, **members}]}
    answer = client.request("POST", "/subscriptions/packing/settle", body, gives=dict[str, Any])
    result: str = answer["results"][0]["result"]
    return result


def test_what_a_block_appends_is_written_with_the_acknowledgement(admin: Client, packing: Subscription) -> None:
    placed = [admin.append(f"order-{n}", PLACED).events[0].id for n in (1, 2)]
    works: list[Work] = []

    def pack(work: Work) -> None:
        work.append(NewEvent("OrderPacked", work.event.data), NewEvent("Told"))
        assert admin.events("type:OrderPacked").all() == []
        works.append(work)

    assert work_on(packing, lambda work: pack(work) if not works else None, agent="packer") == 2
    packed = admin.events("type:OrderPacked").all()
    assert [(event.stream, event.data, event.agent) for event in packed] == [("order-1", {"sku": "A-7"}, "packer")]
    assert (packed[0].correlation_id, packed[0].causation_id) == ("run-7", placed[0])
    [appended] = works[0].appended
    assert [event.position for event in appended.events] == [packed[0].position, packed[0].position + 1]
    assert (works[0].attempt, works[0].redacted) == (1, False)
    assert works[0].read_position >= works[0].event.position
    assert counts(packing) == {}
    assert work_on(packing, pack) == 0


def test_a_block_may_append_to_several_streams(admin: Client, packing: Subscription) -> None:
    admin.append("order-1", PLACED)
    works: list[Work] = []

    def pack(work: Work) -> None:
        work.append(PACKED)
        work.append(NewEvent("BoxUsed"), stream="boxes")
        works.append(work)

    work_on(packing, pack)
    assert [(each.stream, each.version) for each in works[0].appended] == [("order-1", 2), ("boxes", 1)]
    assert counts(packing) == {}


def test_what_fails_is_tried_again_and_then_holds_its_key(admin: Client, packing: Subscription) -> None:
    for stream in ("order-1", "order-1", "order-2"):
        admin.append(stream, PLACED)
    attempts = []

    def fail(work: Work) -> None:
        work.append(PACKED)
        if work.event.stream == "order-1":
            attempts.append((work.event.version, work.attempt))
            raise KeyError("no box")

    assert work_on(packing, fail) == 3
    assert attempts == [(1, 1), (1, 2)]
    assert counts(packing) == {"held": 1, "waiting": 1}
    assert [event.stream for event in admin.events("type:OrderPacked")] == ["order-2"]


def test_a_dead_letter_may_let_later_events_pass(admin: Client) -> None:
    packing = admin.subscription("packing")
    packing.make("type:OrderPlaced", max_attempts=1, when_exhausted="pass")
    admin.append("order-1", PLACED, PLACED)
    seen = []

    def fail_first(work: Work) -> None:
        seen.append(work.event.version)
        if work.event.version == 1:
            raise KeyError("no box")

    assert work_on(packing, fail_first) == 2
    assert (seen, counts(packing)) == ([1, 2], {})


def test_what_is_hopeless_is_a_dead_letter_at_once(admin: Client, packing: Subscription) -> None:
    admin.append("order-1", PLACED)

    def give_up(work: Work) -> None:
        raise Hopeless("nobody knows this order")

    assert work_on(packing, give_up) == 1
    assert counts(packing) == {"held": 1}


def test_an_event_that_the_server_refuses_fails_its_work(admin: Client, packing: Subscription) -> None:
    admin.append("order-1", PLACED)

    def pack(work: Work) -> None:
        work.append(PLACED, stream="order-2")  # it is not written, so it is not delivered
        work.append(PACKED, stream="boxes")
        work.append(NewEvent("A", tags=("b", "b")))

    assert work_on(packing, pack) == 2
    assert counts(packing) == {"held": 1}
    assert [event.stream for event in admin.events("type:OrderPlaced")] == ["order-1"]


def test_what_is_no_error_gives_the_event_back_and_is_raised(admin: Client, packing: Subscription) -> None:
    admin.append("order-1", PLACED)

    def stop(work: Work) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work_on(packing, stop)
    assert counts(packing) == {"ready": 1}
    seen = []
    work_on(packing, lambda work: seen.append(work.attempt))
    assert seen == [1]


def test_events_of_a_key_come_in_order_and_no_key_waits_for_another(admin: Client, packing: Subscription) -> None:
    for stream in ("order-1", "order-1", "order-2"):
        admin.append(stream, PLACED)
    seen: list[tuple[str, int]] = []

    def note(work: Work) -> None:
        if not seen:
            seen.append(("first", work.event.version))
            work_on(packing, note)
        seen.append((work.event.stream, work.event.version))

    work_on(packing, note)
    assert seen == [("first", 1), ("order-2", 1), ("order-1", 1), ("order-1", 2)]


@pytest.mark.parametrize(
    ("order_by", "first"), [("workflow", [1, 2, 4]), ("agent", [1, 3, 4]), ("/sku", [1, 4]), ("none", [1, 2, 3, 4])]
)
def test_the_key_is_what_a_subscription_is_ordered_by(admin: Client, order_by: str, first: list[int]) -> None:
    admin.subscription("packing").make("type:OrderPlaced", order_by=order_by)
    for workflow, agent, sku in [("w", "a", 1), (None, "a", 1), ("w", "b", 1), (None, None, {})]:
        admin.append("s", NewEvent("OrderPlaced", {"sku": sku}, correlation_id=workflow, agent=agent))
    assert [delivery["event"]["version"] for delivery in take(admin, "me")] == first


@pytest.mark.parametrize(("start", "versions"), [("beginning", [1, 2, 3]), ("now", [3]), (1, [2, 3])])
def test_a_subscription_begins_somewhere(
    admin: Client, start: Literal["beginning", "now"] | int, versions: list[int]
) -> None:
    admin.append("s", PLACED, PLACED)
    packing = admin.subscription("packing")
    status = packing.make("type:OrderPlaced", start=start, order_by="none")
    assert (status.name, status.q, status.order_by, status.ack_deadline) == ("packing", "type:OrderPlaced", "none", 30)
    admin.append("s", PLACED)
    assert [delivery["event"]["version"] for delivery in take(admin, "me")] == versions


def test_a_subscription_that_is_made_again_stays_as_it_is(admin: Client, packing: Subscription) -> None:
    admin.append("order-1", PLACED)
    work_on(packing, lambda work: None)
    assert packing.make("type:OrderPlaced", max_attempts=5).max_attempts == 5
    assert work_on(packing, lambda work: None) == 0
    with pytest.raises(EventsiteError) as caught:
        packing.make("type:OrderPlaced", order_by="workflow")
    assert caught.value.code == "subscription-fixed"


def test_a_take_that_is_repeated_gets_the_same(admin: Client, packing: Subscription) -> None:
    admin.append("order-1", PLACED)
    first = take(admin, "me", request="one")
    assert [delivery["attempt"] for delivery in first] == [1]
    assert [delivery["delivery"] for delivery in take(admin, "me", request="one")] == [first[0]["delivery"]]
    assert take(admin, "me", request="two") == take(admin, "other", request="one") == []


def test_a_settlement_has_a_result(admin: Client, packing: Subscription) -> None:
    admin.append("order-1", PLACED)
    [first] = take(admin, "me")
    assert settle(admin, "other", first["delivery"], "ack") == "not-yours"
    assert settle(admin, "me", first["delivery"], "extend", seconds=60) == "settled"
    assert settle(admin, "me", first["delivery"], "release") == "settled"
    [second] = take(admin, "other")
    assert second["attempt"] == 1
    assert settle(admin, "other", second["delivery"], "fail", delay=3_600) == "settled"
    assert counts(packing) == {"retrying": 1}
    assert take(admin, "me") == []
    admin.append("order-2", PLACED)
    [third] = take(admin, "me")
    assert settle(admin, "me", third["delivery"], "ack") == "settled"
    assert settle(admin, "me", third["delivery"], "ack") == "already-settled"


@pytest.mark.parametrize("streams", [1, 2])
def test_an_append_settles_once_and_writes_nothing_if_the_delivery_is_lost(
    admin: Client, packing: Subscription, streams: int
) -> None:
    admin.append("order-1", PLACED)
    [first] = take(admin, "me")
    settles = [Settles(subscription="packing", delivery=first["delivery"])]
    written = admin.append("order-1", PACKED, settles=settles)
    again = admin.append("order-1", PACKED, settles=settles)
    assert (again.replayed, again.events) == (True, written.events)
    with pytest.raises(DeliveryLost) as caught:
        admin.append("order-1", NewEvent("Other", id="other"), settles=settles)
    assert (caught.value.members["delivery"], caught.value.members["result"]) == (first["delivery"], "already-settled")
    admin.append("order-2", PLACED)
    taking = packing.take()
    work = next(taking)

    def lose() -> None:
        with work:
            for n in range(streams):
                work.append(NewEvent("Lost"), stream=f"s-{n}")
            settle(admin, taking._consumer.name, work._delivery.delivery, "release")

    with pytest.raises(DeliveryLost):
        lose()
    assert work.is_lost
    assert admin.events("type:Lost").all() == []
    assert counts(packing) == {"ready": 1}


def test_consumers_share_the_events(admin: Client, packing: Subscription) -> None:
    for n in range(30):
        admin.append(f"order-{n % 7}", PLACED)
    threads = [threading.Thread(target=work_on, args=(packing, lambda work: work.append(PACKED))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    causes = [event.causation_id for event in admin.events("type:OrderPacked")]
    assert (len(causes), len(set(causes))) == (30, 30)
    assert counts(packing) == {}


def test_work_has_to_be_entered(admin: Client, packing: Subscription) -> None:
    admin.append("order-1", PLACED)
    taking = packing.take()
    next(taking)
    with pytest.raises(RuntimeError, match="context manager"):
        next(taking)


def test_a_subscription_that_is_unknown_is_an_error(admin: Client) -> None:
    with pytest.raises(NotFound) as caught:
        next(admin.subscription("nothing").take())
    assert caught.value.code == "no-such-subscription"
