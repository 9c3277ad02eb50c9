"""Short timeouts, and an engine whose connections a test can cut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from pytest_django import Settings

from events import engine as engines
from events import sessions
from events.engine import Engine
from tests.support.proxy import Proxy, proxied


@pytest.fixture
def short_patience(settings: Settings) -> float:
    """Shorten the writer's timeout; return it, in seconds."""
    settings.EVENTSITE = replace(settings.EVENTSITE, writer_timeout=0.5, tail_poll_interval=0.1)
    return 0.5


@pytest_asyncio.fixture
async def proxy(database: None) -> AsyncIterator[Proxy]:
    async with proxied(sessions.address().conninfo) as proxy:
        yield proxy


@pytest_asyncio.fixture
async def frail_engine(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    """An engine whose connections all go through the proxy. With the tests' pooler, one goes past it."""
    proxied = replace(sessions.address(), conninfo=proxy.conninfo)
    with monkeypatch.context() as patched:
        patched.setattr(engines, "address", lambda: proxied)
        if not proxied.is_pooled:
            patched.setattr(engines, "direct", lambda: proxied)
        engine = await Engine().__aenter__()
    try:
        yield engine
    finally:
        await engine.__aexit__()
