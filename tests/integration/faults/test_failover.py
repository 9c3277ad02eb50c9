"""All sessions end at once, as in a failover; no later request gets a dead one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from events.access import tokens
from events.models import Log, Scope
from events.sessions import direct
from tests.support.server import Server

pytestmark = pytest.mark.usefixtures("own_sessions")
PAGE = "/sign-in/no-such-link/"
END_SESSIONS = """
    select pg_terminate_backend(pid, 10000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"""
AT_ONCE = 8


@pytest.fixture
def own_sessions() -> Iterator[None]:
    """The sessions of this process end too: those of later tests begin anew, in both threads that use Django."""
    yield
    connections.close_all()
    asyncio.run(sync_to_async(connections.close_all)())


def failover() -> None:
    with psycopg.connect(direct().conninfo) as session:
        assert session.execute(END_SESSIONS).fetchall()


def test_pages_after_a_failover_are_answered(server: Server) -> None:
    with httpx2.Client(base_url=server.url, timeout=60) as client, ThreadPoolExecutor(AT_ONCE) as visitors:

        def statuses(requests: int) -> set[int]:
            return set(visitors.map(lambda _: client.get(PAGE).status_code, range(requests)))

        usual = statuses(AT_ONCE)
        assert len(usual) == 1
        for requests in (AT_ONCE, AT_ONCE, 1):
            failover()
            assert statuses(requests) == usual


def test_reads_of_the_api_after_a_failover_are_answered(server: Server, log: Log) -> None:
    headers = {"Authorization": f"Bearer {tokens.create_token(log, name='reader', scopes=[Scope.READ])}"}
    with (
        httpx2.Client(base_url=server.url, headers=headers, timeout=60) as client,
        ThreadPoolExecutor(AT_ONCE) as agents,
    ):

        def statuses(requests: int) -> set[int]:
            return set(agents.map(lambda _: client.get("/api/events").status_code, range(requests)))

        assert statuses(AT_ONCE) == {200}
        for requests in (AT_ONCE, AT_ONCE, 1):
            failover()
            assert statuses(requests) == {200}
