"""The demo is played live: by the command, and by a button of the page."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command
from psycopg import AsyncConnection

from events.engine import Engine
from events.models import Event, Log, Token
from events.sessions import Address, direct
from eventsite.demo import live
from eventsite.demo.live import AlreadyRunning, run_live, start_live, stop
from eventsite.demo.transports import in_process
from tests.support.demo import Told, lost_updates, read_story
from tests.support.factories import make_append, make_log, make_name
from tests.support.patience import PATIENCE
from tests.support.server import Server, free_port


@pytest.fixture
def demo(server: Server) -> Any:
    """Run `manage.py demo` against the server under test, quickly; return the output."""

    def run(log: str) -> str:
        out = StringIO()
        call_command("demo", log=log, url=server.url, speed=1000, stdout=out)
        return out.getvalue()

    return run


def test_the_command_plays_a_new_shift_each_time(demo: Any, story: list[Told], demo_name: str) -> None:
    log = make_log(name=demo_name)
    printed = demo(log.name)
    first = read_story(log)
    assert f"/logs/{log.name}/" in printed
    assert f"events 1 to {Event.objects.filter(log=log).latest('position').position}" in printed
    assert [(event.id, event.data) for event in first] == [(event.id, event.data) for event in story]
    demo(log.name)
    second = read_story(log)[len(first) :]
    # Another shift has other distances, so the vans make other tours, and the mails come in another order.
    assert Counter(event.type for event in second) == Counter(event.type for event in first)
    assert not {event.id for event in second} & {event.id for event in first}
    [(lost, _, _)] = lost_updates(second)
    assert lost.data["added"] == "order-1014"


def test_the_command_adds_nothing_to_a_log_that_holds_real_events(demo: Any, log: Log) -> None:
    async def append() -> None:
        async with Engine() as engine:
            await engine.writer.append(log.pk, [make_append()])

    asyncio.run(append())
    with pytest.raises(
        CommandError, match="has events of its own.* for ever.*only for the log `demo`, or for an empty"
    ):
        demo(log.name)
    assert len(read_story(log)) == 1


def test_a_live_run_has_the_servers_times_and_leaves_no_token(demo: Any, log: Log) -> None:
    demo(log.name)
    assert {event.since for event in read_story(log)} == {None}
    assert not Token.objects.filter(log=log).exists()


def test_the_command_says_where_no_server_is(database: None) -> None:
    name = make_name("demo")
    for url in (f"http://127.0.0.1:{free_port()}", "ftp://127.0.0.1", "http://127.0.0.1:port", "nonsense"):
        with pytest.raises(CommandError, match="No Eventsite answers"):
            call_command("demo", log=name, url=url)
    assert not Log.objects.filter(name=name).exists()


async def until_closed(log: Log) -> list[Told]:
    deadline = time.monotonic() + PATIENCE
    while not (story := await sync_to_async(read_story)(log)) or story[-1].type != "shift.closed":
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    return story


async def test_the_button_starts_a_run_in_the_background_and_only_one(engine: Engine, log: Log) -> None:
    assert await start_live(log, speed=100)
    assert not await start_live(log)
    with pytest.raises(AlreadyRunning):
        await run_live(log)
    assert len(await until_closed(log)) > 80
    deadline = time.monotonic() + PATIENCE
    while not await start_live(log):  # the run releases the log just after its last event
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    await stop()


async def test_a_run_in_the_background_stops_with_the_server(engine: Engine, log: Log) -> None:
    assert await start_live(log, speed=1)
    await stop()
    story = await sync_to_async(read_story)(log)
    assert len(story) < 80
    assert not await sync_to_async(Token.objects.filter(log=log).exists)()


async def test_a_run_that_stops_before_its_first_step_closes_its_connection(
    engine: Engine, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = []

    class Recorded(Address):
        async def connect(self, *args: Any, **parameters: Any) -> AsyncConnection[Any]:
            connections.append(await super().connect(*args, **parameters))
            return connections[-1]

    address = direct()
    monkeypatch.setattr(live, "direct", lambda: Recorded(address.conninfo, address.is_pooled))
    assert await start_live(log, speed=1)
    await stop()
    assert [connection.closed for connection in connections] == [True]


async def test_runs_in_several_logs_do_not_wait_for_each_other(engine: Engine, log: Log, story: list[Told]) -> None:
    other = await sync_to_async(make_log)()
    await asyncio.gather(run_live(log, speed=math.inf), run_live(other, speed=math.inf))
    for each in (log, other):
        assert [event.id for event in await sync_to_async(read_story)(each)] == [event.id for event in story]


async def test_other_peoples_events_do_not_disturb_a_run(engine: Engine, log: Log, story: list[Told]) -> None:
    strange = [{"type": kind} for kind in ("order.placed", "order.paid", "assignment.extended", "shift.ended")]
    straight = in_process()
    appends = 0

    async def disturbed(method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        nonlocal appends
        appends += method == "POST"
        if method == "POST" and appends % 20 == 0:
            await engine.writer.append(log.pk, [make_append("stranger-1", *strange)])
        return await straight(method, path, body, token)

    await run_live(log, speed=math.inf, transport=disturbed)
    demo_events = [event for event in await sync_to_async(read_story)(log) if event.stream != "stranger-1"]
    assert [(event.id, event.data) for event in demo_events] == [(event.id, event.data) for event in story]
