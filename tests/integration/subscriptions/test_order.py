"""Events of one key are delivered one after the other, also through failure; keys do not wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from events.subscriptions.types import Delivery
from tests.support.subscriptions import FAILURE, Settle, Subscribe, TakeFrom


def places(deliveries: Sequence[Delivery]) -> list[tuple[str, int, int]]:
    return [(each.event.stream, each.event.position, each.attempt) for each in deliveries]


async def test_one_event_of_a_key_is_in_flight_at_a_time(
    subscribe: Subscribe, take: TakeFrom, settle: Settle, placed: Callable[..., Any]
) -> None:
    await subscribe()
    await placed("a-1", "a-1", "b-1", "a-1", "b-1")
    first = await take()
    assert places(first) == [("a-1", 1, 1), ("b-1", 3, 1)]
    assert await take(wait=0) == ()
    assert [each.result for each in await settle("ack", first[0])] == ["settled"]
    second = await take()
    assert places(second) == [("a-1", 2, 1)]
    await settle("ack", *second, *first[1:])
    assert places(await take()) == [("a-1", 4, 1), ("b-1", 5, 1)]


async def test_a_failed_event_comes_again_before_the_others_of_its_key(
    subscribe: Subscribe, take: TakeFrom, settle: Settle, placed: Callable[..., Any]
) -> None:
    await subscribe()
    await placed("a-1", "a-1", "b-1")
    for attempt in (1, 2):
        deliveries = await take()
        assert places(deliveries)[0] == ("a-1", 1, attempt)
        await settle("fail", deliveries[0], failure=FAILURE)
    [last] = await take()
    assert places([last]) == [("a-1", 1, 3)]
    await settle("fail", last, failure=FAILURE)
    assert await take(wait=0.1) == ()
