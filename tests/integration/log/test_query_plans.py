"""Each read uses the index that was made for it, whatever the planner prefers.

The log has 20,000 events and lies beside others. A name is rare, another one is that of every fourth event, and in one
log all events have the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q
from pytest_django import DjangoDbBlocker

from events.engine import Engine
from events.lists import reads as lists
from events.models import Log
from events.query.orm import where
from events.query.parse import parse
from events.query.tree import Name, Named, Pattern
from events.reading import scan, store
from events.reading.scan import Search
from events.reading.statement import Statement
from events.reading.store import Read
from events.types import Event
from projections.resume.standing import block_by_block, last_effects, last_event
from projections.states.sources.base import Source
from projections.states.sources.indexed import AgentSource, TypeSource, WorkflowSource
from tests.support.factories import make_log
from tests.support.full_logs import MANY, fill
from tests.support.plans import STATISTICS, Statistics, explain, index_names, most_rows, pretended, scanned_tables

MIDDLE = 10_123
"""Within a block."""
BLOCK = 1_024
AGENTS = " OR ".join(f"agent:agent-{n}" for n in range(20))


@pytest.fixture(scope="module")
def logs(own_database: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[Log, Log]]:
    """A log with 200 streams of one kind, many names, and one of every fourth event; and one with the same names only.

    Every second event is of one stream.
    """
    with django_db_blocker.unblock():
        log, of_one_name, beside = (make_log() for _ in range(3))
        for each, part in ((log, 4), (of_one_name, 1), (beside, 4)):
            fill(each, part)
        with connection.cursor() as cursor:
            cursor.execute("analyze event, event_tag, stream, workflow, log, append_key")
        yield log, of_one_name
        connection.close()


@pytest.fixture
def full_log(logs: tuple[Log, Log]) -> Log:
    return logs[0]


def _event(log_id: int, position: int) -> Event:
    event = store.event(log_id, position).first()
    assert event
    return event


def _fitting(log_id: int, query: str, after: int | None = None) -> Read[Event]:
    return store.events(log_id, where(parse(query)), after=after, limit=100)


READS = {
    "the newest": (lambda log: store.events(log, backward=True, limit=100), "event_pkey"),
    "after": (lambda log: store.events(log, after=10_000, limit=100), "event_pkey"),
    "before": (lambda log: store.events(log, before=10_000, backward=True, limit=100), "event_pkey"),
    "at a position": (lambda log: store.event(log, 777), "event_pkey"),
    "by id": (lambda log: store.event_by_id(log, "id-777"), "event_id"),
    "effects": (lambda log: store.effects(log, "id-777", limit=100), "event_causation_block"),
    "a type": (lambda log: _fitting(log, "type:Type7"), None),
    "a type that never was": (
        lambda log: _fitting(log, "type:Nothing"),
        "event_type_block",
    ),
    "a prefix that never was": (lambda log: _fitting(log, "type:No*"), "event_type_block"),
    "system events": (lambda log: _fitting(log, "system:true"), "event_stream_version"),
    "no system events": (lambda log: _fitting(log, "-system:true"), "event_pkey"),
    "many agents": (lambda log: _fitting(log, AGENTS), None),
    "a workflow": (
        lambda log: _fitting(log, "correlation:run-7"),
        "event_correlation_block",
    ),
    "a workflow without system events": (
        lambda log: _fitting(log, "correlation:run-7 -system:true"),
        "event_correlation_block",
    ),
    "the system events of a workflow": (lambda log: _fitting(log, "correlation:run-7 system:true", after=100), None),
    "a stream by position": (lambda log: _fitting(log, "stream:order-7"), None),
    "a large stream by position": (
        lambda log: _fitting(log, "stream:large-1", after=100),
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
    "streams by their last event": (lambda log: lists.latest_streams(log, limit=100), "stream_last_block"),
    "types seen": (lambda log: store.names_seen(log, "type", limit=20), "event_type_block"),
    "types seen by prefix": (lambda log: store.names_seen(log, "type", prefix="Type3", limit=20), "event_type_block"),
    "types never seen": (lambda log: store.names_seen(log, "type", prefix="No", limit=20), "event_type_block"),
    "agents seen": (lambda log: store.names_seen(log, "agent", prefix="agent-", limit=20), "event_agent_block"),
    "tags seen": (lambda log: store.names_seen(log, "tag", prefix="b", limit=20), "event_tag_pkey"),
    "streams seen": (lambda log: lists.stream_names(log, prefix="order-2", limit=20), "stream_pkey"),
    "workflows seen": (lambda log: lists.workflow_ids(log, prefix="run-2", limit=20), "workflow_pkey"),
    "neighbours": (lambda log: store.neighbours(log, _event(log, 10_000)), "event_stream_version"),
    "moments": (lambda log: store.moments(log, [5, 10_000, 30_000]), "event_pkey"),
    "positions of ids": (lambda log: store.positions_of(log, ["id-7", "id-10000", "nothing"]), "event_id"),
    "workflows by their last event": (lambda log: lists.latest_workflows(log, limit=100), "workflow_last_block"),
    "one workflow": (lambda log: lists.workflow(log, "run-7"), "workflow_pkey"),
    "one stream": (lambda log: lists.stream(log, "order-7"), "event_stream_version"),
}


@pytest.mark.parametrize(("build", "index"), READS.values(), ids=READS.keys())
@pytest.mark.usefixtures("database")
def test_a_read_uses_its_index_and_touches_few_rows(
    full_log: Log, build: Callable[[int], Read[Any]], index: str | None
) -> None:
    plan = explain(build(full_log.pk))
    assert scanned_tables(plan) <= {"log"}, "of which there are three here"
    assert index is None or index in index_names(plan)
    assert most_rows(plan) <= 600, plan


def _sorts_all(read: object, statistics: Statistics) -> bool:
    """Whether a read may sort all events of a name: in the minute before Postgres has statistics.

    A search, which most pages are, does not.
    """
    return statistics == "none" and not isinstance(read, Search)


PLACES: dict[str, dict[str, Any]] = {
    "the newest": {"backward": True},
    "the oldest": {},
    "after the middle": {"after": MIDDLE},
    "before the middle": {"before": MIDDLE, "backward": True},
}
COLUMNS = {
    Name.TYPE: ("type", "event_type_block"),
    Name.AGENT: ("agent", "event_agent_block"),
    Name.CORRELATION: ("correlation_id", "event_correlation_block"),
    Name.CAUSE: ("causation_id", "event_causation_block"),
}
SOURCES: dict[Name, Callable[[str], Source]] = {
    Name.TYPE: TypeSource,
    Name.AGENT: AgentSource,
    Name.CORRELATION: WorkflowSource,
}


def reads_of(name: Name, value: str, log_id: int) -> Iterator[Read[Any] | Statement[Any] | Search]:
    """Every read of the events with a name, from both ends and from the middle."""
    condition, query = Q(**{COLUMNS[name][0]: value}), Named(name, Pattern((value,)))
    for place in PLACES.values():
        yield store.events(log_id, condition, **place, limit=100)
        yield scan.search_events(log_id, query, **{"backward": False, **place}, limit=100, budget=60)
        yield scan.search_events(log_id, query, **{"backward": False, **place}, limit=100, budget=60, room=8_000_000)
    yield store.nth_position(log_id, condition, 50, after=MIDDLE)
    yield store.nth_position(log_id, condition, 50, backward=True)
    yield store.count(log_id, condition, first=MIDDLE, last=MIDDLE + 500)
    if name in SOURCES:
        yield SOURCES[name](value).read(log_id, after=MIDDLE, upto=MANY, limit=100)
    if name is Name.CAUSE:
        yield store.effects(log_id, value, limit=100)
    if name is Name.CORRELATION:
        yield last_event(log_id, value, agent=None)
        yield last_event(log_id, value, agent="nobody")


@pytest.mark.parametrize("statistics", STATISTICS)
@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("value", ["busy", "rare", "nothing"])
@pytest.mark.usefixtures("database")
def test_the_events_of_a_name_are_read_by_blocks(
    logs: tuple[Log, Log], name: Name, value: str, statistics: Statistics
) -> None:
    """A read meets the rest of the block in which it begins, and the next one, even if all events have the name."""
    for log in logs:
        for read in reads_of(name, value, log.pk):
            with pretended(statistics):
                plan = explain(read)
            assert index_names(plan) <= {COLUMNS[name][1], "event_pkey", "log_head_pkey"}, plan
            assert not scanned_tables(plan), plan
            assert most_rows(plan) <= 2 * BLOCK + 1 or _sorts_all(read, statistics), plan
            assert value == "busy" or most_rows(plan) <= BLOCK, plan


@pytest.mark.parametrize("statistics", STATISTICS)
@pytest.mark.usefixtures("database")
def test_the_last_effects_of_many_events_are_read_by_blocks(logs: tuple[Log, Log], statistics: Statistics) -> None:
    for log in logs:
        with pretended(statistics):
            block_by_block().fetch()
            plan = explain(last_effects(log.pk, ["busy", "rare", "nothing"]))
        assert "event_causation_block" in index_names(plan)
        assert not scanned_tables(plan), plan
        assert most_rows(plan) <= 2 * BLOCK + 1, plan


@pytest.mark.parametrize("statistics", STATISTICS)
@pytest.mark.parametrize("query", ["tag:busy", "tag:rare", "tag:nothing", "tag:rare tag:busy", "tag:rare type:busy"])
@pytest.mark.usefixtures("database")
def test_a_search_for_a_tag_reads_few_events_however_frequent_it_is(
    logs: tuple[Log, Log], query: str, statistics: Statistics
) -> None:
    """With several terms and no statistics yet, a slice may be read whole."""
    if " " in query and statistics == "none":
        return
    for log in logs:
        for place in PLACES.values():
            search = scan.search_events(
                log.pk, parse(query), **{"backward": False, **place}, limit=100, budget=60, room=8_000_000
            )
            with pretended(statistics):
                plan = explain(search)
            assert not scanned_tables(plan), plan
            assert most_rows(plan) <= 600, plan


@pytest.mark.parametrize("statistics", STATISTICS)
@pytest.mark.usefixtures("database")
def test_the_neighbours_of_an_event_are_in_its_block_or_the_next(logs: tuple[Log, Log], statistics: Statistics) -> None:
    for log in logs:
        event = _event(log.pk, MIDDLE // 4 * 4)
        assert event.type == "busy"
        with pretended(statistics):
            plan = explain(store.neighbours(log.pk, event))
        assert {index for _, index in COLUMNS.values()} - {"event_causation_block"} <= index_names(plan)
        assert not scanned_tables(plan)
        assert most_rows(plan) <= 2 * BLOCK + 1 or _sorts_all(None, statistics), plan


@pytest.mark.usefixtures("database")
def test_the_search_of_a_time_reads_its_seconds_only(full_log: Log) -> None:
    query = parse("since:2026-01-01T00:00:50Z until:2026-01-01T00:00:51Z")
    search = scan.search_events(full_log.pk, query, limit=300, budget=60)
    assert search.window
    plan = explain(search.window)
    assert index_names(plan) == {"event_second"}
    assert most_rows(plan) == 200, "a hundred of each second"
    assert len(search.fetch().events) == 100


async def test_a_prepared_read_is_planned_for_what_it_asks(engine: Engine) -> None:
    """A plan for any prefix and any limit sorts all matches: here 5,500 rows of 20,000, for a page of 100."""
    async with engine.pool.connection() as session:
        cursor = await session.execute("show plan_cache_mode")
        assert await cursor.fetchone() == ("force_custom_plan",)
