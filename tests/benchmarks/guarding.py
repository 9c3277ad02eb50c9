"""What rules, guards, conditions and leases cost an append, in one Postgres, in turns."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import count as counter
from typing import Any

import psycopg
import uvloop
from psycopg.conninfo import make_conninfo

from events import sql
from events.appending import flush
from events.appending.checks import new_append, new_event
from events.appending.guards import Condition
from events.appending.plan import Request, Rules, plan
from events.engine import Engine
from events.leases.guards import Holds, Moves
from events.leases.lease import Lease
from events.leases.leasing import Leases
from events.pauses.rule import PauseRule
from events.pauses.target import Pause, Target
from events.query.parse import parse
from events.server_events import server_append
from events.types import Append, Appended
from tests.benchmarks import payloads
from tests.benchmarks.logs import make_log
from tests.benchmarks.measure import Table, count, interleaved, milliseconds, ratio

_CALLS = ((1, 3_000), (64, 400))
"""Appends of one event in each call of the function, and calls."""
_CALLERS = ((1, 400), (64, 4_000))
"""Callers, and their appends."""
_ROUNDS = 5
_PAUSED = 1_000
_BEHIND = 50
"""How far before the head a writer has read: the events that its condition is about."""
_PARAMETERS = "p_log int, p_rules bigint, p_guards text,"
_RULES = "done := rules_at <= p_rules;"
_GUARDS = """    if done and p_guards <> '' then
        refusals := run_guards(p_log, v_head, p_guards::json);
        done := refusals is null;
    end if;
"""
_UNGUARDED = "select * from unguarded_append_events(" + ", ".join(["%s"] * 24) + ")"
_CONDITIONS = {
    "a type": "type:Nothing",
    "types that begin so": "type:Noth*",
    "a stream": "stream:nothing-{}",
    "an agent": "agent:nobody-{}",
    "a workflow": "correlation:nothing-{}",
    "a tag": "tag:nothing-{}",
    "two of these": "type:OrderMoved tag:nothing-{}",
    "a value of the data": "data.order:nothing",
}
"""Queries; {} stands for the number of the append, as each asks for a name of its own."""
_LEASE = "a lease"
_HELD = Lease("workflow", "run-1")
_Demand = Callable[[int, int, int], dict[str, Any]]
"""Returns what an append demands, by its number, the position up to which its writer has read, and a lease's token."""


def run() -> Iterator[Table]:
    yield _guards()
    yield _leases()
    for callers, appends in _CALLERS:
        yield _conditions(callers, appends)
    yield _pauses()


def _guards() -> Table:
    """The function beside itself without the check of rules and guards, and beside itself as it is."""
    heads = ("appends a call", "now", "without", "now ÷ without", "now ÷ now")
    table = Table("Rules and guards: one call of the function, without waiting for the disk", heads)
    conninfo = make_conninfo(os.environ["DATABASE_URL"], options="-c synchronous_commit=off")
    with psycopg.connect(conninfo, autocommit=True) as session:
        session.execute(_without_guards(sql.load("append_events")))
        for events, calls in _CALLS:
            measures: dict[str, Callable[[], float]] = {
                "now": partial(_call, session, sql.APPEND, make_log().pk, events),
                "without": partial(_call, session, _UNGUARDED, make_log().pk, events),
                "again": partial(_call, session, sql.APPEND, make_log().pk, events),
            }
            times = interleaved(measures, rounds=calls)
            now, without, again = times.values()
            row = (milliseconds(now), milliseconds(without), ratio(now, without), ratio(now, again))
            table.rows.append((count(events), *row))
    return table


def _without_guards(text: str) -> str:
    """Return the function without the two parameters and what they are for."""
    for part, other in ((_PARAMETERS, "p_log int,"), (_RULES, "done := true;"), (_GUARDS, "")):
        assert part in text
        text = text.replace(part, other)
    return text.replace("function append_events(", "function unguarded_append_events(")


def _leases() -> Table:
    """The function with appends that carry a lease, beside appends that expect their stream to be new."""
    heads = ("appends a call", "with a lease each", "with a version each", "lease ÷ version", "version ÷ version")
    table = Table("Leases: one call of the function, without waiting for the disk", heads)
    conninfo = make_conninfo(os.environ["DATABASE_URL"], options="-c synchronous_commit=off")
    with psycopg.connect(conninfo, autocommit=True) as session:
        for events, calls in _CALLS:
            leased, others = make_log().pk, make_log().pk
            holds = [{"guards": (Holds(lease, token),)} for lease, token in _granted(session, leased, events)]
            versions = [{"expected_version": 0}] * events
            measures: dict[str, Callable[[], float]] = {
                "lease": partial(_call, session, sql.APPEND, leased, events, holds),
                "version": partial(_call, session, sql.APPEND, others, events, versions),
                "again": partial(_call, session, sql.APPEND, others, events, versions),
            }
            lease, version, again = interleaved(measures, rounds=calls).values()
            row = (milliseconds(lease), milliseconds(version), ratio(lease, version), ratio(version, again))
            table.rows.append((count(events), *row))
    return table


