"""Short functions to append to a log and to read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from events.appending.plan import Outcome
from events.engine import Engine
from events.models import Log
from events.reading import store
from events.types import Append
from eventsite import schema
from tests.support.databases import new_database
from tests.support.fixture_types import AppendTo, Read


@pytest.fixture(scope="module")
def own_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database for the tests of one module: what the planner knows of its tables depends on these tests alone."""
    with django_db_blocker.unblock(), new_database("own"):
        schema.migrate()
        yield


@pytest.fixture
def append(engine: Engine, log: Log) -> AppendTo:
    """`await append(…)` appends to `log` in one request."""

    async def append(*appends: Append, atomic: bool = False) -> list[Outcome]:
        return await engine.writer.append(log.pk, appends, atomic=atomic)

    return append


@pytest.fixture
def read(engine: Engine, log: Log) -> Read:
    """`await read()` returns all events of `log`."""
    return lambda: store.events(log.pk, limit=100_000).afetch(engine.pool)
