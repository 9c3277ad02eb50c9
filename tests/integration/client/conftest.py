"""Both clients, each of which has to pass the tests; and the fake, for those that are marked with `EVERYWHERE`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from eventsite_client import AsyncClient, Client
from eventsite_client.testing import FakeLog
from tests.support.twins import Loop, MakeClient, in_threads


@pytest.fixture(params=["threads", "asyncio"])
def make_client(request: pytest.FixtureRequest) -> Iterator[MakeClient]:
    """Make a client of one of the two kinds; that for asyncio is used as if it were one for threads."""
    fake = FakeLog() if request.param.startswith("fake") else None
    with ExitStack() as stack:
        if request.param.endswith("threads"):

            def make(*arguments: Any, **options: Any) -> Client:
                return stack.enter_context(fake.client(**of_fake(options)) if fake else Client(*arguments, **options))
        else:
            loop = stack.enter_context(Loop())

            def make(*arguments: Any, **options: Any) -> Client:
                twin = fake.async_client(**of_fake(options)) if fake else AsyncClient(*arguments, **options)
                client: Client = stack.enter_context(in_threads(loop, twin))
                return client

        yield make


def of_fake(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a client of a fake, which is its own transport."""
    return {name: value for name, value in options.items() if name != "transport"}


@pytest.fixture
def client(make_client: MakeClient, request: pytest.FixtureRequest) -> Client:
    """A client of the test's log, with a token that appends and reads; or of a fake."""
    return _made(make_client, request, "token")


@pytest.fixture
def address(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The address of the server and the token of `client`; a fake needs none."""
    if request.node.callspec.params["make_client"].startswith("fake"):
        return "", ""
    return request.getfixturevalue("server").url, request.getfixturevalue("token")


@pytest.fixture
def admin(make_client: MakeClient, request: pytest.FixtureRequest) -> Client:
    """A client that may do all."""
    return _made(make_client, request, "admin_token")


def _made(make_client: MakeClient, request: pytest.FixtureRequest, token: str) -> Client:
    if request.node.callspec.params["make_client"].startswith("fake"):
        return make_client()
    return make_client(request.getfixturevalue("server").url, request.getfixturevalue(token))
