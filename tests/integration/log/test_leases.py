"""Leases under the log's lock: an append with a lease never comes after the grant that follows."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from events.appending.plan import Request, plan
from events.engine import Engine
from events.errors import EventsError, LeaseHeld, LeaseLost
from events.leases.guards import Holds, Moves
from events.leases.lease import Lease
from events.leases.leasing import Granted, Leases
from events.models import Lease as LeaseRow
from events.models import Log
from events.server_events import server_append
from events.types import Append, Appended
from tests.support.factories import make_append
from tests.support.fixture_types import AppendTo, Read
from tests.support.leases import expire
from tests.support.locks import holding_lock

RUN = Lease("workflow", "run-1")


@pytest.fixture
def leases(engine: Engine, log: Log) -> Leases:
    return Leases(log.pk, engine.writer, engine.pool)


def held(token: int, stream: str = "a-1", lease: Lease = RUN) -> Append:
    """An append that needs a lease."""
    return make_append(stream, guards=(Holds(lease, token),))


def granting(lease: Lease = RUN, after: int | None = None) -> Append:
    """An append that grants a lease, as `Leases.acquire()` makes it."""
    return server_append(
        "leases", "lease.acquired", facts={"lease": str(lease)}, guards=(Moves(lease, after, "a", 60),)
    )


def test_appends_wait_for_a_planned_grant_of_their_lease_and_for_no_other() -> None:
    """What the database would say of them depends on the grant that is not written yet."""
    other = Lease("stream", "run-1")
    request = [Request([each]) for each in (granting(), held(1), granting(other), held(1, lease=other), granting())]
    neighbour = Request([held(1, lease=Lease("name", "run-1"))])
    accepted = [request for request, _ in plan([*request, neighbour]).accepted]
    assert accepted == [request[0], request[2], neighbour]


async def test_an_append_that_waits_for_the_lock_past_its_lease_is_refused(
    append: AppendTo, engine: Engine, log: Log, leases: Leases, read: Read
) -> None:
    """The clock counts when the append has the lock, not when it was sent."""
    granted = await leases.acquire(RUN, agent="planner", ttl=1, request=None)
    async with holding_lock(engine.pool, log.pk) as session:
        waiting = asyncio.create_task(append(held(granted.token)))
        await session.execute("select pg_sleep_until((select expires_at from lease where log_id = %s))", [log.pk])
    [outcome] = await waiting
    assert isinstance(outcome, LeaseLost)
    assert [event.type for event in await read()] == ["lease.acquired"]


@pytest.mark.parametrize("hours", [-1, 1])
async def test_the_clock_of_a_process_does_not_matter(
    append: AppendTo, log: Log, leases: Leases, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    clocks = time.time, timezone.now
    monkeypatch.setattr(time, "time", lambda: clocks[0]() + hours * 3_600)
    monkeypatch.setattr(timezone, "now", lambda: clocks[1]() + timedelta(hours=hours))
    granted = await leases.acquire(RUN, agent="planner", ttl=60, request=None)
    assert isinstance((await append(held(granted.token)))[0], Appended)
    await leases.renew(RUN, token=granted.token, ttl=60, agent=None)
    with pytest.raises(LeaseHeld):
        await leases.acquire(RUN, agent="packer", ttl=60, request=None)
    await expire(log)
    assert isinstance((await append(held(granted.token)))[0], LeaseLost)
    with pytest.raises(LeaseLost):
        await leases.renew(RUN, token=granted.token, ttl=60, agent=None)
    assert (await leases.acquire(RUN, agent="packer", ttl=60, request=None)).token == 3


async def test_callers_of_two_processes_race_for_one_lease(engine: Engine, log: Log, read: Read) -> None:
    async with Engine() as other:
        both = [Leases(log.pk, each.writer, each.pool) for each in (engine, other)]
        for number in range(5):
            lease = Lease("name", f"van-{number}")
            calls = [each.acquire(lease, agent=f"{n}", ttl=60, request=None) for n in range(8) for each in both]
            results = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(result) for result in results].count(Granted) == 1
            assert {type(result) for result in results} <= {Granted, LeaseHeld}
    assert len(await read()) == 5


async def test_no_append_comes_after_the_grant_that_takes_its_lease(
    append: AppendTo, log: Log, leases: Leases, read: Read
) -> None:
    """The lease changes hands while its holders append all the time, each until it is refused."""

    async def write(token: int, written: asyncio.Event) -> EventsError:
        while True:
            [outcome] = await append(make_append("a-1", {"agent": f"{token}"}, guards=(Holds(RUN, token),)))
            if isinstance(outcome, EventsError):
                return outcome
            written.set()

    writers = []
    for _ in range(8):
        granted = await leases.acquire(RUN, agent="planner", ttl=60, request=None)
        written = asyncio.Event()
        writers += [asyncio.create_task(write(granted.token, written)) for _ in range(3)]
        await written.wait()
        await expire(log)
    await leases.acquire(RUN, agent="planner", ttl=60, request=None)
    outcomes = await asyncio.gather(*writers)
    assert {type(outcome) for outcome in outcomes} == {LeaseLost}
    token = 0
    for event in await read():
        if event.type == "lease.acquired":
            token = event.position
        else:
            assert event.agent == f"{token}"


async def test_a_refused_append_harms_no_neighbour_of_its_flush(
    append: AppendTo, engine: Engine, log: Log, leases: Leases
) -> None:
    granted = await leases.acquire(RUN, agent="planner", ttl=60, request=None)
    async with holding_lock(engine.pool, log.pk):
        good = [asyncio.create_task(append(held(granted.token, f"b-{n}"))) for n in range(5)]
        bad = [asyncio.create_task(append(held(granted.token + 1, f"c-{n}"))) for n in range(5)]
        await asyncio.sleep(0)
    assert {type((await task)[0]) for task in good} == {Appended}
    assert {type((await task)[0]) for task in bad} == {LeaseLost}


async def test_a_grant_that_was_rolled_back_is_none(append: AppendTo, log: Log, leases: Leases) -> None:
    """Of an atomic request whose other append is refused, nothing is left: no event and no lease."""
    outcomes = await append(granting(), held(7, lease=Lease("name", "desk")), atomic=True)
    assert {type(outcome) for outcome in outcomes} == {LeaseLost}
    assert not await LeaseRow.objects.filter(log=log).aexists()
    assert (await leases.acquire(RUN, agent="planner", ttl=60, request=None)).token == 1


async def test_a_renewal_waits_for_the_row_alone(engine: Engine, log: Log, leases: Leases) -> None:
    """A log under load keeps its lock busy; a holder must be able to renew all the same."""
    granted = await leases.acquire(RUN, agent="planner", ttl=60, request=None)
    async with holding_lock(engine.pool, log.pk):
        renewed = await leases.renew(RUN, token=granted.token, ttl=60, agent=None)
        await leases.release(RUN, token=granted.token, agent=None)
    assert renewed.expires_at > granted.expires_at
