"""Dead letters, made by a consumer that fails, in a process of its own."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from events.engine import Engine
from events.models import Log
from events.subscriptions.types import Failure, Outcome, Settlement, Take
from tests.support.subscriptions import FAILURE


def bury(
    log: Log,
    failure: Failure = FAILURE,
    *,
    subscription: str = "work",
    consumer: str = "one",
    outcome: Outcome = "poison",
    takes: int = 1,
    limit: int = 100,
) -> None:
    """Take events `takes` times, and fail all of them each time. Whoever ends the engine announces the deaths."""

    async def run() -> None:
        async with Engine() as engine:
            server = await engine.subscriptions.of(log.pk, subscription)
            for _ in range(takes):
                take = Take(consumer, None, limit, uuid4().hex)
                deliveries = (await server.take(take, wait=0.2)).deliveries
                await server.settle([Settlement(each.id, outcome, consumer, failure=failure) for each in deliveries])

    asyncio.run(run())
