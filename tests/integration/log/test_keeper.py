"""The keeper of the lists: each event counts once, whoever keeps them, and however a keeper ends."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import connection

from events.engine import Engine
from events.lists import keeper
from events.lists import reads as lists
from events.models import ListCheckpoint, Log, LogHead, Stream, Workflow
from events.sessions import direct
from events.sql.lists import MOST_FRESH_EVENTS
from tests.support.factories import make_append
from tests.support.patience import PATIENCE
from tests.support.processes import die_with_parent
from tests.support.server import CHECKOUT, database_variables

KEEPER = """
import django, threading; django.setup()
from events.lists import keeper
print("ready", flush=True)
keeper.run(threading.Event())
"""
KEEPERS, STREAMS = 3, 7


@contextmanager
def running_keeper() -> Iterator[None]:
    stop_event = threading.Event()
    thread = threading.Thread(target=keeper.run, args=(stop_event,))
    thread.start()
    try:
        yield
    finally:
        stop_event.set()
        thread.join()


def start_keeper() -> subprocess.Popen[bytes]:
    """Start a keeper in a process of its own."""
    variables = {"SECRET_KEY": "of-the-killed", "DJANGO_SETTINGS_MODULE": "eventsite.settings"}
    return subprocess.Popen(
        [sys.executable, "-c", KEEPER],
        cwd=CHECKOUT,
        env={**os.environ, **database_variables(), **variables},
        stdout=subprocess.PIPE,
        preexec_fn=die_with_parent(),
    )


async def append_many(engine: Engine, log: Log, count: int, *, first: int = 0) -> None:
    for n in range(first, first + count):
        event = {"correlation_id": f"run-{n % 5}", "agent": f"agent-{n % 3}"}
        await engine.writer.append(log.pk, [make_append(f"order-{n % STREAMS}", event)])


def until_kept(log: Log) -> None:
    deadline = time.monotonic() + PATIENCE
    while ListCheckpoint.objects.get(log=log).position < LogHead.objects.get(log=log).head:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kept_totals(log: Log) -> tuple[dict[str, int], int]:
    """The versions of the listed streams, and the number of events of all listed workflows."""
    versions = dict(Stream.objects.filter(log=log).values_list("name", "version"))
    return versions, sum(Workflow.objects.filter(log=log).values_list("events", flat=True))


async def test_the_keeper_lists_what_is_appended_while_it_runs(engine: Engine, log: Log) -> None:
    with running_keeper():
        await append_many(engine, log, 30)
        await sync_to_async(until_kept)(log)
        await append_many(engine, log, 5, first=30)
        await sync_to_async(until_kept)(log)
    versions, workflow_events = await sync_to_async(kept_totals)(log)
    assert versions == {f"order-{n}": 5 for n in range(STREAMS)}
    assert workflow_events == 35


async def test_each_event_counts_once_for_several_keepers(engine: Engine, log: Log) -> None:
    def keep_until_whole() -> None:
        with psycopg.connect(direct().conninfo, autocommit=True) as session:
            while ListCheckpoint.objects.get(log=log).position < 70:
                keeper.keep(session, step_events=3)
        connection.close()

    await asyncio.gather(append_many(engine, log, 70), *(asyncio.to_thread(keep_until_whole) for _ in range(KEEPERS)))
    versions, workflow_events = await sync_to_async(kept_totals)(log)
    assert versions == {f"order-{n}": 10 for n in range(STREAMS)}
    assert workflow_events == 70


async def test_a_keeper_leaves_out_a_log_that_another_works_on(
    engine: Engine, log: Log, make_log: Callable[[], Log]
) -> None:
    other = await sync_to_async(make_log)()
    for each in (log, other):
        await append_many(engine, each, 7)
    async with engine.pool.connection() as busy, busy.transaction():
        await busy.execute("select from list_checkpoint where log_id = %s for update", [log.pk])
        with running_keeper():
            await sync_to_async(until_kept)(other)
        assert await sync_to_async(kept_totals)(log) == ({}, 0)
    assert len(await lists.streams(log.pk, limit=10).afetch(engine.pool)) == STREAMS


async def test_a_log_that_cannot_be_listed_leaves_the_others_in_time(
    engine: Engine, log: Log, make_log: Callable[[], Log]
) -> None:
    """Another session holds a row of the first log's list."""
    other = await sync_to_async(make_log)()
    await append_many(engine, log, 7)
    with running_keeper():
        await sync_to_async(until_kept)(log)
        async with engine.pool.connection() as busy, busy.transaction():
            await busy.execute("select from stream where log_id = %s for update", [log.pk])
            for each in (log, other):
                await append_many(engine, each, 7)
            await sync_to_async(until_kept)(other)
            assert (await sync_to_async(ListCheckpoint.objects.get)(log=log)).position == 7
        await sync_to_async(until_kept)(log)
    assert (await sync_to_async(kept_totals)(log))[1] == 14


@pytest.mark.processes
async def test_each_event_counts_once_though_keepers_are_killed(engine: Engine, log: Log) -> None:
    pauses = random.Random(7)
    for round in range(8):
        process = start_keeper()
        assert process.stdout
        assert await asyncio.to_thread(process.stdout.readline) == b"ready\n"
        writing = asyncio.create_task(append_many(engine, log, 70, first=70 * round))
        await asyncio.sleep(pauses.uniform(0, 0.3))
        process.kill()
        await asyncio.to_thread(process.wait)
        process.stdout.close()
        await writing
    with running_keeper():
        await sync_to_async(until_kept)(log)
    versions, workflow_events = await sync_to_async(kept_totals)(log)
    assert versions == {f"order-{n}": 80 for n in range(STREAMS)}
    assert workflow_events == 560


async def test_lists_that_are_made_anew_are_the_same(engine: Engine, log: Log) -> None:
    await append_many(engine, log, 35)
    before = await lists.latest_workflows(log.pk, limit=10).afetch(engine.pool)
    await sync_to_async(keeper.rebuild)(log.pk)
    await sync_to_async(Stream.objects.filter(log=log, name="order-1").delete)()
    await sync_to_async(call_command)("rebuild_lists", log=log.name)
    versions, workflow_events = await sync_to_async(kept_totals)(log)
    assert versions == {f"order-{n}": 5 for n in range(STREAMS)}
    assert workflow_events == 35
    assert await lists.latest_workflows(log.pk, limit=10).afetch(engine.pool) == before


async def test_lists_that_nobody_keeps_say_how_many_events_they_do_not_count(engine: Engine, log: Log) -> None:
    await append_many(engine, log, 7)
    assert await lists.behind(log.pk).afirst(engine.pool) == 0
    head = LogHead.objects.filter(log=log)
    await sync_to_async(head.update)(head=MOST_FRESH_EVENTS + 12)
    assert await lists.behind(log.pk).afirst(engine.pool) == 12
