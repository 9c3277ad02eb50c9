"""A lease has one holder, who learns when it is lost."""

from __future__ import annotations

import threading
import time

import pytest

from events.access.tokens import create_token
from events.models import Lease as LeaseRow
from events.models import Log, Scope
from eventsite_client import Client, LeaseHeld, LeaseLost, NewEvent
from tests.support.server import Server
from tests.support.twins import MakeClient

EVENT = NewEvent("Packed")


@pytest.fixture
def token(log: Log) -> str:
    return create_token(log, name="holder", scopes=[Scope.ADMIN])


def end(client: Client, lease: str) -> None:
    """A supervisor ends a lease."""
    client.request("POST", "/leases/release", {"lease": lease, "reason": "it hangs"}, gives=dict)


def test_a_lease_is_held_while_its_block_lasts(client: Client, log: Log) -> None:
    with client.lease(workflow="run-7", agent="packer") as lease:
        assert client.append("s", EVENT, leases=[lease]).version == 1
        lease.check()
        with pytest.raises(LeaseHeld) as caught, client.lease(workflow="run-7", agent="other"):
            pass
        assert caught.value.members["holder"] == "packer"
    assert not LeaseRow.objects.filter(log=log).exists()
    with client.run(agent="other"), client.lease(workflow="run-7") as second:
        assert second.held.token > lease.held.token


def test_a_lease_may_be_taken_again(client: Client) -> None:
    van = client.lease(name="van", agent="packer")
    with van:
        first = van.held
    with van:
        assert van.held.token > first.token
        client.append("s", EVENT, leases=[van])


def test_a_lease_is_renewed(client: Client) -> None:
    with client.lease(name="van", agent="packer", ttl=1) as lease:
        time.sleep(2.5)
        assert not lease.is_lost
        client.append("s", EVENT, leases=[lease])


def test_a_lease_that_is_lost_raises_at_the_end_and_before_an_append(client: Client) -> None:
    def work() -> None:
        with client.lease(stream="s", agent="packer", ttl=1) as lease:
            end(client, "stream:s")
            with pytest.raises(LeaseLost):
                client.append("s", EVENT, leases=[lease])
            while not lease.is_lost:
                time.sleep(0.05)
            with pytest.raises(LeaseLost, match="stream:s"):
                lease.check()

    with pytest.raises(LeaseLost, match="before its block had ended"):
        work()


def test_an_error_of_the_block_goes_before_the_loss(client: Client, log: Log) -> None:
    def work() -> None:
        with client.lease(name="van", agent="packer"):
            end(client, "name:van")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert not LeaseRow.objects.filter(log=log).exists()


def test_a_lease_of_another_is_waited_for(client: Client, make_client: MakeClient, server: Server, token: str) -> None:
    other = make_client(server.url, token)
    begun = threading.Event()

    def hold() -> None:
        with other.lease(name="van", agent="first"):
            begun.set()
            time.sleep(1)

    holding = threading.Thread(target=hold)
    holding.start()
    begun.wait()
    with client.lease(name="van", agent="second", wait=30) as lease:
        assert not lease.is_lost
    holding.join()


def test_a_server_that_is_away_for_too_long_takes_the_lease(client: Client, server: Server) -> None:
    def work() -> None:
        with client.lease(name="van", agent="packer", ttl=1) as lease:
            server.kill()
            time.sleep(1.1)
            assert lease.is_lost
            server.start()

    with pytest.raises(LeaseLost):
        work()


def test_a_lease_is_for_one_thing_and_one_holder(client: Client) -> None:
    with pytest.raises(ValueError, match="one of"):
        client.lease(agent="packer")
    with pytest.raises(ValueError, match="one of"):
        client.lease(agent="packer", stream="s", name="s")
    with pytest.raises(ValueError, match="3600"):
        client.lease(agent="packer", stream="s", ttl=0)
    with pytest.raises(ValueError, match="holder"), client.lease(stream="s"):
        pass
    with pytest.raises(RuntimeError, match="context manager"):
        _ = client.lease(stream="s", agent="packer").held
