"""Pausing a subscription: nothing is delivered until it is resumed. What is in flight may still be settled."""

from __future__ import annotations

from events.sql import subscriptions as sql
from events.subscriptions.orders import Order


async def pause(order: Order, *, reason: str | None) -> bool:
    """Pause a subscription; return whether it was not paused before. If it was, the first pause goes on.

    Raises:
        NoSuchSubscription, Forbidden
    """
    return await _set(order, reason, is_paused=True)


async def resume(order: Order, *, reason: str | None) -> bool:
    """End the pause of a subscription; return whether it was paused.

    Raises:
        NoSuchSubscription, Forbidden
    """
    return await _set(order, reason, is_paused=False)


async def _set(order: Order, reason: str | None, *, is_paused: bool) -> bool:
    async with order.place() as (session, place):
        is_new = place.is_paused != is_paused
        if is_new and not order.is_dry_run:
            params = {**order.keys(place), "is_paused": is_paused, "reason": reason if is_paused else None}
            row = await (await session.execute(sql.PAUSE, params)).fetchone()
            assert row
            act = "paused" if is_paused else "resumed"
            await order.announce(session, place, act, facts={"reason": reason}, change=row[0])
    return is_new
