"""The connections that reads share go to those that wait, in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable

from events.engine import Engine
from events.reading.shared_pool import PLACES, asker
from tests.support.patience import until_longer


class Holders:
    """Readers that each hold a connection until they may let it go."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._let_go = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.holding: list[Hashable] = []

    def start(self, lane: Hashable, count: int) -> None:
        self._tasks += [asyncio.create_task(self._hold(lane)) for _ in range(count)]

    async def _hold(self, lane: Hashable) -> None:
        asker.set(lane)
        async with self._engine.pool.connection() as session:
            await session.execute("select 1")
            self.holding.append(lane)
            await self._let_go.wait()

    async def until(self, count: int) -> None:
        await until_longer(self.holding, count - 1)

    async def end(self) -> None:
        self._let_go.set()
        await asyncio.gather(*self._tasks)


async def test_reads_of_one_token_leave_connections_for_others(engine: Engine) -> None:
    holders = Holders(engine)
    holders.start("greedy", 3 * PLACES)
    await holders.until(PLACES // 2)
    holders.start("modest", 1)
    await holders.until(PLACES // 2 + 1)
    assert holders.holding == [*["greedy"] * (PLACES // 2), "modest"]
    await holders.end()
    assert holders.holding.count("greedy") == 3 * PLACES, "those who waited are served, too"


async def test_a_token_is_looked_up_while_every_turn_is_taken(engine: Engine) -> None:
    holders = Holders(engine)
    for lane in ("one", "two", "three"):
        holders.start(lane, PLACES)
    await holders.until(PLACES - 1)
    holders.start(None, 1)
    await holders.until(PLACES)
    assert holders.holding[-1] is None
    await holders.end()
