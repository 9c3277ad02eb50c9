"""Both clients, each of which has to pass the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from eventsite_client import AsyncClient, Client
from tests.support.server import Server
from tests.support.twins import Loop, MakeClient, in_threads


@pytest.fixture(params=["threads", "asyncio"])
def make_client(request: pytest.FixtureRequest) -> Iterator[MakeClient]:
    """Make a client of one of the two kinds; that for asyncio is used as if it were one for threads."""
    with ExitStack() as stack:
        if request.param == "threads":

            def make(*arguments: Any, **options: Any) -> Client:
                return stack.enter_context(Client(*arguments, **options))
        else:
            loop = stack.enter_context(Loop())

            def make(*arguments: Any, **options: Any) -> Client:
                client: Client = stack.enter_context(in_threads(loop, AsyncClient(*arguments, **options)))
                return client

        yield make


@pytest.fixture
def client(make_client: MakeClient, server: Server, token: str) -> Client:
    """A client of the test's log, with a token that appends and reads."""
    return make_client(server.url, token)
