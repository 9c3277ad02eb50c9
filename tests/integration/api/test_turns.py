"""Requests of the API take turns at the database; the turns are those of their tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from events.engine import Engine
from events.reading.shared_pool import asker


async def test_the_reads_of_a_token_take_its_turns(
    api: httpx2.AsyncClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    askers: list[Hashable] = []
    connection = engine.pool.connection

    @asynccontextmanager
    async def noted() -> AsyncIterator[Any]:
        askers.append(asker.get())
        async with connection() as session:
            yield session

    monkeypatch.setattr(engine.pool, "connection", noted)
    for path in ("events", "streams", "projections/latest/state?key=a"):
        askers.clear()
        assert (await api.get(f"/api/{path}")).status_code == 200
        assert askers
        assert str(askers[-1]).startswith("token:")
