"""The world outside that the demo's agents meet."""

from __future__ import annotations

import pytest

from eventsite.demo.world import PICKUP_KM, SCRIPT, Killed, Refused, World, world_of


def order_with(world: World, fault: str) -> str:
    return next(name for name, order in world.orders.items() if order.fault == fault)


def test_a_shift_has_the_same_world_every_time_and_another_shift_another() -> None:
    assert world_of(3) == world_of(3)
    assert not world_of(3).orders.keys() & world_of(4).orders.keys()
    first, second = (list(world_of(shift).orders.values()) for shift in (3, 4))
    assert [order.placed for order in first] != [order.placed for order in second]


@pytest.mark.parametrize("shift", range(1, 30))
def test_the_story_does_not_hang_on_the_dice(shift: int) -> None:
    """Whatever the numbers are, the script's depot is the best candidate, and every stop comes before the pick-up."""
    orders = list(world_of(shift).orders.values())
    for order, (_, depot, _) in zip(orders, SCRIPT, strict=True):
        assert max(order.candidates, key=lambda candidate: candidate["score"])["depot"] == depot
        assert order.distance_km < PICKUP_KM
        assert order.placed["total"] == pytest.approx(
            sum(item["quantity"] * item["price"] for item in order.placed["items"])
        )


def test_the_gateway_charges_once_for_each_key() -> None:
    world = world_of(1)
    order = order_with(world, "")
    charge, again = world.charge(order, f"{order}/charge/1")
    assert not again
    assert world.charge(order, f"{order}/charge/1") == (charge, True)
    assert list(world.charges.values()) == [charge]


def test_an_agent_killed_while_paying_has_paid() -> None:
    world = world_of(1)
    order = order_with(world, "killed while paying")
    with pytest.raises(Killed):
        world.charge(order, f"{order}/charge/1")
    assert world.charge(order, f"{order}/charge/1") == (world.charges[f"{order}/charge/1"], True)


def test_a_payment_that_times_out_goes_through_the_second_time_and_a_declined_card_never() -> None:
    world = world_of(1)
    late, declined = order_with(world, "payment times out"), order_with(world, "card declined")
    with pytest.raises(Refused):
        world.charge(late, f"{late}/charge/1")
    assert world.charge(late, f"{late}/charge/2")[1] is False
    for attempt in (1, 2):
        with pytest.raises(Refused, match="funds"):
            world.charge(declined, f"{declined}/charge/{attempt}")
    assert len(world.charges) == 1