def _granted(session: psycopg.Connection, log_id: int, number: int) -> Iterator[tuple[Lease, int]]:
    """Grant some leases of an hour; yield each with its token."""
    for token in range(1, number + 1):
        lease = Lease("workflow", f"run-{token}")
        guards = (Moves(lease, None, "benchmark", 3_600),)
        grant = server_append("leases", "lease.acquired", facts={"lease": str(lease)}, guards=guards)
        row = session.execute(sql.APPEND, flush.append_parameters(log_id, plan([Request([grant])]))).fetchone()
        assert row
        assert row[1] == token
        yield lease, token


_numbers = counter()


def _call(
    session: psycopg.Connection,
    statement: str,
    log_id: int,
    events: int,
    demands: Sequence[Mapping[str, Any]] | None = None,
) -> float:
    appends = [_append(next(_numbers), **demand) for demand in demands or [{}] * events]
    parameters: Sequence[object] = flush.append_parameters(log_id, plan([Request(appends)]))
    if statement is _UNGUARDED:
        parameters = [parameters[0], *parameters[3:]]
    start = time.perf_counter()
    row = session.execute(statement, parameters, prepare=True).fetchone()
    seconds = time.perf_counter() - start
    assert row
    assert row[0] is True
    return seconds


def _conditions(callers: int, appends: int) -> Table:
    """Appends with a condition on the last events, beside appends that expect a version."""
    title = f"Conditions: appends a second of {callers} callers, {_BEHIND} events behind the head"
    table = Table(title, ("condition", "with it", "with a version", "time ÷ time of a version"))
    rates = interleaved(
        {
            "a version": partial(_rate, callers, appends, _expects_new),
            _LEASE: partial(_rate, callers, appends, _holds),
            **{name: partial(_rate, callers, appends, partial(_asks, text)) for name, text in _CONDITIONS.items()},
        },
        rounds=_ROUNDS,
    )
    for name in (_LEASE, *_CONDITIONS):
        table.rows.append((name, count(rates[name]), count(rates["a version"]), ratio(rates["a version"], rates[name])))
    return table


def _expects_new(number: int, none_after: int, token: int) -> dict[str, Any]:
    return {"expected_version": 0}


def _holds(number: int, none_after: int, token: int) -> dict[str, Any]:
    return {"guards": (Holds(_HELD, token),)}


def _asks(text: str, number: int, none_after: int, token: int) -> dict[str, Any]:
    return {"guards": (Condition(parse(text.format(number)), none_after, none_after),)}


def _rate(callers: int, appends: int, demand: _Demand) -> float:
    """Appends a second. Each goes to a stream of its own, and demands something of the log."""
    return uvloop.run(_run(make_log().pk, callers, appends, demand))


async def _run(log_id: int, callers: int, appends: int, demand: _Demand) -> float:
    head = token = 0

    async def call(engine: Engine, appends: int) -> None:
        nonlocal head
        for _ in range(appends):
            none_after = max(0, head - _BEHIND)
            number = next(_numbers)
            append = _append(number, **demand(number, none_after, token))
            [outcome] = await engine.writer.append(log_id, [append])
            assert isinstance(outcome, Appended), outcome
            head = max(head, outcome.last_position)

    async with Engine() as engine:
        granted = await Leases(log_id, engine.writer, engine.pool).acquire(_HELD, agent="a", ttl=3_600, request=None)
        token = granted.token
        await call(engine, 2 * _BEHIND)
        start = time.perf_counter()
        await asyncio.gather(*(call(engine, appends // callers) for _ in range(callers)))
        return appends / (time.perf_counter() - start)


def _pauses() -> Table:
    """The plan of a flush in a log with paused agents: all that a pause costs an append that it does not refuse."""
    heads = ("appends a flush", f"with {_PAUSED:,} pauses", "without", "µs an append")
    table = Table("Pauses: the plan of a flush, which is in the process alone", heads)
    now = datetime.now(UTC)
    pauses = {name: Pause(Target("agent", name), n, None, "r", now) for n in range(_PAUSED) if (name := f"paused-{n}")}
    rules = {"with": Rules(1, PauseRule(pauses, {}).refusal), "without": Rules(1)}
    for events, rounds in _CALLS:
        appends = [_append(next(_numbers)) for _ in range(events)]
        times = interleaved({name: partial(_plan, appends, rules[name]) for name in rules}, rounds=rounds)
        extra = (times["with"] - times["without"]) / events * 1e6
        table.rows.append((count(events), *map(milliseconds, times.values()), f"{extra:.2f}"))
    return table


def _plan(appends: list[Append], rules: Rules) -> float:
    start = time.perf_counter()
    flush = plan([Request(appends)], None, rules)
    seconds = time.perf_counter() - start
    assert len(flush.accepted) == len(appends)
    return seconds


def _append(number: int, **fields: Any) -> Append:
    stream = f"order-{number}"
    event = new_event(stream, "OrderMoved", data=payloads.data(number), agent=f"agent-{number % 40}")
    return new_append(stream, [event], **fields)
