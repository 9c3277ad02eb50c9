"""Only the database's clock counts: a process may be hours ahead, or behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from events.engine import Engine
from events.models import Log
from events.types import Appended
from tests.support.subscriptions import FAILURE, Settle, Subscribe, TakeFrom, expire, settling_append


@pytest.mark.parametrize("hours", [-1, 1])
async def test_the_clock_of_a_consumer_does_not_matter(
    engine: Engine,
    log: Log,
    subscribe: Subscribe,
    take: TakeFrom,
    settle: Settle,
    placed: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    hours: int,
) -> None:
    await subscribe(query="-type:Done", backoff={"first": 600, "factor": 1, "most": 600, "jitter": 0})
    await placed("a-1", "b-1", "c-1")
    now, monotonic = timezone.now, time.time
    monkeypatch.setattr(time, "time", lambda: monotonic() + hours * 3_600)
    monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(hours=hours))
    first, second, third = await take()
    for delivery in (first, second, third):
        assert abs(delivery.deadline - datetime.now(UTC) - timedelta(seconds=30)) < timedelta(seconds=20)
    [failed] = await settle("fail", first, failure=FAILURE)
    assert failed.retry_at
    assert abs(failed.retry_at - datetime.now(UTC) - timedelta(seconds=600)) < timedelta(seconds=20)
    assert await take(wait=0) == ()
    [outcome] = await engine.writer.append(log.pk, [settling_append(second)])
    assert isinstance(outcome, Appended)
    await sync_to_async(expire)(log, position=third.id.position)
    assert [each.result for each in await settle("ack", third)] == ["expired"]
    assert [each.attempt for each in await take("other")] == [2]
