"""Poolers of a test's own, before the tests' database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.pooler import PROGRAM, Pooler
from tests.support.server import database_variables


@pytest.fixture
def url(database: None) -> str:
    """The address of Postgres itself."""
    return database_variables()["DATABASE_URL"]


@pytest.fixture
def pooler(url: str, request: pytest.FixtureRequest) -> Iterator[Pooler]:
    """A PgBouncer in transaction mode; a test may pass other settings as the fixture's parameter."""
    if not PROGRAM:
        pytest.skip("there is no pgbouncer: apt-get install pgbouncer")
    pooler = Pooler(url, **getattr(request, "param", {}))
    yield pooler
    pooler.remove()
