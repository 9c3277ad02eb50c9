"""Taking back: an operator releases what a consumer holds, so that it is delivered again at once, to anybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from events.sql import subscription_overview as sql
from events.subscriptions.orders import Order


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery that was taken from its consumer."""

    position: int
    consumer: str
    agent: str | None
    taken_at: datetime
    token: UUID


async def take_back(
    order: Order, *, consumer: str | None = None, position: int | None = None, token: UUID | None = None, reason: str
) -> list[Held]:
    """Release all deliveries in flight of a consumer, or the one at a position, if it has this token; return them.

    It costs no attempt. What the consumer settles of them is told that it has expired.

    Raises:
        NoSuchSubscription, Forbidden
    """
    async with order.place() as (session, place):
        target = order.keys(place) | {"consumer": consumer, "position": position, "token": token}
        deliveries = [Held(*row) for row in await (await session.execute(sql.LOCK_HELD, target)).fetchall()]
        if deliveries:
            await session.execute(
                sql.TAKE_BACK, order.keys(place) | {"positions": [each.position for each in deliveries]}
            )
            first = deliveries[0]
            facts = {
                "consumers": sorted({each.consumer for each in deliveries}),
                "deliveries": len(deliveries),
                "first": first.position,
                "reason": reason,
            }
            # All deliveries of a take have one token.
            change = f"released-{first.position}-{first.token.hex}"
            await order.announce(session, place, "deliveries-released", facts=facts, change=change)
    return deliveries
