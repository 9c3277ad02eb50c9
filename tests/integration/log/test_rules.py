"""A rule holds exactly from its event's position on, in every process, without a race.

The rule of these tests: after an event of the type `Paused` no stream but `always-…` gets events, until `Resumed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

import pytest_asyncio

from events.appending.connection import Connection
from events.appending.guards import DatabaseGuard
from events.appending.names import LatestNames
from events.appending.plan import Rules
from events.engine import Engine
from events.errors import EventsError, WrongExpectedVersion
from events.models import Log, LogHead
from events.types import Append, Appended
from tests.support.factories import make_append
from tests.support.fixture_types import AppendTo, Read
from tests.support.locks import append_in, holding_lock

_NEWEST = """
    select position, type from event where log_id = %s and type in ('Paused', 'Resumed')
    order by position desc limit 1"""


class LogIsPaused(EventsError):
    """The log is paused."""

    code = "paused"
    status = 423


@dataclass(frozen=True)
class SetsRule(DatabaseGuard):
    """The guard of an append that sets a rule: the log's `rules_at` becomes its last position."""

    kind: ClassVar[str] = "rule"
    sets_rules: ClassVar[bool] = True

    def parameters(self, first: int, last: int, names: LatestNames | None) -> dict[str, object] | None:
        return {"last": last}


async def read_rules(connection: Connection, log_id: int, patience: float) -> Rules:
    rows = await connection.execute(_NEWEST, [log_id], patience=patience)
    position, type = rows[0] if rows else (0, "Resumed")

    def refusal(append: Append) -> EventsError | None:
        exempt = append.stream.startswith("always-")
        return LogIsPaused() if type == "Paused" and not exempt else None

    return Rules(position, refusal)


def sets(type: str) -> Append:
    return make_append("always-control", {"type": type}, guards=(SetsRule(),))


@pytest_asyncio.fixture
async def engines(database: None) -> AsyncIterator[tuple[Engine, Engine]]:
    """Two engines, as of two processes; both know the rule."""
    async with Engine() as one, Engine() as two:
        for engine in (one, two):
            engine.writer.read_rules = read_rules
        yield one, two


async def test_a_writer_that_does_not_know_a_rule_yet_writes_nothing(
    engines: tuple[Engine, Engine], log: Log, read: Read
) -> None:
    one, two = engines
    assert isinstance((await two.writer.append(log.pk, [make_append("a-1")]))[0], Appended)
    [paused] = await one.writer.append(log.pk, [sets("Paused")])
    assert isinstance(paused, Appended)
    head = await LogHead.objects.aget(log=log)
    assert head.rules_at == paused.first_position == 2

    for engine in (two, one):
        refused, exempt = await engine.writer.append(log.pk, [make_append("a-1"), make_append("always-1")])
        assert isinstance(refused, LogIsPaused)
        assert isinstance(exempt, Appended)
    await one.writer.append(log.pk, [sets("Resumed")])
    assert isinstance((await two.writer.append(log.pk, [make_append("a-1")]))[0], Appended)
    assert [event.stream for event in await read()].count("a-1") == 2


async def test_a_rule_is_judged_after_replays_and_versions(engines: tuple[Engine, Engine], log: Log) -> None:
    one, two = engines
    first = make_append("a-1", {"id": "one"}, idempotency_key="k")
    await two.writer.append(log.pk, [first])
    await one.writer.append(log.pk, [sets("Paused")])

    replayed, conflict, refused = await two.writer.append(
        log.pk, [first, make_append("a-1", expected_version=7), make_append("a-1", expected_version=1)]
    )
    assert isinstance(replayed, Appended)
    assert replayed.replayed
    assert isinstance(conflict, WrongExpectedVersion)
    assert isinstance(refused, LogIsPaused)


async def test_a_rule_that_is_being_written_holds_for_all_that_wait(
    engines: tuple[Engine, Engine], log: Log, read: Read
) -> None:
    """Appends of both processes race with the rule: every event after it is one that it allows."""
    for n in range(5):
        racers = [
            asyncio.create_task(engine.writer.append(log.pk, [make_append(f"a-{n}-{m}")]))
            for m in range(20)
            for engine in engines
        ]
        await engines[n % 2].writer.append(log.pk, [sets("Paused")])
        outcomes = [outcome for [outcome] in await asyncio.gather(*racers)]
        assert {type(outcome) for outcome in outcomes} <= {Appended, LogIsPaused}
        await engines[n % 2].writer.append(log.pk, [sets("Resumed")])
    is_paused = False
    for event in await read():
        assert not is_paused or event.stream.startswith("always-"), event.position
        is_paused = {"Paused": True, "Resumed": False}.get(event.type, is_paused)


async def test_a_rule_that_was_rolled_back_never_held(append: AppendTo, engine: Engine, log: Log) -> None:
    async with engine.pool.connection() as session, session.transaction(force_rollback=True):
        await append_in(session, log.pk, sets("Paused"))
    assert (await LogHead.objects.aget(log=log)).rules_at == 0
    assert isinstance((await append(make_append("a-1")))[0], Appended)


async def test_a_writer_without_rules_of_its_own_goes_on(append: AppendTo, engine: Engine, log: Log) -> None:
    async with holding_lock(engine.pool, log.pk) as other:
        await append_in(other, log.pk, sets("Paused"))
    [outcome] = await append(make_append("a-1"))
    assert isinstance(outcome, Appended)
