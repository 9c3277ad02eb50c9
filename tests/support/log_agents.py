"""A process of agents on one log: `python -m tests.support.log_agents TASK LOG_ID NAME COUNT`.

It prints `ready`, begins on a line of input, and prints its results as one line of JSON.
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
"""The number of events of a complete order."""


async def write_and_follow(log_id: int, name: str, count: int) -> Any:
    """Run four writers and two followers; all processes together write `count` events."""
    from events.engine import Engine
    from events.types import Appended
    from tests.support.factories import make_append

    chance = random.Random(name)

    async def write(agent: int) -> list[list[Any]]:
        acknowledged: list[list[Any]] = []
        for n in range(count // 2 // 4 // 5):
            stream = f"s-{chance.randrange(10)}"
            appends = [
                make_append(stream, *[{}] * 2),
                make_append(f"{name}-{agent}", {}, {}, {}, expected_version=3 * n),
            ]
            for outcome in await engine.writer.append(log_id, appends, atomic=n % 2 == 0):
                assert isinstance(outcome, Appended), outcome
                acknowledged += [[outcome.first_position + place, each] for place, each in enumerate(outcome.ids)]
        return acknowledged

    async def follow() -> list[list[Any]]:
        received: list[list[Any]] = []
        async for batch in engine.tails.follow(log_id, after=0):
            received += [[event.position, event.id] for event in batch]
            if len(received) >= count:
                return received
        raise AssertionError("the engine closed")

    async with Engine() as engine:
        followers = [asyncio.create_task(follow()) for _ in range(2)]
        acknowledged = [pair for part in await asyncio.gather(*(write(agent) for agent in range(4))) for pair in part]
        received = await asyncio.gather(*followers)
    return {
        "acknowledged": acknowledged,
        "contiguous": [[p for p, _ in each] == [*range(1, count + 1)] for each in received],
        "received": [digest(each) for each in received],
    }


async def compete(log_id: int, name: str, count: int) -> Any:
    """Agents continue the same orders as the agents of the other process, and count what the answers tell them.

    Each agent appends some of an order's events and expects the version that it knows. If the answer is a conflict, it
    continues from the version in the answer.
    """
    from events.engine import Engine
    from events.errors import WrongExpectedVersion
    from events.types import Appended
    from tests.support.factories import make_append

    chance = random.Random(name)
    believed = {"events": 0, "amount": 0, "conflicts": 0}
    # A process may not run so far ahead of the other that they never compete.
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


def digest(pairs: list[list[Any]]) -> str:
    return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()


if __name__ == "__main__":
    django.setup()
    task, log_id, name, count = sys.argv[1:]
    tasks = {"write-and-follow": write_and_follow, "compete": compete}
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(asyncio.run(tasks[task](int(log_id), name, int(count)))))
