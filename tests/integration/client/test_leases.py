"""A lease is renewed in time, and lost if that can't be. `test_leases_everywhere.py` has what the fake does, too."""

from __future__ import annotations

import time

import pytest

from events.access.tokens import create_token
from events.models import Log, Scope
from eventsite_client import Client, LeaseLost, NewEvent
from tests.support.server import Server

EVENT = NewEvent("Packed")


@pytest.fixture
def token(log: Log) -> str:
    return create_token(log, name="holder", scopes=[Scope.ADMIN])


def test_a_lease_is_renewed(client: Client) -> None:
    with client.lease(name="van", agent="packer", ttl=1) as lease:
        time.sleep(2.5)
        assert not lease.is_lost
        client.append("s", EVENT, leases=[lease])


def test_a_server_that_is_away_for_too_long_takes_the_lease(client: Client, server: Server) -> None:
    def work() -> None:
        with client.lease(name="van", agent="packer", ttl=1) as lease:
            server.kill()
            time.sleep(1.1)
            assert lease.is_lost
            server.start()

    with pytest.raises(LeaseLost):
        work()
