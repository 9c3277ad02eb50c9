"""The API in this process: the application that a server runs, on an engine of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from events import engine as engines
from events.access import tokens
from events.engine import Engine
from events.models import Log, Scope
from events.types import Appended
from eventsite.asgi import http
from tests.support import factories
from tests.support.api import STREAM


@pytest.fixture
def make_token(log: Log) -> Callable[..., str]:
    """Make a token, of the test's log and with all scopes by default."""

    def make(*scopes: Scope, **fields: Any) -> str:
        all_fields = {"log": log, "name": "test", **fields}
        return tokens.create_token(all_fields.pop("log"), scopes=scopes or tuple(Scope), **all_fields)

    return make


@pytest_asyncio.fixture
async def anyone(engine: Engine) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a token."""
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(http, raise_app_exceptions=True),  # type: ignore[arg-type]
        base_url="http://testserver",
        timeout=30,
    ) as client:
        yield client


@pytest_asyncio.fixture
async def api(anyone: httpx2.AsyncClient, token: str) -> httpx2.AsyncClient:
    """A client with a token that appends and reads."""
    anyone.headers["Authorization"] = f"Bearer {token}"
    return anyone


@pytest.fixture
def one_event(log: Log) -> Callable[[], object]:
    async def write() -> None:
        [outcome] = await engines.current().writer.append(log.pk, [factories.make_append(STREAM)])
        assert isinstance(outcome, Appended)

    return write


@pytest.fixture
def worker(anyone: httpx2.AsyncClient, make_token: Callable[..., str]) -> httpx2.AsyncClient:
    """A client with a token that may do everything."""
    anyone.headers["Authorization"] = f"Bearer {make_token(name='overseer')}"
    return anyone
