"""A task that is cancelled gives back what it holds, whoever cancels it, and however often."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import anyio
import httpx2
import pytest

from events.access.tokens import create_token
from events.models import Log, Scope
from eventsite_client import AsyncClient, NewEvent, NoAnswer
from eventsite_client._async import io
from tests.support.patience import PATIENCE
from tests.support.server import Server

Block = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""A coroutine function that sets an event when it may be interrupted."""


@pytest.fixture
def token(log: Log) -> str:
    return create_token(log, name="worker", scopes=[Scope.ADMIN])


class Slow(httpx2.AsyncHTTPTransport):
    """Answers late, so that a second interruption comes amid what the first one led to."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await super().handle_async_request(request)
        await asyncio.sleep(0.1)
        return answer


async def cancel_once(block: Block) -> None:
    begun = asyncio.Event()
    task = asyncio.ensure_future(block(begun))
    await begun.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def cancel_twice(block: Block) -> None:
    begun = asyncio.Event()
    task = asyncio.ensure_future(block(begun))
    await begun.wait()
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0.03)
    with suppress(asyncio.CancelledError):
        await task


async def cancel_scope(block: Block) -> None:
    begun = asyncio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(block, begun)
        await begun.wait()
        group.cancel_scope.cancel()


INTERRUPT = pytest.mark.parametrize("interrupt", [cancel_once, cancel_twice, cancel_scope])
Interrupt = Callable[[Block], Awaitable[None]]


@INTERRUPT
async def test_a_lease_is_given_back(server: Server, token: str, interrupt: Interrupt) -> None:
    async with AsyncClient(server.url, token, transport=Slow) as client:

        async def hold(begun: asyncio.Event) -> None:
            async with client.lease(name="van", agent="first"):
                begun.set()
                await asyncio.sleep(PATIENCE)

        await interrupt(hold)
        async with client.lease(name="van", agent="second"):
            pass


@INTERRUPT
async def test_a_lease_whose_grant_nobody_waits_for_any_more_is_given_back(
    server: Server, token: str, interrupt: Interrupt
) -> None:
    asked = asyncio.Event()

    class Granted(httpx2.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            answer = await super().handle_async_request(request)
            if not asked.is_set():
                asked.set()
                await asyncio.sleep(PATIENCE)
            return answer

    async with AsyncClient(server.url, token, transport=Granted) as client:

        async def hold(begun: asyncio.Event) -> None:
            waiting = asyncio.ensure_future(asked.wait())
            waiting.add_done_callback(lambda _: begun.set())
            async with client.lease(name="van", agent="first"):
                pass

        await interrupt(hold)
        async with client.lease(name="van", agent="second"):
            pass


@INTERRUPT
async def test_an_event_that_was_taken_when_nobody_waited_any_more_is_given_back(
    server: Server, token: str, interrupt: Interrupt
) -> None:
    taken = asyncio.Event()

    class Taken(httpx2.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            answer = await super().handle_async_request(request)
            if request.url.path.endswith("/take") and not taken.is_set():
                taken.set()
                await asyncio.sleep(PATIENCE)
            return answer

    async with AsyncClient(server.url, token, transport=Taken) as client:
        packing = client.subscription("packing")
        await packing.make("type:OrderPlaced", ack_deadline=600)
        await client.append("order-1", NewEvent("OrderPlaced"))

        async def pack(begun: asyncio.Event) -> None:
            waiting = asyncio.ensure_future(taken.wait())
            waiting.add_done_callback(lambda _: begun.set())
            async for work in packing.take():
                async with work:
                    pass

        await interrupt(pack)
        attempts = []
        async for work in packing.take(stop_when_idle=0.2):
            async with work:
                attempts.append(work.attempt)
        assert attempts == [1]


@INTERRUPT
@pytest.mark.parametrize("amid_the_end", [False, True])
async def test_an_event_is_given_back_or_settled(
    server: Server, token: str, interrupt: Interrupt, amid_the_end: bool
) -> None:
    async with AsyncClient(server.url, token, transport=Slow) as client:
        packing = client.subscription("packing")
        await packing.make("type:OrderPlaced", ack_deadline=600)
        await client.append("order-1", NewEvent("OrderPlaced"))

        async def pack(begun: asyncio.Event) -> None:
            async for work in packing.take(agent="packer"):
                async with work:
                    work.append(NewEvent("OrderPacked"))
                    begun.set()
                    if not amid_the_end:
                        await asyncio.sleep(PATIENCE)

        await interrupt(pack)
        attempts = []
        async for work in packing.take(agent="packer", stop_when_idle=0.2):
            async with work:
                attempts.append(work.attempt)
                work.append(NewEvent("OrderPacked"))
        packed = await client.events("type:OrderPacked").all()
        assert (len(packed), len(attempts)) == ((1, 0) if not attempts else (1, 1))
        assert attempts in ([1], [] if amid_the_end else [1])


async def test_giving_back_does_not_hold_an_interruption_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(io, "GIVE_BACK_SECONDS", 0.1)
    asked = 0

    async def answer(request: httpx2.Request) -> httpx2.Response:
        nonlocal asked
        asked += 1
        if asked > 1:
            await asyncio.sleep(PATIENCE)
        return httpx2.Response(201, json={"lease": "name:van", "token": 1})

    client = AsyncClient("http://testserver", "evt_x", transport=lambda: httpx2.MockTransport(answer))

    async def hold(begun: asyncio.Event) -> None:
        async with client.lease(name="van", agent="first"):
            begun.set()

    async with asyncio.timeout(PATIENCE):
        await cancel_twice(hold)
    assert asked == 2
    with pytest.raises(NoAnswer):
        await client.with_timeout(0.1).event(1)
    await client.aclose()
