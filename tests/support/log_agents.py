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


async def claim(log_id: int, name: str, count: int) -> Any:
    """Agents claim and release the same few resources as those of the other process, each in a stream of its own.

    A claim says up to where its agent has read: it is refused if something happened to the resource since.
    """
    from events.engine import Engine
    from events.errors import ConditionFailed
    from events.reading import store
    from events.types import Appended
    from tests.support.conditions import make_condition
    from tests.support.factories import make_append

    chance = random.Random(name)
    agents = 6
    refused = 0

    def step(stream: str, type: str, resource: str, *, version: int, after: int) -> Any:
        # Names are looked at under the lock alone, payloads before it as well.
        query = chance.choice((f"correlation:{resource}", f"data.resource:{resource}"))
        event = {"type": type, "correlation_id": resource, "data": json.dumps({"resource": resource}).encode()}
        return make_append(stream, event, expected_version=version, guards=(make_condition(query, after),))

    async def agent(stream: str) -> None:
        nonlocal refused
        held: dict[str, bool] = dict.fromkeys(("van-1", "van-2", "van-3"), False)
        position, version = 0, 0
        while version < 2 * count // agents:
            for event in await store.events(log_id, after=position, limit=10_000).afetch(engine.pool):
                held[str(event.correlation_id)] = event.type == "Claimed"
                position = event.position
            free = [resource for resource, is_held in held.items() if not is_held]
            if not free:
                continue
            resource = chance.choice(free)
            claimed = step(stream, "Claimed", resource, version=version, after=position)
            [outcome] = await engine.writer.append(log_id, [claimed])
            if isinstance(outcome, ConditionFailed):
                refused += 1
                continue
            assert isinstance(outcome, Appended), outcome
            released = step(stream, "Released", resource, version=version + 1, after=outcome.first_position)
            [outcome] = await engine.writer.append(log_id, [released])
            assert isinstance(outcome, Appended), outcome
            version = outcome.version

    async with Engine() as engine:
        await asyncio.gather(*(agent(f"{name}-{number}") for number in range(agents)))
    return {"refused": refused, "agents": agents}


async def check_and_stop(log_id: int, name: str, count: int) -> None:
    """Append `count` events under a condition; stop for ever after the condition was checked, before the lock."""
    from events.engine import Engine
    from events.types import Append

    async def say_and_wait(log_id: int, append: Append) -> Append:
        await check(log_id, append)
        print("checked", flush=True)
        await asyncio.Event().wait()
        return append

    async with Engine() as engine:
        check = engine.writer._check_guards
        engine.writer._check_guards = say_and_wait
        await engine.writer.append(log_id, [killed_append(name, count)])


def killed_append(name: str, count: int) -> Any:
    """What `check_and_stop` appends."""
    from tests.support.conditions import make_condition
    from tests.support.factories import make_append

    events = [{"id": f"{name}:{n}", "type": "Kept"} for n in range(count)]
    return make_append(name, *events, guards=(make_condition("data.is_in_the_way:true"),), idempotency_key=name)


async def hold_and_append(log_id: int, name: str, count: int) -> Any:
    """Take a lease for `count` seconds, and append with it until an append is refused."""
    from events.engine import Engine
    from events.errors import EventsError
    from events.leases.guards import Holds
    from events.leases.lease import Lease
    from events.leases.leasing import Leases
    from tests.support.factories import make_append

    appended = 0
    lease = Lease("name", name)
    async with Engine() as engine:
        leases = Leases(log_id, engine.writer, engine.pool)
        granted = await leases.acquire(lease, agent=name, ttl=count, request=None)
        while True:
            [outcome] = await engine.writer.append(log_id, [make_append(name, guards=(Holds(lease, granted.token),))])
            if isinstance(outcome, EventsError):
                return {"code": outcome.code, "holder": outcome.fields["holder"], "appended": appended}
            appended += 1
            if appended == 1:
                print("appended", flush=True)


def digest(pairs: list[list[Any]]) -> str:
    return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()


if __name__ == "__main__":
    django.setup()
    task, log_id, name, count = sys.argv[1:]
    tasks = {
        "write-and-follow": write_and_follow,
        "compete": compete,
        "claim": claim,
        "check-and-stop": check_and_stop,
        "hold-and-append": hold_and_append,
    }
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(asyncio.run(tasks[task](int(log_id), name, int(count)))))
