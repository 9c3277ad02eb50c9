"""The API in this process, with a token that appends, and the page Connect."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from django.test import AsyncClient

from events.access import tokens
from events.engine import Engine
from events.models import Log, OtelTrace, Role, Scope, Token
from events.otel.worker import Worker, working
from eventsite.asgi import http
from tests.support.connect import sign_in, words
from tests.support.otel import map_plainly


@pytest.fixture
def log(log: Log) -> Log:
    """The test's log. Workers map what is due in all logs, so nothing that other tests left may be due."""
    OtelTrace.objects.exclude(log=log).update(due_at=None)
    return log


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


@pytest_asyncio.fixture
async def admin(log: Log) -> AsyncClient:
    return await sign_in(log, Role.ADMIN)


@pytest.fixture
def at(log: Log) -> str:
    return f"/logs/{log.name}/connect/"


@pytest.fixture
def shown(admin: AsyncClient, at: str) -> Callable[..., Awaitable[str]]:
    """Return the text of the page for a token, without its tags."""

    async def shown(token: Token | None = None, **query: str) -> str:
        answer = await admin.get(at, query | ({"token": str(token.pk)} if token else {}))
        assert answer.status_code == 200
        return words(answer.content.decode())

    return shown


@pytest_asyncio.fixture
async def worker(database: None) -> AsyncIterator[Worker]:
    async with working(map=map_plainly) as worker:
        yield worker
