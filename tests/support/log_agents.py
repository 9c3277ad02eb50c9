"""A process of agents on one log: `python -m tests.support.log_agents TASK LOG_ID NAME COUNT`.

Prints `ready`, begins on a line of input, and prints what it believes, as one line of JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
from typing import Any

import django

ORDER = 5
"""Events of a whole order."""


async def write_and_follow(log_id: int, name: str, count: int) -> Any:
    """Four writers and two followers; `count` events are written by all processes together with us."""
    from events.engine import Engine
    from events.types import Appended
    from tests.support.factories import make_append

    chance = random.Random(name)

    async def write(agent: int) -> list[list[Any]]:
        told: list[list[Any]] = []
        for n in range(count // 2 // 4 // 5):
            stream = f"s-{chance.randrange(10)}"
            sent = [make_append(stream, *[{}] * 2), make_append(f"{name}-{agent}", {}, {}, {}, expected_version=3 * n)]
            for outcome in await engine.writer.append(log_id, sent, atomic=n % 2 == 0):
                assert isinstance(outcome, Appended), outcome
                told += [[outcome.first_position + place, each] for place, each in enumerate(outcome.ids)]
        return told

    async def follow() -> list[list[Any]]:
        seen: list[list[Any]] = []
        async for batch in engine.tails.follow(log_id, after=0):
            seen += [[event.position, event.id] for event in batch]
            if len(seen) >= count:
                return seen
        raise AssertionError("the engine closed")

    async with Engine() as engine:
        followers = [asyncio.create_task(follow()) for _ in range(2)]
        told = [pair for part in await asyncio.gather(*(write(agent) for agent in range(4))) for pair in part]
        seen = await asyncio.gather(*followers)
    return {
        "told": told,
        "contiguous": [[p for p, _ in each] == [*range(1, count + 1)] for each in seen],
        "seen": [digest(each) for each in seen],
    }


async def compete(log_id: int, name: str, count: int) -> Any:
    """Agents carry the same orders forward as the agents of the other process do, and believe what they are told.

    Each appends as many of an order's events as it thinks fit, expecting the version that it knows; told that it is
    wrong, it goes on from what it is told.
    """
    from events.engine import Engine
    from events.errors import WrongExpectedVersion
    from events.types import Appended
    from tests.support.factories import make_append

    chance = random.Random(name)
    believed = {"events": 0, "amount": 0, "conflicts": 0}
    # Neither may run ahead of the other by so much that they never meet.
    orders = iter(sorted(range(count), key=lambda order: order + chance.random() * count / 5))

    async def agent() -> None:
        for order in orders:
            version = 0
            while version < ORDER:
                amounts = [chance.randrange(100) for _ in range(chance.randint(1, ORDER - version))]
                events = [{"type": "Paid", "data": str(amount).encode(), "agent": name} for amount in amounts]
                [outcome] = await engine.writer.append(
                    log_id, [make_append(f"order-{order}", *events, expected_version=version)]
                )
                if isinstance(outcome, Appended):
                    version = outcome.version
                    believed["events"] += len(amounts)
                    believed["amount"] += sum(amounts)
                else:
                    assert isinstance(outcome, WrongExpectedVersion), outcome
                    version = outcome.fields["current_version"]
                    believed["conflicts"] += 1

    async with Engine() as engine:
        await asyncio.gather(*(agent() for _ in range(64)))
    return believed


def digest(seen: list[list[Any]]) -> str:
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


if __name__ == "__main__":
    django.setup()
    task, log_id, name, count = sys.argv[1:]
    tasks = {"write-and-follow": write_and_follow, "compete": compete}
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(asyncio.run(tasks[task](int(log_id), name, int(count)))))
