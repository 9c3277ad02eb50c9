"""A pause holds exactly from its event's position on, in every process; it refuses nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async

from events.engine import Engine
from events.errors import LeaseLost, Paused, WrongExpectedVersion
from events.leases.lease import Lease
from events.leases.leasing import Leases
from events.models import Log
from events.pauses import reads
from events.pauses.pausing import STREAM, PauseChange, pause, resume
from events.pauses.target import Target
from events.redaction import redact
from events.server_events import server_append
from events.transfer.importers.base import Record
from events.transfer.importing import import_items
from events.types import Append, Appended
from tests.support.commands import export_events, import_events
from tests.support.factories import make_append, make_event
from tests.support.fixture_types import Read

PRICING = Target("agent", "pricing")
ORDER = Target("workflow", "order-1")


@pytest_asyncio.fixture
async def engines(database: None) -> AsyncIterator[tuple[Engine, Engine]]:
    """Two engines, as of two processes."""
    async with Engine() as one, Engine() as two:
        yield one, two


async def put(engine: Engine, log: Log, target: Target, *, pauses: bool = True, reason: str = "why") -> PauseChange:
    change = pause if pauses else resume
    return await change(engine.writer, log.pk, target, reason=reason, by="mara")


def by(agent: str | None, *, workflow: str | None = None) -> Append:
    return make_append(None, {"agent": agent, "correlation_id": workflow})


@pytest.mark.parametrize("target", [PRICING, ORDER], ids=lambda target: target.kind)
async def test_no_event_of_what_is_paused_comes_after_the_pause(
    engines: tuple[Engine, Engine], log: Log, read: Read, target: Target
) -> None:
    """Both processes append all the time, while one pauses and resumes; others are never refused."""
    one, two = engines
    is_over = False
    outcomes: list[object] = []

    async def race(engine: Engine) -> None:
        while not is_over:
            own, other = await engine.writer.append(log.pk, [by("pricing", workflow="order-1"), by("other")])
            assert isinstance(other, Appended)
            outcomes.append(own)

    racers = [asyncio.create_task(race(engine)) for engine in engines for _ in range(4)]
    for n in range(4):
        await put(engines[n % 2], log, target, pauses=n % 2 == 0)
        for _ in range(5):
            await (one if n < 2 else two).writer.append(log.pk, [by("other")])
    is_over = True
    await asyncio.gather(*racers)

    assert {type(outcome) for outcome in outcomes} == {Appended, Paused}
    is_paused = False
    for event in await read():
        assert not (is_paused and event.agent == "pricing"), event.position
        is_paused = {target.paused: True, target.resumed: False}.get(event.type, is_paused)


async def test_a_refusal_says_since_when_by_whom_and_why(engines: tuple[Engine, Engine], log: Log) -> None:
    one, two = engines
    await two.writer.append(log.pk, [by("pricing")])
    change = await put(one, log, PRICING, reason="charges twice")
    assert change == PauseChange(2, fresh=True)
    for engine in engines:
        [refused] = await engine.writer.append(log.pk, [by("pricing")])
        assert isinstance(refused, Paused)
        assert refused.detail == "The agent 'pricing' is paused since #2: charges twice"
        assert refused.fields == {
            "paused": "agent", "name": "pricing", "since": 2, "reason": "charges twice", "by": "mara",
        }  # fmt: skip


async def test_one_event_of_a_paused_agent_refuses_its_append_and_no_neighbour(engine: Engine, log: Log) -> None:
    await put(engine, log, PRICING)
    mixed = make_append(None, {"agent": "other"}, {"agent": "pricing"})
    outcomes = await engine.writer.append(log.pk, [by("other"), mixed, by(None), by("other", workflow="order-1")])
    assert [type(outcome) for outcome in outcomes] == [Appended, Paused, Appended, Appended]
    atomic = await engine.writer.append(log.pk, [by("other"), by("pricing")], atomic=True)
    assert [type(outcome) for outcome in atomic] == [Paused, Paused]


async def test_an_agent_and_a_workflow_of_the_same_name_are_paused_apart(engine: Engine, log: Log) -> None:
    await put(engine, log, Target("agent", "same"))
    outcomes = await engine.writer.append(log.pk, [by("same"), by("other", workflow="same")])
    assert [type(outcome) for outcome in outcomes] == [Paused, Appended]
    await put(engine, log, Target("workflow", "same"))
    await put(engine, log, Target("agent", "same"), pauses=False)
    outcomes = await engine.writer.append(log.pk, [by("same"), by(None, workflow="same")])
    assert [type(outcome) for outcome in outcomes] == [Appended, Paused]


async def test_replays_and_versions_are_judged_before_a_pause(engine: Engine, log: Log) -> None:
    first = make_append("a-1", {"id": "one", "agent": "pricing"}, idempotency_key="k")
    await engine.writer.append(log.pk, [first])
    await put(engine, log, PRICING)
    late = make_append("a-1", {"agent": "pricing"}, expected_version=7)
    replayed, conflict, refused = await engine.writer.append(log.pk, [first, late, by("pricing")])
    assert isinstance(replayed, Appended)
    assert replayed.replayed
    assert isinstance(conflict, WrongExpectedVersion)
    assert isinstance(refused, Paused)


async def test_the_server_appends_about_what_is_paused(engine: Engine, log: Log) -> None:
    await put(engine, log, PRICING)
    await put(engine, log, ORDER)
    about = server_append("notes", "Noted", facts={}, by="pricing", correlation_id="order-1")
    assert isinstance((await engine.writer.append(log.pk, [about]))[0], Appended)


async def test_leases_end_with_the_pause_and_a_paused_agent_gets_none(engine: Engine, log: Log) -> None:
    leases = Leases(log.pk, engine.writer, engine.pool)
    own, of_order = Lease("name", "till"), Lease("workflow", "order-1")
    token = (await leases.acquire(own, agent="pricing", ttl=60, request=None)).token
    await leases.acquire(of_order, agent="other", ttl=60, request=None)
    others = await leases.acquire(Lease("name", "kept"), agent="other", ttl=60, request=None)

    await put(engine, log, PRICING, reason="charges twice")
    with pytest.raises(LeaseLost):
        await leases.renew(own, token=token, ttl=60, agent="pricing")
    with pytest.raises(Paused, match="The agent 'pricing' is paused since #4: charges twice"):
        await leases.acquire(own, agent="pricing", ttl=60, request=None)
    assert (await leases.acquire(own, agent="other", ttl=60, request=None)).token == 5

    await put(engine, log, ORDER)
    with pytest.raises(Paused, match="The workflow 'order-1' is paused"):
        await leases.acquire(of_order, agent="other", ttl=60, request=None)
    await leases.renew(Lease("name", "kept"), token=others.token, ttl=60, agent="other")
    await put(engine, log, ORDER, pauses=False)
    await leases.acquire(of_order, agent="other", ttl=60, request=None)


async def test_what_is_paused_is_paused_once(engines: tuple[Engine, Engine], log: Log, read: Read) -> None:
    changes = await asyncio.gather(*(put(engine, log, PRICING) for engine in engines for _ in range(5)))
    assert sorted(change.fresh for change in changes) == [False] * 9 + [True]
    assert {change.position for change in changes} == {1}
    ends = await asyncio.gather(*(put(engine, log, PRICING, pauses=False) for engine in engines for _ in range(5)))
    assert sorted(end.fresh for end in ends) == [False] * 9 + [True]
    assert {end.position for end in ends} == {None, 2}
    assert [(event.type, event.stream, event.agent) for event in await read()] == [
        ("agent.paused", STREAM, "mara"), ("agent.resumed", STREAM, "mara"),
    ]  # fmt: skip


async def test_an_import_brings_what_a_paused_agent_did_elsewhere(engine: Engine, log: Log, read: Read) -> None:
    await put(engine, log, PRICING)
    records = [Record(where=str(n), stream="order-1", event=make_event(agent="pricing")) for n in range(3)]
    imported = await import_items(log.pk, iter(records), report=lambda broken: None)
    assert (imported.added, imported.broken) == (3, 0)
    assert isinstance((await engine.writer.append(log.pk, [by("pricing")]))[0], Paused)


async def test_a_restored_log_has_the_pauses_that_held(
    engine: Engine, log: Log, other_log: Log, tmp_path: Path
) -> None:
    await put(engine, log, PRICING)
    await put(engine, log, ORDER, reason="stuck")
    await put(engine, log, PRICING, pauses=False)
    await sync_to_async(export_events)(log, tmp_path / "a.jsonl")
    await sync_to_async(import_events)(other_log, tmp_path / "a.jsonl", restore=True)
    freed, refused = await engine.writer.append(other_log.pk, [by("pricing"), by("pricing", workflow="order-1")])
    assert isinstance(freed, Appended)
    assert isinstance(refused, Paused)
    assert refused.fields["reason"] == "stuck"


async def test_a_pause_can_be_asked_for_in_sql(engine: Engine, log: Log, other_log: Log) -> None:
    await put(engine, log, PRICING)
    await put(engine, log, ORDER)

    async def is_paused(log: Log, **names: str) -> bool | None:
        return await reads.is_paused(log.pk, **names).afirst(engine.pool)

    assert await is_paused(log, agent="pricing", workflow="order-2") is True
    assert await is_paused(log, agent="other", workflow="order-1") is True
    assert await is_paused(log, agent="order-1", workflow="pricing") is False
    assert await is_paused(log) is False
    assert await is_paused(other_log, agent="pricing") is False
    assert [each.target for each in await reads.pauses(log.pk).afetch(engine.pool)] == [ORDER, PRICING]


async def test_a_redacted_reason_is_told_no_more(engine: Engine, log: Log) -> None:
    await put(engine, log, PRICING, reason="a secret")
    await engine.writer.append(log.pk, [by("pricing")])
    await sync_to_async(redact)(log.pk, 1, reason="a secret was in it", by="jon")
    [refused] = await engine.writer.append(log.pk, [by("pricing")])
    assert isinstance(refused, Paused)
    assert refused.fields["reason"] is None
    assert "a secret" not in refused.detail
    [still_paused] = await reads.pauses(log.pk).afetch(engine.pool)
    assert still_paused.reason is None
    assert (await put(engine, log, PRICING, pauses=False)).fresh
