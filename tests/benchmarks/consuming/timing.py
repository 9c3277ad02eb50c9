"""What is measured of consumers, whatever they take from. Without Django: it also runs in processes of its own."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

SECONDS = 0.6
WARM_UP_DELIVERIES = 20

Turn = Callable[[], Awaitable[int]]
"""Takes a batch of events and settles it; returns the number of events."""

Delivery = TypeVar("Delivery")


class Consumer(ABC, Generic[Delivery]):
    """A consumer of a subscription."""

    @abstractmethod
    async def take(self) -> Sequence[Delivery]:
        """Return the next deliveries, or none after a second."""

    @abstractmethod
    async def settle(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge deliveries; they must be this consumer's."""

    async def turn(self) -> int:
        deliveries = await self.take()
        if deliveries:
            await self.settle(deliveries)
        return len(deliveries)


async def rate(turns: Sequence[Turn], *, most: int, seconds: float = SECONDS) -> float:
    """Events a second of consumers, one for each turn, until the time is over or `most` events are settled.

    A turn of each is the warm-up, and not counted.
    """
    for turn in turns:
        await turn()
    start = time.perf_counter()
    settled = 0

    async def consume(turn: Turn) -> None:
        nonlocal settled
        while settled < most and time.perf_counter() < start + seconds:
            events = await turn()
            settled += events

    await asyncio.gather(*map(consume, turns))
    return settled / (time.perf_counter() - start)


async def delays(consumer: Consumer[Delivery], sent: Callable[[Delivery], float], deliveries_count: int) -> list[float]:
    """The seconds until each of some events is delivered; `sent` is when it was sent, by the clock of the machine.

    The first events waited for the consumer, so the consumer's first turn is not counted; nor is the warm-up.
    """
    await consumer.turn()
    seconds: list[float] = []
    while len(seconds) < WARM_UP_DELIVERIES + deliveries_count:
        deliveries = await consumer.take()
        now = time.perf_counter()
        seconds += [now - sent(each) for each in deliveries]
        if deliveries:
            await consumer.settle(deliveries)
    return seconds[WARM_UP_DELIVERIES:]
