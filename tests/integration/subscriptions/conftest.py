"""Fixtures that subscribe, take and settle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from events.engine import Engine
from events.models import Log, Subscription
from events.subscriptions.types import Delivery, Failure, Outcome, Settled, Settlement, Take
from events.types import Append
from tests.support.factories import make_append
from tests.support.letters import Work
from tests.support.subscriptions import FAILURE, Settle, Subscribe, TakeFrom, make_subscription


@pytest.fixture
def subscribe(engine: Engine, log: Log) -> Subscribe:
    async def subscribe(**fields: Any) -> Subscription:
        return await sync_to_async(make_subscription)(log, **fields)

    return subscribe


@pytest.fixture
def take(engine: Engine, log: Log) -> TakeFrom:
    async def take(
        consumer: str = "one", *, limit: int = 100, wait: float = 0.2, request: str | None = None
    ) -> Sequence[Delivery]:
        asked = Take(consumer, None, limit, request or uuid4().hex)
        server = await engine.subscriptions.of(log.pk, "work")
        return (await server.take(asked, wait=wait)).deliveries

    return take


@pytest.fixture
def settle(engine: Engine, log: Log) -> Settle:
    async def settle(
        outcome: Outcome, *deliveries: Delivery, consumer: str | None = "one", **fields: Any
    ) -> list[Settled]:
        settlements = [Settlement(delivery.id, outcome, consumer, **fields) for delivery in deliveries]
        server = await engine.subscriptions.of(log.pk, "work")
        return await server.settle(settlements)

    return settle


@pytest.fixture
def placed(engine: Engine, log: Log) -> Callable[..., Any]:
    """`await placed("a-1", "a-1", "b-1")` appends an event to each of these streams."""

    async def placed(*streams: str, **fields: Any) -> None:
        appends: list[Append] = [make_append(stream, fields) for stream in streams]
        await engine.writer.append(log.pk, appends)

    return placed


@pytest.fixture
def bury(take: TakeFrom, settle: Settle) -> Callable[..., Any]:
    """`await bury(Failure(…))` takes what there is, and makes dead letters of it; returns the deliveries."""

    async def bury(failure: Failure = FAILURE, **fields: Any) -> Sequence[Delivery]:
        deliveries = await take(**fields)
        await settle("poison", *deliveries, failure=failure)
        return deliveries

    return bury


@pytest.fixture
def work(
    engine: Engine,
    log: Log,
    subscribe: Subscribe,
    placed: Callable[..., Any],
    take: TakeFrom,
    settle: Settle,
    bury: Callable[..., Any],
) -> Work:
    return Work(engine, log, subscribe, placed, take, settle, bury)
