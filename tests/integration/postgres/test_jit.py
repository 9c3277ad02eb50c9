"""Nothing is compiled: to compile a plan takes a hundred times as long as to append an event.

The tests look at plans, not at times: a time would also tell about the machine. Without a compiler, Debian's Postgres
appends as quickly as the embedded one (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection

from events import sql
from events.appending import flush
from events.appending.plan import Plan, Request, plan
from events.engine import Engine
from events.models import Log
from events.sessions import address
from events.sql import lists as sql_of_lists
from tests.support.commands import export_events, import_events
from tests.support.factories import make_append

EXPLAINED = {
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_level": "notice",
    "client_min_messages": "notice",
}


@pytest.fixture
def plans(database: None) -> Iterator[list[str]]:
    """The plans that Django's session has run, also inside functions, while it may compile them, as is the default."""
    plans: list[str] = []
    with connection.cursor() as cursor:
        cursor.execute("set jit = on")
        cursor.execute("select pg_jit_available()")
        if cursor.fetchone() != (True,):
            pytest.skip("this Postgres has no compiler: run `make test-stock`")
        cursor.execute("load 'auto_explain'")
        for setting, value in EXPLAINED.items():
            cursor.execute("select set_config(%s, %s, false)", [setting, value])
        connection.connection.add_notice_handler(lambda notice: plans.append(notice.message_primary))
        plans.clear()
        yield plans
    connection.close()


def call(function: str, parameters: Any) -> Any:
    """Call an SQL function of Eventsite; return the first column of the first row, if there is one."""
    with connection.cursor() as cursor:
        cursor.execute(function, parameters)
        row = cursor.fetchone()
    return row and row[0]


def flush_of_three() -> Plan:
    workflow = {"correlation_id": "run-1"}
    return plan([Request([make_append("order-1", workflow, workflow, workflow, idempotency_key="k")])])


def test_an_append_of_several_events_compiles_nothing(plans: list[str], log: Log) -> None:
    assert call(sql.APPEND, flush.append_parameters(log.pk, flush_of_three()))
    assert any("insert into event" in each for each in plans)
    assert not [each for each in plans if "JIT:" in each]


def test_an_append_of_one_event_compiles_nothing(plans: list[str], log: Log) -> None:
    one = plan([Request([make_append("order-1", {"correlation_id": "run-1"})])])
    assert call(sql.APPEND, flush.append_parameters(log.pk, one))
    assert any("insert into event" in each for each in plans)
    assert not [each for each in plans if "JIT:" in each]


def test_listing_streams_and_workflows_compiles_nothing(plans: list[str], log: Log) -> None:
    call(sql.APPEND, flush.append_parameters(log.pk, flush_of_three()))
    call(sql_of_lists.KEEP, {"log_id": log.pk, "most": 100})
    assert any("insert into workflow" in each for each in plans)
    assert not [each for each in plans if "JIT:" in each]


def test_looking_a_flush_up_compiles_nothing(plans: list[str], log: Log) -> None:
    call(sql.LOOK_UP, flush.look_up_parameters(log.pk, [Request([make_append("order-1", {}, {})])]))
    assert any("'event', e.id" in each for each in plans)
    assert not [each for each in plans if "JIT:" in each]


def test_a_restore_compiles_nothing(plans: list[str], log: Log, make_log: Callable[[], Log], tmp_path: Path) -> None:
    assert call(sql.APPEND, flush.append_parameters(log.pk, flush_of_three()))
    export_events(log, tmp_path / "log.jsonl")
    plans.clear()
    import_events(make_log(), tmp_path / "log.jsonl", restore=True)
    assert any("insert into event" in each for each in plans)
    assert not [each for each in plans if "JIT:" in each]


@pytest.mark.usefixtures("database")
def test_a_function_that_steers_the_planner_compiles_nothing() -> None:
    """A setting that turns off a kind of plan makes plans look expensive, and expensive plans are compiled."""
    with connection.cursor() as cursor:
        cursor.execute("select proname, proconfig from pg_proc where proconfig is not null order by proname")
        steered = {name: settings for name, settings in cursor.fetchall() if "enable_seqscan=off" in settings}
    assert steered.keys() > {"append_events", "keep_lists", "look_up", "redact_event", "restore_events"}
    assert [name for name, settings in steered.items() if "jit=off" not in settings] == []


async def test_no_session_compiles_plans(engine: Engine) -> None:
    async with engine.pool.connection() as session:
        assert await (await session.execute("show jit")).fetchone() == ("off",)
    with psycopg.connect(address().session("projections live")) as session:
        assert session.execute("show jit").fetchone() == ("off",)


@pytest.mark.usefixtures("database")
def test_no_page_compiles_plans() -> None:
    with connection.cursor() as cursor:
        cursor.execute("show jit")
        assert cursor.fetchone() == ("off",)
