"""The API in this process, with a token that appends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from events.access import tokens
from events.engine import Engine
from events.models import Log, Scope
from eventsite.asgi import http


@pytest.fixture
def make_token(log: Log) -> Callable[..., str]:
    """Make a token of the test's log."""

    def make(*scopes: Scope, **fields: Any) -> str:
        return tokens.create_token(log, name="test", scopes=scopes or [Scope.APPEND], **fields)

    return make


@pytest_asyncio.fixture
async def client(engine: Engine, token: str) -> AsyncIterator[httpx2.AsyncClient]:
    """An exporter with a token."""
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(http, raise_app_exceptions=True),  # type: ignore[arg-type]
        base_url="http://testserver",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    ) as client:
        yield client
