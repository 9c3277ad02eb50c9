"""`kill -9` of a process with a conditional append: nothing is half-written, and a retry gets a right answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from events.engine import Engine
from events.errors import ConditionFailed
from events.models import Log
from events.reading import store
from events.types import Appended, Event
from tests.support.agent_processes import hear, say_go, start_agents
from tests.support.factories import make_append
from tests.support.invariants import assert_whole
from tests.support.locks import append_in, holding_lock, until_waiting
from tests.support.log_agents import killed_append
from tests.support.patience import PATIENCE
from tests.support.server import Server, database_variables

pytestmark = pytest.mark.processes

IN_THE_WAY = {"id": "in-the-way", "type": "Moved", "data": b'{"is_in_the_way": true}'}
HARMLESS = {"id": "harmless", "type": "Moved"}
BETWEEN = pytest.mark.parametrize("between", [IN_THE_WAY, HARMLESS], ids=lambda event: event["id"])


async def stored_events(engine: Engine, log: Log) -> list[Event]:
    return await store.events(log.pk, limit=1_000).afetch(engine.pool)


@BETWEEN
async def test_a_process_killed_between_its_check_and_its_write_wrote_nothing(
    engine: Engine, log: Log, between: dict[str, Any]
) -> None:
    process = await asyncio.to_thread(start_agents, "check-and-stop", log, "killed", 3)
    assert await asyncio.to_thread(hear, process) == "ready"
    say_go(process)
    assert await asyncio.to_thread(hear, process) == "checked"
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert await stored_events(engine, log) == []

    [neighbour] = await engine.writer.append(log.pk, [make_append("a-1", between)])
    [outcome] = await engine.writer.append(log.pk, [killed_append("killed", 3)])

    assert isinstance(neighbour, Appended)
    if between is IN_THE_WAY:
        assert isinstance(outcome, ConditionFailed)
        assert outcome.fields["event"]["id"] == "in-the-way"
    else:
        assert outcome == Appended("killed", [f"killed:{n}" for n in range(3)], 2, 1)
    assert_whole(await stored_events(engine, log))


@pytest.fixture
def own_server(database: None, tmp_path: Path) -> Iterator[Server]:
    environment = {**database_variables(), "SECRET_KEY": "of-the-server-to-kill"}
    with Server(environment, log=tmp_path / "log", options=("--web-only",)) as server:
        server.start()
        yield server


@BETWEEN
@pytest.mark.parametrize("query", ["type:Moved data.is_in_the_way:true", "id:in-the-way"])
async def test_a_server_killed_while_its_append_waits_for_the_lock_leaves_a_right_answer(
    engine: Engine, log: Log, token: str, own_server: Server, between: dict[str, Any], query: str
) -> None:
    """The session in Postgres may still write what the killed server sent, or not; but whole, and nothing forbidden."""
    events = [{"id": f"k-{n}", "type": "Kept", "data": n} for n in range(3)]
    body = {"events": events, "if": [{"q": query, "none_after": 0}]}
    async with httpx2.AsyncClient(
        base_url=own_server.url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE
    ) as client:
        async with holding_lock(engine.pool, log.pk) as holder:
            await append_in(holder, log.pk, make_append("a-1", between))
            request = asyncio.create_task(client.post("/api/streams/killed/events", json=body))
            await until_waiting(engine.pool, 1)
            own_server.kill()
            with pytest.raises(httpx2.HTTPError):
                await request
            neighbour = asyncio.create_task(engine.writer.append(log.pk, [make_append("b-1", {"id": "neighbour"})]))
        assert isinstance((await neighbour)[0], Appended)
        await until_waiting(engine.pool, 0)
        kept = [event.id for event in await stored_events(engine, log) if event.type == "Kept"]
        assert kept in ([], [event["id"] for event in events])

        await asyncio.to_thread(own_server.start)
        answer = await client.post("/api/streams/killed/events", json=body)

    stored = await stored_events(engine, log)
    assert_whole(stored)
    if between is IN_THE_WAY:
        assert (answer.status_code, answer.json()["code"]) == (409, "condition-failed")
        assert kept == []
        assert {event.id for event in stored} == {"in-the-way", "neighbour"}
    else:
        assert answer.status_code == (200 if kept else 201)
        assert [event["position"] for event in answer.json()["events"]] == [
            event.position for event in stored if event.type == "Kept"
        ]
