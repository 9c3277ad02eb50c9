"""Many threads may share a client, and many tasks one for asyncio."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from eventsite_client import AsyncAttempt, AsyncClient, Attempt, Client, NewEvent
from tests.support.patience import PATIENCE
from tests.support.server import Server

WORKERS = 8
ROUNDS = 3


async def test_tasks_share_a_client(server: Server, token: str) -> None:
    async with AsyncClient(server.url, token) as client:

        async def count_on(attempt: AsyncAttempt) -> None:
            attempt.append(NewEvent("Counted", len(attempt.events)))

        async def work(number: int) -> None:
            with client.run(f"run-{number}", agent=f"agent-{number}"):
                for n in range(ROUNDS):
                    await client.append(f"own-{number}", NewEvent("A", n), expected_version=n)
                    await client.log(f"logged-{number}", NewEvent("A", n))
                    await client.decide("shared", rounds=1_000).call(count_on)
                assert await client.flush(PATIENCE)
                own = await client.stream_events(f"own-{number}").all()
                logged = await client.stream_events(f"logged-{number}").all()
            assert [event.data for event in own] == [event.data for event in logged] == list(range(ROUNDS))
            assert {event.agent for event in [*own, *logged]} == {f"agent-{number}"}
            assert {event.correlation_id for event in [*own, *logged]} == {f"run-{number}"}

        await asyncio.gather(*map(work, range(WORKERS)))
        counted = [event.data async for event in client.stream_events("shared")]
        assert counted == list(range(WORKERS * ROUNDS))


def test_threads_share_a_client(server: Server, token: str) -> None:
    with Client(server.url, token) as client, ThreadPoolExecutor(WORKERS) as pool:

        def count_on(attempt: Attempt) -> None:
            attempt.append(NewEvent("Counted", len(attempt.events)))

        def work(number: int) -> None:
            with client.run(f"run-{number}", agent=f"agent-{number}"):
                for n in range(ROUNDS):
                    appended = client.append(f"own-{number}", NewEvent("A", n), expected_version=n)
                    assert appended.stream == f"own-{number}"
                    client.log(f"logged-{number}", NewEvent("A", n))
                    client.decide("shared", rounds=1_000).call(count_on)
                assert client.flush(PATIENCE)
                own = client.stream_events(f"own-{number}").all()
                logged = client.stream_events(f"logged-{number}").all()
            assert [event.data for event in own] == [event.data for event in logged] == list(range(ROUNDS))
            assert {event.agent for event in [*own, *logged]} == {f"agent-{number}"}

        list(pool.map(work, range(WORKERS)))
        assert [event.data for event in client.stream_events("shared")] == list(range(WORKERS * ROUNDS))
