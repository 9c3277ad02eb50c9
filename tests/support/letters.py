"""A subscription with dead letters, and what can be done to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from events.engine import Engine
from events.models import DeadLetter, Log
from events.query.orm import where
from events.query.parse import parse
from events.reading import store
from events.reading.db_work import run_async
from events.subscriptions.letters.deciding import Act, Decision, decide
from events.subscriptions.letters.letter import LetterId
from events.subscriptions.types import Delivery
from events.types import Event
from tests.support.patience import PATIENCE
from tests.support.subscriptions import Settle, Subscribe, TakeFrom


@dataclass
class Work:
    """The subscription `work` of a log, with all that can be done to its events."""

    engine: Engine
    log: Log
    subscribe: Subscribe
    placed: Callable[..., Awaitable[None]]
    take: TakeFrom
    settle: Settle
    bury: Callable[..., Awaitable[Sequence[Delivery]]]

    async def decide(self, act: Act, *positions: int, **fields: Any) -> list[tuple[str, str | None]]:
        ids = [LetterId("work", position) for position in positions]
        decided = await run_async(decide(self.log.pk, ids, Decision(act, "ada", **fields)), self.engine.pool)
        assert [each.id for each in decided] == ids
        self.engine.subscriptions.wake(self.log.pk)
        return [(each.result, each.state) for each in decided]

    async def taken(self, **fields: Any) -> list[tuple[int, int]]:
        """Take; return positions and attempts."""
        return places(await self.take(**fields))

    async def letter(self, position: int) -> DeadLetter:
        return await DeadLetter.objects.aget(log=self.log, position=position)

    async def events(self, type: str) -> list[Event]:
        """The events of the server of a type."""
        await self.engine.announcer.announce()
        return await store.events(self.log.pk, where(parse(f"type:{type}")), limit=100).afetch(self.engine.pool)


def places(deliveries: Sequence[Delivery]) -> list[tuple[int, int]]:
    return [(each.event.position, each.attempt) for each in deliveries]


_WAITING = """
    select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like %s"""


async def until_waiting(work: Work, function: str = "", *, sessions: int = 1) -> None:
    """Wait until some sessions, which may call a function, wait for a lock."""
    async with asyncio.timeout(PATIENCE):
        while True:
            async with work.engine.pool.connection() as session:
                cursor = await session.execute(_WAITING, [f"%from {function}%"])
                if await cursor.fetchone() == (sessions,):
                    return
            await asyncio.sleep(0.01)
