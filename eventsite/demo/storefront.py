"""The storefront, through which customers order, and which opens and ends a shift."""

from __future__ import annotations

from collections.abc import Sequence

from events.api.schemas import EventOut
from eventsite.demo.actor import POLL_SECONDS, Actor, AppendedEvent
from eventsite.demo.world import SCRIPT, VANS


class Storefront(Actor):
    """The actor that places the orders, and follows them to the end."""

    name = "storefront"
    service = "storefront 5.0.2"

    async def open_shift(self) -> AppendedEvent:
        """Append the first event of the shift."""
        data = {"shift": self.shift, "city": "Edinburgh", "orders_expected": len(SCRIPT), "vans": VANS}
        return await self.say(f"shift-{self.shift}", "shift.opened", data, cause=None, expected_version="no_stream")

    async def work(self) -> None:
        await self.find_shift()
        shift, orders = f"shift-{self.shift}", set(self.world.orders)
        await self._place_orders()
        payments = await self._until(orders, {"order.paid", "order.cancelled"})
        await self.stage.pause(2.0)
        data = {"orders": len(orders), "reason": "every order is paid or cancelled"}
        await self.say(shift, "shift.cutoff", data, cause=payments[-1], workflow=shift)
        ends = await self._until(orders, {"order.dispatched", "order.cancelled"})
        messages = {"notification.sent", "notification.skipped"}
        await self._until(orders, messages, message=("on_its_way", "cancelled"))
        await self.stage.pause(1.0)
        cancelled = sum(event.type == "order.cancelled" for event in ends)
        counts = {"orders": len(orders), "dispatched": len(ends) - cancelled, "cancelled": cancelled}
        await self.say(shift, "shift.ended", counts, cause=ends[-1], workflow=shift)

    async def _place_orders(self) -> None:
        for order in self.world.orders.values():
            await self.stage.pause(order.at - self.stage.now)
            # An order comes from outside: no event in the log caused it, and it begins a workflow.
            await self.say(
                order.name,
                "order.placed",
                order.placed,
                cause=None,
                workflow=order.name,
                expected_version="no_stream",
                tags=[f"customer:{order.placed['customer']}"],
            )

    async def _until(self, orders: set[str], types: set[str], *, message: Sequence[str] = ()) -> list[EventOut]:
        """Wait until each order has an event of one of these types, with one of these messages; return these events."""
        while True:
            if self.read_to != self.stage.head:
                events = await self.look(type=sorted(types))
                events = [event for event in events if not message or event.data["message"] in message]
                if {event.stream for event in events} >= orders:
                    return events
            await self.stage.pause(POLL_SECONDS)
