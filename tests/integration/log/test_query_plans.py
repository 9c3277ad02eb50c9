"""Each read uses the index that was made for it, whatever the planner prefers.

The log has 20,000 events and lies beside another; the statistics are fresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from events.engine import Engine
from events.lists import reads as lists
from events.models import Log
from events.query.orm import where
from events.query.parse import parse
from events.reading import store
from events.reading.statement import Statement
from events.reading.store import Read
from events.types import Event
from tests.support.factories import make_log

MANY = 20_000
AGENTS = " OR ".join(f"agent:agent-{n}" for n in range(20))


@pytest.fixture(scope="module")
def full_log(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Log]:
    """200 streams of one kind, 40 types, 40 agents and 400 workflows; every second event is of one stream."""
    with django_db_blocker.unblock():
        log = make_log()
        for each in (log, make_log()):
            _fill(each)
        with connection.cursor() as cursor:
            cursor.execute("analyze event, stream, workflow, log, append_key")
        yield log
        connection.close()


def _fill(log: Log) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into event (log_id, position, stream, version, id, type, data, metadata, digest, agent,
                               schema_version, correlation_id, causation_id, recorded_at)
            select %(log)s, n,
                   case when n %% 2 = 0 then 'large-1' else 'order-' || n %% 401 end,
                   case when n %% 2 = 0 then n / 2 else n end,
                   'id-' || n, 'Type' || n %% 40, '{}', '{}', decode(repeat('00', 32), 'hex'), 'agent-' || n %% 40,
                   1, 'run-' || n %% 400, 'id-' || n - 1, now()
            from generate_series(1, %(many)s) n
            """,
            {"log": log.pk, "many": MANY},
        )
        cursor.execute("update log_head set head = %s where log_id = %s", [MANY, log.pk])
        cursor.execute("select keep_lists(%s, %s)", [log.pk, MANY - 100])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def explain(statement: Read[Any] | Statement[Any]) -> list[dict[str, Any]]:
    """The nodes of a read's plan for these values, and the rows that each node met."""
    sql, params = (
        (statement.sql, statement.params)
        if isinstance(statement, Statement)
        else statement.query.query.sql_with_params()
    )
    with connection.cursor() as cursor:
        cursor.execute(f"explain (analyze, format json, timing off) {sql}", params)
        [[[answer]]] = cursor.fetchall()
    return list(nodes(answer["Plan"]))


def _event(log_id: int, position: int) -> Event:
    event = store.event(log_id, position).first()
    assert event
    return event


READS = {
    "the newest": (lambda log: store.events(log, backward=True, limit=100), "event_pkey"),
    "after": (lambda log: store.events(log, after=10_000, limit=100), "event_pkey"),
    "before": (lambda log: store.events(log, before=10_000, backward=True, limit=100), "event_pkey"),
    "at a position": (lambda log: store.event(log, 777), "event_pkey"),
    "by id": (lambda log: store.event_by_id(log, "id-777"), "event_id"),
    "effects": (lambda log: store.effects(log, "id-777", limit=100), "event_causation"),
    "a type": (lambda log: store.events(log, where(parse("type:Type7")), limit=100), None),
    "a type that never was": (lambda log: store.events(log, where(parse("type:Nothing")), limit=100), "event_type"),
    "a prefix that never was": (lambda log: store.events(log, where(parse("type:No*")), limit=100), "event_type"),
    "system events": (lambda log: store.events(log, where(parse("system:true")), limit=100), "event_stream_version"),
    "no system events": (lambda log: store.events(log, where(parse("-system:true")), limit=100), "event_pkey"),
    "many agents": (lambda log: store.events(log, where(parse(AGENTS)), limit=100), None),
    "a workflow": (lambda log: store.events(log, where(parse("correlation:run-7")), limit=100), "event_correlation"),
    "a stream by position": (lambda log: store.events(log, where(parse("stream:order-7")), limit=100), None),
    "a large stream by position": (
        lambda log: store.events(log, where(parse("stream:large-1")), after=100, limit=100),
        None,
    ),
    "a stream": (lambda log: store.stream_events(log, "order-7", limit=100), "event_stream_version"),
    "a large stream": (lambda log: store.stream_events(log, "large-1", limit=100), "event_stream_version"),
    "a large stream from its end": (
        lambda log: store.stream_events(log, "large-1", backward=True, limit=100),
        "event_stream_version",
    ),
    "a large stream from a version": (
        lambda log: store.stream_events(log, "large-1", from_version=5_000, limit=100),
        "event_stream_version",
    ),
    "streams": (lambda log: lists.streams(log, limit=100), "stream_pkey"),
    "streams by prefix": (lambda log: lists.streams(log, prefix="order-1", after="order-10", limit=100), "stream_pkey"),
    "streams of a category": (lambda log: lists.streams(log, category="large", limit=100), None),
    "streams by their last event": (lambda log: lists.latest_streams(log, limit=100), "stream_last_position"),
    "types seen": (lambda log: store.names_seen(log, "type", limit=20), "event_type"),
    "types seen by prefix": (lambda log: store.names_seen(log, "type", prefix="Type3", limit=20), "event_type"),
    "types never seen": (lambda log: store.names_seen(log, "type", prefix="No", limit=20), "event_type"),
    "agents seen": (lambda log: store.names_seen(log, "agent", prefix="agent-", limit=20), "event_agent"),
    "streams seen": (lambda log: lists.stream_names(log, prefix="order-2", limit=20), "stream_pkey"),
    "workflows seen": (lambda log: lists.workflow_ids(log, prefix="run-2", limit=20), "workflow_pkey"),
    "neighbours": (lambda log: store.neighbours(log, _event(log, 10_000)), "event_stream_version"),
    "moments": (lambda log: store.moments(log, [5, 10_000, 30_000]), "event_pkey"),
    "positions of ids": (lambda log: store.positions_of(log, ["id-7", "id-10000", "nothing"]), "event_id"),
    "workflows by their last event": (lambda log: lists.latest_workflows(log, limit=100), "workflow_last_position"),
    "one workflow": (lambda log: lists.workflow(log, "run-7"), "workflow_pkey"),
    "one stream": (lambda log: lists.stream(log, "order-7"), "event_stream_version"),
}


@pytest.mark.parametrize(("build", "index"), READS.values(), ids=READS.keys())
@pytest.mark.usefixtures("database")
def test_a_read_uses_its_index_and_touches_few_rows(
    full_log: Log, build: Callable[[int], Read[Any]], index: str | None
) -> None:
    nodes = explain(build(full_log.pk))
    scanned = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    assert scanned <= {"log"}, "of which there are two here"
    assert index is None or index in {node.get("Index Name") for node in nodes}
    touched = [node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in nodes]
    assert max(touched) <= 500, nodes


async def test_a_prepared_read_is_planned_for_what_it_asks(engine: Engine) -> None:
    """A plan for any prefix and any limit sorts all matches: here 5,500 rows of 20,000, for a page of 100."""
    async with engine.pool.connection() as session:
        cursor = await session.execute("show plan_cache_mode")
        assert await cursor.fetchone() == ("force_custom_plan",)
