"""`kill -9` of a server that pauses: the agent is paused from the event on, or not at all, and the retry says which."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from asgiref.sync import sync_to_async

from events.access.tokens import create_token
from events.engine import Engine
from events.errors import Paused
from events.models import Log, Scope
from events.pauses import reads
from events.reading import store
from events.types import Appended
from tests.support.factories import make_append
from tests.support.invariants import assert_whole
from tests.support.locks import holding_lock, until_waiting
from tests.support.patience import PATIENCE
from tests.support.server import Server, database_variables

pytestmark = pytest.mark.processes
WHY = {"reason": "runs away"}


@pytest.fixture
def own_server(database: None, tmp_path: Path) -> Iterator[Server]:
    environment = {**database_variables(), "SECRET_KEY": "of-the-server-to-kill"}
    with Server(environment, log=tmp_path / "log", options=("--web-only",)) as server:
        server.start()
        yield server


async def test_a_server_killed_while_it_pauses_leaves_the_event_and_the_pause_or_neither(
    engine: Engine, log: Log, own_server: Server
) -> None:
    token = await sync_to_async(create_token)(log, name="overseer", scopes=[Scope.ADMIN])
    async with httpx2.AsyncClient(
        base_url=own_server.url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE
    ) as client:
        async with holding_lock(engine.pool, log.pk):
            request = asyncio.create_task(client.post("/api/agents/pricing/pause", json=WHY))
            await until_waiting(engine.pool, 1)
            own_server.kill()
            with pytest.raises(httpx2.HTTPError):
                await request
        await until_waiting(engine.pool, 0)

        [outcome] = await engine.writer.append(log.pk, [make_append("a-1", {"agent": "pricing"})])
        events = await store.events(log.pk, limit=10).afetch(engine.pool)
        is_written = events[0].type == "agent.paused"
        assert isinstance(outcome, Paused if is_written else Appended)
        assert len(await reads.pauses(log.pk).afetch(engine.pool)) == is_written

        await asyncio.to_thread(own_server.start)
        answer = await client.post("/api/agents/pricing/pause", json=WHY)
    assert answer.status_code == (200 if is_written else 201)
    assert answer.json()["position"] == (1 if is_written else 2)
    [refused] = await engine.writer.append(log.pk, [make_append("a-1", {"agent": "pricing"})])
    assert isinstance(refused, Paused)
    assert_whole(await store.events(log.pk, limit=10).afetch(engine.pool))


async def test_a_server_that_starts_after_a_pause_knows_it(engine: Engine, log: Log, own_server: Server) -> None:
    """What the killed server knew is gone; the rule stands in the log."""
    token = await sync_to_async(create_token)(log, name="overseer", scopes=[Scope.ADMIN])
    body = {"events": [{"type": "A", "data": 1, "agent": "pricing"}]}
    async with httpx2.AsyncClient(
        base_url=own_server.url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE
    ) as client:
        assert (await client.post("/api/agents/pricing/pause", json=WHY)).status_code == 201
        own_server.kill()
        await asyncio.to_thread(own_server.start)
        assert (await client.post("/api/streams/a-1/events", json=body)).status_code == 423
