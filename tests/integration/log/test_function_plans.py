"""The SQL functions find what they need by an index, in an empty log and in a long one.

A session keeps the plan that it made first, so the plan must be good for a log of any length: it is made for any
values, reads no table and no log as a whole, sorts no stream, and is not compiled. The tests look at the plans of all
statements that a call executes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import pytest
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker

from events import sql
from events.appending import flush
from events.appending.plan import Request, plan
from events.leases.guards import Holds, Moves
from events.leases.lease import Lease
from events.models import Log
from events.server_events import server_append
from events.sql import lists as sql_of_lists
from events.types import Append
from tests.support.factories import make_append, make_log
from tests.support.full_logs import fill
from tests.support.plans import EXPLAINED_TABLES, STATISTICS, Node, executed_plans, nodes, pretended

Call: TypeAlias = Callable[[Log], None]
EMPTY = "an empty table"
MOST_ROWS = 200
"""A call meets a few rows for each of its events."""
OUTER = ("SELECT", "select * from ", "select keep_lists(")
"""How the statements begin that the test sends itself, with values in them."""
KEYS = "select key from append_key where log_id = p_log and p_position"
"""A redaction reads the keys of the log: no index finds a key by its events."""


@pytest.fixture(scope="module")
def full_log(own_database: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Log]:
    with django_db_blocker.unblock():
        log = make_log()
        fill(log, 4)
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into lease (log_id, kind, name, token, holder, expires_at)"
                " select %s, 'name', n::text, 8, 'a', now() from generate_series(1, 5000) n",
                [log.pk],
            )
            cursor.execute("analyze event, stream, workflow, append_key, lease")
        yield log
        connection.close()


def _execute(statement: str, parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _append(log: Log, *appends: Append) -> bool:
    [(done, *_)] = _execute(sql.APPEND, flush.append_parameters(log.pk, plan([Request(list(appends))])))
    return bool(done)


def append_one(log: Log) -> None:
    assert _append(log, make_append("order-7", {"correlation_id": "run-7", "causation_id": "id-7"}))


def append_several(log: Log) -> None:
    of_workflow = {"correlation_id": "run-7", "agent": "agent-7", "tags": ["urgent"]}
    assert _append(log, *(make_append(f"order-{n}", of_workflow, {}, idempotency_key=f"key-{n}") for n in range(9)))


def append_again(log: Log) -> None:
    append = make_append("order-7", {"id": "one"}, {"id": "two"}, idempotency_key="again")
    assert _append(log, append)
    assert not _append(log, append)


def look_up(log: Log) -> None:
    append = make_append("order-7", {"id": "one"}, {"id": "two"}, idempotency_key="again")
    assert _append(log, append)
    rows = _execute(sql.LOOK_UP, flush.look_up_parameters(log.pk, [Request([append])]))
    assert [kind for kind, *_ in rows if kind != "rules"] == ["stream", "event", "event", "key"]


def keep_lists(log: Log) -> None:
    append_several(log)
    _execute(sql_of_lists.KEEP, {"log_id": log.pk, "most": 100})


def redact(log: Log) -> None:
    append_several(log)
    marker = {"m_stream": "eventsite-redactions", "m_id": "marker", "m_data": "{}", "m_causation_id": "id-1"}
    secrets = {"m_correlation_id": None, "m_salt": bytes(16), "m_digest": bytes(32)}
    redaction = {"p_log": log.pk, "p_position": log.head - 1, "p_reason": "a secret", "p_by": "ann"}
    assert _execute(sql.REDACT, redaction | marker | secrets)


def restore(log: Log) -> None:
    log.end.refresh_from_db()
    nothing = ("agent", "correlation_id", "causation_id", "occurred_at", "expected_version", "read_position")
    columns = dict.fromkeys((*nothing, "tags", "salt", "digest"), "\x1e\x1f\x1e")
    columns |= {"stream": "new-1\x1fnew-1", "version": "1\x1f2", "id": "old-1\x1fold-2", "type": "A\x1fA"}
    columns |= {"data": "{}\x1f{}", "metadata": "{}\x1f{}", "schema_version": "1\x1f1"}
    columns["recorded_at"] = "\x1f".join(["9000-01-01T00:00:00+00:00"] * 2)
    events = {f"e_{name}": value for name, value in columns.items()}
    key = {"k_key": "old", "k_salt": "\x1e", "k_fingerprint": "\x1e", "k_first": "1", "k_last": "2"}
    _execute(sql.RESTORE, {"p_log": log.pk, "p_first": log.head + 1, **events, **key})


def append_with_leases(log: Log) -> None:
    log.end.refresh_from_db()
    new = Lease("name", "new")
    grant = server_append("leases", "lease.acquired", facts={"lease": str(new)}, guards=(Moves(new, None, "a", 60),))
    assert _append(log, grant)
    held = tuple(Holds(new, log.end.head + 1) for _ in range(3))
    assert _append(log, *(make_append(f"order-{n}", guards=held) for n in range(9)))
    assert not _append(log, make_append("order-7", guards=(Holds(Lease("name", "7"), 1),)))


CALLS: tuple[Call, ...] = (
    append_with_leases,
    append_one,
    append_several,
    append_again,
    look_up,
    keep_lists,
    redact,
    restore,
)


@contextmanager
def emptied() -> Iterator[None]:
    """Empty the tables; what happens meanwhile is rolled back."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            for table in EXPLAINED_TABLES:
                cursor.execute(f"alter table {table} disable trigger user")
            cursor.execute(f"truncate {', '.join(EXPLAINED_TABLES)}")
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize("state", [EMPTY, *STATISTICS])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.usefixtures("database")
def test_a_function_looks_at_few_rows_by_plans_for_any_log(full_log: Log, call: Call, state: Any) -> None:
    with executed_plans() as plans:
        _execute("select set_config('jit', 'on', false), set_config('jit_above_cost', '0', false)", None)
        with emptied() if state == EMPTY else pretended(state):
            log = make_log() if state == EMPTY else full_log
            plans.clear()
            call(log)
    inner = [each for each in plans if not each["Query Text"].startswith(OUTER)]
    assert inner
    for each in inner:
        _check(each, log)


def _check(plan: Node, log: Log) -> None:
    every = list(nodes(plan["Plan"]))
    text = json.dumps(plan["Plan"])
    assert f"log_id = {log.pk}" not in text, "a plan for any log"
    assert "JIT" not in plan
    for node in every:
        rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        assert rows <= MOST_ROWS, plan
        if node["Node Type"] == "Sort":
            assert _sorted_indexes(node) <= {"event_pkey"}, plan
        if node.get("Relation Name") in EXPLAINED_TABLES and not plan["Query Text"].startswith(KEYS):
            assert node["Node Type"] != "Seq Scan", plan
        if node.get("Index Name", "").startswith("event_"):
            assert " AND " in node["Index Cond"], "not the log alone"


def _sorted_indexes(node: Node) -> set[str]:
    """The indexes of events that are read below a sort, not up to a limit: a range of positions is short."""
    children = [child for child in node.get("Plans", []) if child["Node Type"] != "Limit"]
    below = set().union(*map(_sorted_indexes, children)) if children else set()
    return {node["Index Name"]} | below if node.get("Index Name", "").startswith("event_") else below
