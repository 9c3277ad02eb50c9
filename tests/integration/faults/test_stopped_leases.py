"""Processes that stop, or are killed, with a lease: none writes into the next holder's work, none gets two leases."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from events.engine import Engine
from events.leases.lease import Lease
from events.leases.leasing import Leases
from events.models import Log
from events.reading import store
from events.types import Event
from tests.support.agent_processes import hear, say_go, start_agents
from tests.support.invariants import assert_whole
from tests.support.leases import acquire, expire
from tests.support.locks import holding_lock, until_waiting
from tests.support.patience import PATIENCE
from tests.support.server import Server, database_variables

pytestmark = pytest.mark.processes


async def stored_events(engine: Engine, log: Log) -> list[Event]:
    return await store.events(log.pk, limit=100_000).afetch(engine.pool)


async def test_a_process_that_was_stopped_past_its_lease_is_refused(engine: Engine, log: Log) -> None:
    """It appends all the time, and does not know that time has passed. Another one has taken its lease meanwhile."""
    lease = Lease("name", "stopped")
    leases = Leases(log.pk, engine.writer, engine.pool)
    process = await asyncio.to_thread(start_agents, "hold-and-append", log, "stopped", 60)
    assert await asyncio.to_thread(hear, process) == "ready"
    say_go(process)
    assert await asyncio.to_thread(hear, process) == "appended"
    process.send_signal(signal.SIGSTOP)
    await expire(log)
    granted = await leases.acquire(lease, agent="next", ttl=60, request=None)
    process.send_signal(signal.SIGCONT)
    result = json.loads(await asyncio.to_thread(hear, process))
    process.communicate(timeout=PATIENCE)

    assert (result["code"], result["holder"]) == ("lease-lost", "next")
    events = await stored_events(engine, log)
    assert_whole(events)
    of_process = [event for event in events if event.stream == "stopped"]
    assert len(of_process) in (result["appended"], result["appended"] + 1)
    assert all(event.position < granted.token for event in of_process)
    assert json.loads(events[granted.token - 1].data)["expired"]["holder"] == "stopped"


@pytest.fixture
def own_server(database: None, tmp_path: Path) -> Iterator[Server]:
    environment = {**database_variables(), "SECRET_KEY": "of-the-server-to-kill"}
    with Server(environment, log=tmp_path / "log", options=("--web-only",)) as server:
        server.start()
        yield server


async def test_a_request_whose_server_was_killed_gets_one_lease(
    engine: Engine, log: Log, token: str, own_server: Server
) -> None:
    """The server has looked at the lease and waits for the lock. Its session in Postgres may still write, or not."""
    async with httpx2.AsyncClient(
        base_url=own_server.url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE
    ) as client:
        async with holding_lock(engine.pool, log.pk):
            request = asyncio.create_task(acquire(client, request="boot-1"))
            await until_waiting(engine.pool, 1)
            own_server.kill()
            with pytest.raises(httpx2.HTTPError):
                await request
        await until_waiting(engine.pool, 0)
        grants = await stored_events(engine, log)
        assert len(grants) <= 1
        await asyncio.to_thread(own_server.start)
        answers = [await acquire(client, request="boot-1") for _ in range(2)]
        other = await acquire(client, agent="packer")

    assert answers[0].status_code in ((200,) if grants else (200, 201))
    assert answers[1].status_code == 200
    [event] = await stored_events(engine, log)
    assert {answer.json()["token"] for answer in answers} == {event.position}
    assert (other.status_code, other.json()["holder"]) == (409, "planner")
