"""Events to look at, and somebody who looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events.engine import Engine
from events.models import Log, Member
from events.types import Appended
from tests.support.factories import make_append

Append = Callable[..., None]


@pytest.fixture
def append(log: Log) -> Append:
    """Append events, given as the fields of each, to a stream of the test's log; `fields` are the append's own."""

    def append(stream: str, *events: dict[str, Any], **fields: Any) -> None:
        async def write() -> None:
            async with Engine() as engine:
                (outcome,) = await engine.writer.append(log.pk, [make_append(stream, *events, **fields)])
                assert isinstance(outcome, Appended)

        asyncio.run(write())

    return append


@pytest.fixture
def viewer(client: Client, member: Member, user: User) -> Client:
    """A signed-in viewer of the test's log."""
    client.force_login(user)
    return client


@pytest.fixture
def at(log: Log) -> str:
    """Where the log's pages begin."""
    return f"/logs/{log.name}/"
