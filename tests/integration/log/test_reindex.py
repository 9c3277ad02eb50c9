"""Indexes are made anew while the log is in use; the command says what is gained, and clears up first."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection

from events import reindexing
from events.models import Log
from tests.support.factories import make_log
from tests.support.full_logs import fill

pytestmark = pytest.mark.usefixtures("own_database", "database")


@pytest.fixture
def split_log(own_database: None, database: None) -> Log:
    """A log of 20,000 events whose ids came in no order, so that the pages of their index were split."""
    log = make_log()
    fill(log, 4)
    with connection.cursor() as cursor:
        cursor.execute("analyze event")
    return log


@pytest.fixture
def other_session(own_database: None, database: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as session:
        yield session


def reindex(*names: str, **options: Any) -> str:
    output = StringIO()
    call_command("reindex", *names, stdout=output, **options)
    return output.getvalue()


def size_of(name: str) -> reindexing.IndexSize:
    [size] = [each for each in reindexing.measure() if each.name == name]
    return size


def left_behind() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("select relname from pg_class where relkind = 'i' and relname ~ '_cc(new|old)'")
        return [name for (name,) in cursor.fetchall()]


def interrupt_reindex(session: psycopg.Connection) -> None:
    """Let REINDEX CONCURRENTLY wait for a transaction that writes events, until it is cancelled."""
    with connection.cursor() as cursor:
        session.execute("lock table event in row exclusive mode")
        cursor.execute("set statement_timeout = '300ms'")
        with pytest.raises(OperationalError, match="statement timeout"):
            cursor.execute("reindex index concurrently event_second")
        cursor.execute("reset statement_timeout")
        session.rollback()


def test_an_index_that_is_made_anew_is_smaller_by_what_the_command_says(split_log: Log) -> None:
    before = size_of("event_id")
    output = reindex("event_id")
    after = size_of("event_id")
    assert after.size < before.size
    assert f"Gained {(before.size - after.size) / 2**20:,.1f} MiB." in output


def test_a_sample_tells_what_an_index_takes_if_it_is_made_anew(split_log: Log) -> None:
    expected = {index.name: index.fresh_size for index in reindexing.measure() if index.table == "event"}
    reindex(*expected)
    sizes = {index.name: index.size for index in reindexing.measure() if index.table == "event"}
    for name, size in sizes.items():
        assert size == pytest.approx(expected[name], rel=0.2), name


def test_only_indexes_with_much_empty_space_are_made_anew(split_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reindex() == "No index is worth it: --list shows all.\n"
    monkeypatch.setattr(reindexing, "MIN_BYTES", 0)
    monkeypatch.setattr(reindexing, "MIN_SHARE", 0.1)
    worth = {index.name for index in reindexing.measure() if index.pays}
    assert "event_id" in worth
    assert {line.split()[0] for line in reindex().splitlines()} - {"Gained"} == worth
    assert "event_pkey" not in worth, "its keys came in order"


def test_what_an_interrupted_call_left_behind_is_dropped(split_log: Log, other_session: psycopg.Connection) -> None:
    interrupt_reindex(other_session)
    assert left_behind() == ["event_second_ccnew"]
    reindex("event_type_block")
    assert left_behind() == []


def test_two_processes_do_not_reindex_at_once(other_session: psycopg.Connection) -> None:
    other_session.execute("select pg_advisory_lock(%s)", [reindexing.LOCK_KEY])
    with pytest.raises(CommandError, match="Another process"):
        reindex()
    other_session.execute("select pg_advisory_unlock(%s)", [reindexing.LOCK_KEY])
    other_session.commit()
    assert reindex("workflow_pkey")


def test_an_index_that_is_not_of_the_log_is_refused() -> None:
    with pytest.raises(CommandError, match="no such index: auth_user_pkey"):
        reindex("event_id", "auth_user_pkey")


def test_the_list_changes_nothing(split_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindexing, "MIN_BYTES", 0)
    sizes = reindexing.measure()
    lines = reindex(list=True).splitlines()
    assert [line.split()[0] for line in lines] == [index.name for index in sizes]
    assert reindexing.measure() == sizes
