"""A take that waits is woken: nothing that comes while it is served is missed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from events.engine import Engine
from events.models import Log
from events.reading.log_reader import LogReader
from events.subscriptions import server as servers
from events.subscriptions.types import Take
from events.subscriptions.work import parameters
from tests.support.patience import PATIENCE
from tests.support.subscriptions import Settle, Subscribe, TakeFrom


async def test_an_event_that_comes_during_a_search_is_delivered_at_once(
    engine: Engine,
    log: Log,
    subscribe: Subscribe,
    take: TakeFrom,
    placed: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(servers, "_POLL_SECONDS", 3_600)
    await subscribe()
    server = await engine.subscriptions.of(log.pk, "work")
    search = server._upcoming.range

    async def search_and_append(*arguments: Any, **options: Any) -> Any:
        result = await search(*arguments, **options)
        monkeypatch.setattr(server._upcoming, "range", search)
        await placed("a-1")
        return result

    monkeypatch.setattr(server._upcoming, "range", search_and_append)
    assert [each.id.position for each in await take(wait=PATIENCE)] == [1]


async def test_a_server_that_nobody_asks_ends_and_is_made_again(
    engine: Engine,
    log: Log,
    subscribe: Subscribe,
    take: TakeFrom,
    placed: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(servers, "_IDLE_SECONDS", 0.05)
    await subscribe()
    first = await engine.subscriptions.of(log.pk, "work")
    waiting = asyncio.create_task(take(wait=PATIENCE))
    await asyncio.sleep(0.2)
    assert not first.is_gone, "a take waits"
    await placed("a-1")
    assert len(await waiting) == 1
    await asyncio.wait_for(first.task, PATIENCE)
    await placed("b-1")
    assert [each.id.position for each in await take(wait=PATIENCE)] == [2]
    assert await engine.subscriptions.of(log.pk, "work") is not first


async def test_a_request_that_waits_twice_gets_the_same_deliveries_twice(
    engine: Engine, log: Log, subscribe: Subscribe, take: TakeFrom, placed: Callable[..., Any]
) -> None:
    await subscribe()
    takes = [asyncio.create_task(take(limit=1, wait=PATIENCE, request="r")) for _ in range(2)]
    await asyncio.sleep(0.1)
    await placed("a-1", "b-1")
    [[first], [second]] = await asyncio.gather(*takes)
    assert first.id == second.id


async def test_a_delivery_ends_when_an_extension_made_its_deadline_earlier(
    subscribe: Subscribe, take: TakeFrom, settle: Settle, placed: Callable[..., Any]
) -> None:
    await subscribe(ack_deadline=3_600)
    await placed("a-1", "b-1")
    _, second = await take()
    await settle("extend", second, seconds=0.1)
    assert [each.id.position for each in await take("two", wait=PATIENCE)] == [2]


async def test_a_delivery_ends_when_the_subscription_has_a_shorter_deadline_than_before(
    engine: Engine, log: Log, subscribe: Subscribe, take: TakeFrom, placed: Callable[..., Any]
) -> None:
    subscription = await subscribe(ack_deadline=3_600)
    await placed("a-1", "b-1")
    await take(limit=1)
    subscription.ack_deadline, subscription.version = 0.1, 2
    await subscription.asave(update_fields=["ack_deadline", "version"])
    assert [each.id.position for each in await take()] == [2]
    assert [(each.id.position, each.attempt) for each in await take("two", wait=PATIENCE)] == [(2, 2)]


async def test_a_key_that_is_free_is_delivered_by_another_process(
    engine: Engine,
    log: Log,
    subscribe: Subscribe,
    take: TakeFrom,
    settle: Settle,
    placed: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its consumer waits there since before the first event of the key was settled here."""
    monkeypatch.setattr(servers, "_POLL_SECONDS", 3_600)
    await subscribe(ack_deadline=3_600)
    await placed("a-1", "a-1")
    first = await take(limit=1, wait=PATIENCE)
    async with Engine() as other:
        server = await other.subscriptions.of(log.pk, "work")
        waiting = asyncio.create_task(server.take(Take("two", None, 1, "r"), wait=PATIENCE))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await settle("ack", *first)
        answer = await waiting
    assert [each.id.position for each in answer.deliveries] == [2]


async def test_an_event_that_fits_nothing_asks_the_database_once_for_all(
    engine: Engine, log: Log, subscribe: Subscribe, placed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many subscriptions wait at the end of the log; an event that fits one of them is delivered."""
    monkeypatch.setattr(servers, "_POLL_SECONDS", 3_600)
    reads: list[str] = []
    read, ask = LogReader.read, parameters

    async def count_and_read(self: LogReader, after: int) -> Any:
        reads.append("log")
        return await read(self, after)

    def count_and_ask(*arguments: Any) -> Any:
        reads.append("deliveries")
        return ask(*arguments)

    names = [f"work-{n}" for n in range(5)]
    await placed("a-1")
    takes = []
    for name in names:
        await subscribe(name=name, query=f"stream:{name}", start=1, read_to=1)
        server = await engine.subscriptions.of(log.pk, name)
        assert not (await server.take(Take("one", None, 1, "r"), wait=0)).deliveries
        takes.append(asyncio.create_task(server.take(Take("one", None, 1, name), wait=PATIENCE)))
    await asyncio.sleep(0.3)
    monkeypatch.setattr(LogReader, "read", count_and_read)
    monkeypatch.setattr(servers, "parameters", count_and_ask)
    await placed("b-1")
    await asyncio.sleep(0.3)
    assert reads == ["log"]
    await placed("work-3")
    assert [each.event.stream for each in (await takes[3]).deliveries] == ["work-3"]
    assert reads == ["log", "log", "deliveries"]
    for waiting in takes:
        waiting.cancel()
    await asyncio.gather(*takes, return_exceptions=True)
