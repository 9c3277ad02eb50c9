"""The plans of statements, for any statistics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias, get_args

from django.db import connection, transaction
from psycopg.errors import Diagnostic

from events.reading.scan import Search
from events.reading.statement import Statement
from events.reading.store import Read
from events.sql import SET_SLICE

Node: TypeAlias = dict[str, Any]
Statistics: TypeAlias = Literal["fresh", "none", "of ten million", "of an empty queue"]
QUEUE_STATISTICS: tuple[Statistics, ...] = get_args(Statistics)
STATISTICS = QUEUE_STATISTICS[:-1]
"""Events are never deleted, but deliveries are: their tables are empty again and again."""

_LOG_TABLES = ("event", "stream", "workflow", "append_key", "event_tag", "redaction", "lease")
_SUBSCRIPTION_TABLES = (
    "subscription",
    "subscription_place",
    "delivery",
    "waiting_event",
    "dead_letter",
    "failed_attempt",
    "breaker",
)
EXPLAINED_TABLES = _LOG_TABLES + _SUBSCRIPTION_TABLES
_INDEXED = (
    "oid in (select unnest(array[indexrelid, indrelid]) from pg_index where indrelid::regclass::text in {tables})"
)
_RELATIONS = _INDEXED.format(tables=EXPLAINED_TABLES)
_QUEUE_RELATIONS = _INDEXED.format(tables=_SUBSCRIPTION_TABLES)
_PRETEND = {
    "fresh": (),
    "none": (
        f"delete from pg_statistic where starelid in (select oid from pg_class where {_RELATIONS})",
        f"update pg_class set reltuples = -1, relpages = 0 where {_RELATIONS}",
    ),
    # The planner takes the real number of pages, and these rows on each page.
    "of ten million": (
        f"""update pg_class set reltuples = 10000000, relpages = pg_relation_size(oid) / 8192 where {_RELATIONS}""",
    ),
    "of an empty queue": (
        f"""update pg_class set reltuples = 0, relpages = pg_relation_size(oid) / 8192 where {_QUEUE_RELATIONS}""",
    ),
}
_EXPLAINED = {
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
    "client_min_messages": "notice",
}


@contextmanager
def pretended(statistics: Statistics) -> Iterator[None]:
    """Pretend that the tables of the log have these statistics; what happens meanwhile is rolled back."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            for statement in _PRETEND[statistics]:
                cursor.execute(statement)
        yield
        transaction.set_rollback(True)


def nodes(plan: Node) -> Iterator[Node]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def explain(read: Read[Any] | Statement[Any] | Search) -> list[Node]:
    """The nodes of a read's plan for these values, and the rows that each node met; of a search, all its slices."""
    if isinstance(read, Search):
        return [node for text in _slices(read) for node in _explained(text, None)]
    if isinstance(read, Statement):
        return _explained(read.sql, read.params)
    return _explained(*read.query.query.sql_with_params())


def _explained(sql: str, params: Any) -> list[Node]:
    with connection.cursor() as cursor:
        cursor.execute(f"explain (analyze, format json, timing off) {sql}", params)
        [[[answer]]] = cursor.fetchall()
    return list(nodes(answer["Plan"]))


def _slices(search: Search) -> list[str]:
    """The statements that a search executes, with their values in them, while its settings hold."""
    before = SET_SLICE.partition("%s")[0].strip()
    connection.force_debug_cursor = True
    connection.queries_log.clear()
    try:
        search.fetch()
        texts = [query["sql"] for query in connection.queries_log]
    finally:
        connection.force_debug_cursor = False
    return [text.partition(";")[2] for text in texts if text and text.strip().startswith(before)]


def index_names(plan: list[Node]) -> set[str]:
    return {node["Index Name"] for node in plan if "Index Name" in node}


def scanned_tables(plan: list[Node]) -> set[str]:
    """The tables that are read from their beginning to their end."""
    return {node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"}


def most_rows(plan: list[Node]) -> int:
    """The most rows that a node met, also those that did not fit."""
    return max(int(node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) for node in plan)


@contextmanager
def executed_plans() -> Iterator[list[Node]]:
    """The plans of all that Django's session executes meanwhile, also inside functions: each with its `Query Text`."""
    plans: list[Node] = []

    def add(notice: Diagnostic) -> None:
        _, is_plan, text = (notice.message_primary or "").partition("plan:\n")
        if is_plan:
            plans.append(json.loads(text))

    with connection.cursor() as cursor:
        cursor.execute("load 'auto_explain'")
        for setting, value in _EXPLAINED.items():
            cursor.execute("select set_config(%s, %s, false)", [setting, value])
    connection.connection.add_notice_handler(add)
    try:
        yield plans
    finally:
        connection.close()
