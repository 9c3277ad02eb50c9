"""A take that waits is woken: nothing that comes while it is served is missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from events.engine import Engine
from events.models import Log
from events.subscriptions import server as servers
from tests.support.patience import PATIENCE
from tests.support.subscriptions import Subscribe, TakeFrom


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
    search = server._search

    async def search_and_append() -> Any:
        result = await search()
        monkeypatch.setattr(server, "_search", search)
        await placed("a-1")
        return result

    monkeypatch.setattr(server, "_search", search_and_append)
    assert [each.id.position for each in await take(wait=PATIENCE)] == [1]
