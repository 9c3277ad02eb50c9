"""A process of consumers of a subscription: `python -m tests.support.log_consumers TASK LOG_ID NAME COUNT`.

It prints `ready`, begins on a line of input, and prints its results as lines.
"""

from __future__ import annotations

import asyncio
import random
import sys
from typing import Any
from uuid import uuid4

import django

SUBSCRIPTION = "work"


async def work(log_id: int, name: str, count: int) -> None:
    """Run some consumers for ever. What they do with an event is written once, together with its acknowledgement.

    They print a line for each batch. Some deliveries fail, some are given back, and some are forgotten.
    """
    from events.appending.plan import Outcome
    from events.engine import Engine
    from events.subscriptions.types import Settlement, Take
    from events.types import Appended
    from tests.support.subscriptions import FAILURE, settling_append

    chance = random.Random(name)

    async def consume(consumer: str) -> None:
        server = await engine.subscriptions.of(log_id, SUBSCRIPTION)
        while True:
            take = Take(consumer, None, chance.randint(1, 40), uuid4().hex)
            deliveries = (await server.take(take, wait=1)).deliveries
            luck = {delivery.id: chance.random() for delivery in deliveries}
            done = [each for each in deliveries if luck[each.id] < 0.93]
            outcomes: list[Outcome] = await engine.writer.append(log_id, [settling_append(each) for each in done])
            assert all(isinstance(each, Appended) or each.code == "delivery-lost" for each in outcomes), outcomes
            others = [Settlement(each.id, "release", consumer) for each in deliveries if 0.93 <= luck[each.id] < 0.96]
            others += [
                Settlement(each.id, "fail", consumer, failure=FAILURE)
                for each in deliveries
                if 0.96 <= luck[each.id] < 0.99
            ]
            if others:
                await server.settle(others)
            print("batch", flush=True)

    async with Engine() as engine:
        await asyncio.gather(*(consume(f"{name}-{n}") for n in range(count)))


async def be_late(log_id: int, name: str, count: int) -> None:
    """Take an event, and print `taken`. On the next line of input, append what was done with it, then settle it."""
    from events.engine import Engine
    from events.subscriptions.types import Settlement, Take
    from tests.support.subscriptions import settling_append

    async with Engine() as engine:
        server = await engine.subscriptions.of(log_id, SUBSCRIPTION)
        [delivery] = (await server.take(Take(name, None, count, "late"), wait=20)).deliveries
        print("taken", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        [outcome] = await engine.writer.append(log_id, [settling_append(delivery)])
        print(getattr(outcome, "code", "written"), flush=True)
        [settled] = await server.settle([Settlement(delivery.id, "ack", name)])
        print(settled.result, flush=True)


TASKS: dict[str, Any] = {"work": work, "be-late": be_late}


if __name__ == "__main__":
    django.setup()
    task, log_id, name, count = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.readline()
    asyncio.run(TASKS[task](int(log_id), name, int(count)))
