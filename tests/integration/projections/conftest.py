"""Fixtures of the tests of projections: a client of the API in this process, a projection, jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from events.engine import Engine
from eventsite.asgi import http
from projections import registry
from projections.definition.projection import Projection
from projections.jobs import queue
from projections.models import ACTIVE, Job
from tests.support.factories import make_name
from tests.support.fixture_types import Get
from tests.support.folds import projection


@pytest_asyncio.fixture
async def anyone(engine: Engine) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(http)  # type: ignore[arg-type]
    async with httpx2.AsyncClient(transport=transport, base_url="http://testserver", timeout=30) as client:
        yield client


@pytest.fixture
def get(anyone: httpx2.AsyncClient, token: str) -> Get:
    async def get(
        path: str, *, token: str = token, headers: dict[str, str] | None = None, **query: Any
    ) -> httpx2.Response:
        return await anyone.get(
            f"/api/replays/{path}", params=query, headers={"Authorization": f"Bearer {token}", **(headers or {})}
        )

    return get


@pytest.fixture
def sums(monkeypatch: pytest.MonkeyPatch) -> Projection:
    """A projection by stream, registered for the test."""
    result = projection("sums")
    monkeypatch.setitem(registry.PROJECTIONS, "sums", result)
    return result


@pytest.fixture
def no_other_jobs(database: None) -> None:
    """Delete the jobs that other tests left: they would take turns among the jobs of this test."""
    Job.objects.filter(status__in=ACTIVE).delete()


@pytest.fixture
def kind() -> Iterator[str]:
    """A kind of job that no other test uses."""
    name = make_name("kind")
    yield name
    queue._kinds.pop(name, None)
