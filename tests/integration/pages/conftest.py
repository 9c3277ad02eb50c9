"""Fixtures of the tests of pages: appended events, and a person who looks at them."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

from events.models import Log, Member, Role
from events.types import Appended
from tests.support import commands
from tests.support.factories import make_append, make_member, make_user
from tests.support.fixture_types import AppendEvents, SignIn


@pytest.fixture
def append(log: Log) -> AppendEvents:
    """Append events, given as the fields of each, to a stream of the test's log; `fields` are the append's own."""

    def append(stream: str, *events: dict[str, Any], **fields: Any) -> None:
        (outcome,) = commands.append(log, make_append(stream, *events, **fields))
        assert isinstance(outcome, Appended)

    return append


@pytest.fixture
def viewer(client: Client, member: Member, user: User) -> Client:
    """A signed-in viewer of the test's log."""
    client.force_login(user)
    return client


@pytest.fixture
def at(log: Log) -> str:
    """The beginning of the addresses of the log's pages."""
    return f"/logs/{log.name}/"


@pytest.fixture
def signed_in(log: Log) -> SignIn:
    """Make a client of a person with a role in the log. The engine of the test writes for it."""

    def sign_in(role: Role) -> AsyncClient:
        user = make_user(username=f"{role}-of-{log.name}")
        make_member(log, role=role, user=user)
        client = AsyncClient()
        client.force_login(user)
        return client

    return sign_in
