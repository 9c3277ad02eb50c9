"""Taking back: an operator releases what a consumer holds, so that it is delivered again at once, to anybody."""

from __future__ import annotations

from events.sql import subscription_overview as sql
from events.subscriptions.orders import Order


async def take_back(order: Order, *, consumer: str | None, position: int | None, reason: str) -> int:
    """Release all deliveries in flight of a consumer, or the one at a position; return their number.

    It costs no attempt. What the consumer settles of them is told that it has expired.

    Raises:
        NoSuchSubscription, Forbidden
    """
    async with order.place() as (session, place):
        target = order.keys(place) | {"consumer": consumer, "position": position}
        held = await (await session.execute(sql.LOCK_HELD, target)).fetchall()
        params = order.keys(place) | {"positions": [position for position, _, _ in held]}
        await session.execute(sql.TAKE_BACK, params)
        if held:
            facts = {
                "consumers": sorted({consumer for _, consumer, _ in held}),
                "deliveries": len(held),
                "first": min(position for position, _, _ in held),
                "reason": reason,
            }
            change = f"released-{min(token.hex for _, _, token in held)}"
            await order.announce(session, place, "deliveries-released", facts=facts, change=change)
    return len(held)
