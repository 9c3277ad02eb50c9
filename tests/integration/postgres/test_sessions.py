"""Settings in DATABASE_URL hold for every session, whatever begins it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from events.engine import Engine
from events.models import Log
from eventsite.database import databases
from projections.materialise.runner import Runner
from tests.support.factories import make_append
from tests.support.patience import PATIENCE

OPTIONS = "-c%20track_activities%3Doff%20-c%20work_mem%3D7MB"
SESSIONS = """
    select application_name, state from pg_stat_activity
    where datname = current_database() and application_name like '%% %%' and pid <> pg_backend_pid()
    and backend_start > %s"""


@pytest.fixture
def with_options(database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Options, as if DATABASE_URL had them.

    With `track_activities` off, Postgres shows the state of a session as disabled.
    """
    options = {**connection.settings_dict["OPTIONS"], **url_options(f"postgresql:///any?options={OPTIONS}")}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    connection.close()
    yield
    connection.close()


def url_options(url: str) -> dict[str, Any]:
    return {name: value for name, value in databases(url)["default"]["OPTIONS"].items() if name != "pool"}


def database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("select clock_timestamp()")
        [(moment,)] = cursor.fetchall()
    assert isinstance(moment, datetime)
    return moment


def sessions_since(moment: datetime) -> dict[str, str]:
    """The state of each named session that began after `moment`. Sessions of earlier tests may still be ending."""
    with connection.cursor() as cursor:
        cursor.execute(SESSIONS, [moment])
        return dict(cursor.fetchall())


@pytest.mark.usefixtures("with_options")
async def test_the_options_of_the_url_hold_for_every_session(log: Log) -> None:
    moment = await sync_to_async(database_time)()
    async with Engine() as engine:
        [outcome] = await engine.writer.append(log.pk, [make_append()])
        assert not isinstance(outcome, Exception)
        runner = Runner(logs=[log.pk])
        await sync_to_async(runner.turn)()
        try:
            names = {f"eventsite {name}" for name in ("reader", "writer", "notifier", "listener", "projections live")}
            sessions: dict[str, str] = {}
            async with asyncio.timeout(PATIENCE):
                while not names <= sessions.keys():
                    sessions = await sync_to_async(sessions_since)(moment)
            assert set(sessions.values()) == {"disabled"}
            async with engine.pool.connection() as session:
                assert await (await session.execute("show work_mem")).fetchone() == ("7MB",)
        finally:
            await sync_to_async(runner.close)()


@pytest.mark.usefixtures("with_options")
def test_the_options_of_the_url_hold_for_pages() -> None:
    with connection.cursor() as cursor:
        cursor.execute("show work_mem")
        assert cursor.fetchone() == ("7MB",)


def test_options_of_the_environment_hold_where_the_url_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=9MB")
    assert url_options("postgresql:///any")["options"] == "-c work_mem=9MB -c jit=off"
    options = url_options("postgresql:///any?options=-c%20work_mem%3D7MB")["options"]
    assert options == "-c work_mem=7MB -c jit=off"


def test_a_server_that_vanished_is_noticed_in_seconds_unless_the_url_says_otherwise() -> None:
    assert url_options("postgresql:///any")["tcp_user_timeout"] == "20000"
    assert url_options("postgresql:///any?tcp_user_timeout=0")["tcp_user_timeout"] == "0"
