"""A log may demand leases: from the demand's position on an append without one is refused, in every process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import StringIO
from typing import Any

import pytest
import pytest_asyncio
from django.core.management import call_command
from django.core.management.base import CommandError

from events.appending.plan import Outcome
from events.engine import Engine
from events.errors import IdConflict, LeaseLost, LeaseNeeded, WrongExpectedVersion
from events.leases.demands import Demands, demand
from events.leases.guards import Holds
from events.leases.lease import Lease
from events.leases.leasing import Leases
from events.models import LeaseDemands, Log, LogHead
from events.rules import read_no_rules
from events.types import Append, Appended
from tests.support.factories import make_append
from tests.support.fixture_types import Read

STREAM = Lease("stream", "order-1")
RUN = Lease("workflow", "run-1")
NAME = Lease("name", "order-1")
IN_RUN = {"correlation_id": "run-1"}


@pytest_asyncio.fixture
async def engines(database: None) -> AsyncIterator[tuple[Engine, Engine]]:
    """Two engines, as of two processes."""
    async with Engine() as one, Engine() as two:
        yield one, two


async def append_in(engine: Engine, log: Log, *appends: Append, atomic: bool = False) -> list[Outcome]:
    return await engine.writer.append(log.pk, appends, atomic=atomic)


def holding(*leases: Lease, event: dict[str, Any], token: int = 7) -> Append:
    return make_append("order-1", event, guards=tuple(Holds(lease, token) for lease in leases))


CASES = [
    (Demands(), {}, (), None),
    (Demands(workflows=True), {}, (), None),
    (Demands(workflows=True), IN_RUN, (), ["workflow:run-1"]),
    (Demands(workflows=True), IN_RUN, (STREAM, NAME), ["workflow:run-1"]),
    (Demands(workflows=True), IN_RUN, (RUN,), None),
    (Demands(streams=("order-",)), {}, (), ["stream:order-1"]),
    (Demands(streams=("order-",)), {}, (NAME,), ["stream:order-1"]),
    (Demands(streams=("a-", "order-")), {}, (STREAM,), None),
    (Demands(streams=("Order-", "order-10", "rder")), {}, (), None),
    (Demands(types=("Paid",)), {"type": "Paid"}, (), ["stream:order-1"]),
    (Demands(types=("Paid",)), {"type": "Paid", **IN_RUN}, (), ["stream:order-1", "workflow:run-1"]),
    (Demands(types=("Paid",)), {"type": "Paid", **IN_RUN}, (RUN,), None),
    (Demands(types=("Paid",)), {"type": "Paid", **IN_RUN}, (STREAM,), None),
    (Demands(types=("Paid",)), {"type": "PaidBack"}, (), None),
    (Demands(workflows=True, streams=("order-",)), IN_RUN, (RUN,), ["stream:order-1"]),
]


@pytest.mark.parametrize(("demands", "event", "leases", "needed"), CASES)
def test_a_demand_names_the_leases_of_which_one_is_needed(
    demands: Demands, event: dict[str, Any], leases: tuple[Lease, ...], needed: list[str] | None
) -> None:
    refusal = demands.refusal(holding(*leases, event=event))
    assert (refusal.fields["leases"] if refusal else None) == needed


async def test_a_demand_holds_from_its_position_on_in_every_process(
    engines: tuple[Engine, Engine], log: Log, read: Read
) -> None:
    one, two = engines
    assert isinstance((await append_in(two, log, make_append("order-1")))[0], Appended)
    position = await demand(one.writer, log.pk, Demands(streams=("order-",)), by="ann")
    assert (await LogHead.objects.aget(log=log)).rules_at == position == 2
    for engine in engines:
        refused, other = await append_in(engine, log, make_append("order-1"), make_append("invoice-1"))
        assert isinstance(refused, LeaseNeeded)
        assert isinstance(other, Appended)
    await demand(two.writer, log.pk, Demands(), by="ann")
    for engine in engines:
        assert isinstance((await append_in(engine, log, make_append("order-1")))[0], Appended)
    assert [event.type for event in await read()].count("leases.demanded") == 2


async def test_appends_that_race_with_a_demand_are_before_it_or_refused(
    engines: tuple[Engine, Engine], log: Log, read: Read
) -> None:
    for number in range(4):
        racers = [
            asyncio.create_task(append_in(engine, log, make_append(f"order-{number}")))
            for _ in range(15)
            for engine in engines
        ]
        await demand(engines[number % 2].writer, log.pk, Demands(streams=("order-",)), by="ann")
        outcomes = [outcome for [outcome] in await asyncio.gather(*racers)]
        assert {type(outcome) for outcome in outcomes} <= {Appended, LeaseNeeded}
        await demand(engines[number % 2].writer, log.pk, Demands(), by="ann")
    is_demanded = False
    for event in await read():
        if event.type == "leases.demanded":
            is_demanded = not is_demanded
        else:
            assert not is_demanded, event.position


async def test_a_lease_that_is_demanded_must_be_held(engine: Engine, log: Log) -> None:
    await demand(engine.writer, log.pk, Demands(workflows=True), by="ann")
    leases = Leases(log.pk, engine.writer, engine.pool)
    granted = await leases.acquire(RUN, agent="planner", ttl=60, request=None)  # the server's event needs no lease
    lost, written = await append_in(
        engine, log, holding(RUN, event=IN_RUN), holding(RUN, event=IN_RUN, token=granted.token)
    )
    assert isinstance(lost, LeaseLost)
    assert isinstance(written, Appended)


async def test_a_demand_is_judged_after_replays_and_versions(engine: Engine, log: Log) -> None:
    first = make_append("order-1", {"id": "one"}, idempotency_key="k")
    await append_in(engine, log, first)
    await demand(engine.writer, log.pk, Demands(streams=("order-",)), by="ann")
    replayed, conflict, wrong_version, refused = await append_in(
        engine,
        log,
        first,
        make_append("order-1", {"id": "one", "data": b"2"}),
        make_append("order-1", expected_version=7),
        make_append("order-1", expected_version=1),
    )
    assert isinstance(replayed, Appended)
    assert replayed.replayed
    assert isinstance(conflict, IdConflict)
    assert isinstance(wrong_version, WrongExpectedVersion)
    assert isinstance(refused, LeaseNeeded)


async def test_an_import_needs_no_lease(engine: Engine, log: Log) -> None:
    await demand(engine.writer, log.pk, Demands(streams=("order-",)), by="ann")
    async with Engine(read_rules=read_no_rules) as importing:
        assert isinstance((await append_in(importing, log, make_append("order-1")))[0], Appended)


def demand_leases(log: str, *options: str) -> str:
    out = StringIO()
    call_command("demand_leases", log, *options, stdout=out)
    return out.getvalue()


def test_the_command_sets_what_a_log_demands(log: Log) -> None:
    assert "from event 1" in demand_leases(log.name, "--workflows")
    assert "from event 2" in demand_leases(log.name, "--streams", "order-", "invoice-", "--types", "Paid")
    demands = LeaseDemands.objects.get(log=log)
    assert (demands.workflows, demands.streams, demands.types) == (False, ["order-", "invoice-"], ["Paid"])
    demand_leases(log.name, "--none")
    demands.refresh_from_db()
    assert (demands.workflows, demands.streams, demands.types) == (False, [], [])


@pytest.mark.parametrize("options", [(), ("--none", "--workflows"), ("--streams", "a\nb"), ("--types", "")])
def test_the_command_refuses_what_makes_no_sense(log: Log, options: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        demand_leases(log.name, *options)
    assert not LeaseDemands.objects.filter(log=log).exists()


def test_the_command_names_a_log_that_is_not_there(database: None) -> None:
    with pytest.raises(CommandError, match="no log 'nowhere'"):
        demand_leases("nowhere", "--none")
