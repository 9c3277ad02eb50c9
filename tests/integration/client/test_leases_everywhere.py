"""A lease has one holder, who learns when it is lost: with both clients, and with the fake."""

from __future__ import annotations

import threading
import time

import pytest

from eventsite_client import Client, LeaseHeld, LeaseLost, NewEvent
from tests.support.patience import PATIENCE
from tests.support.twins import EVERYWHERE

pytestmark = EVERYWHERE

EVENT = NewEvent("Packed")


def end(client: Client, lease: str) -> None:
    """A supervisor ends a lease."""
    client.request("POST", "/leases/release", {"lease": lease, "reason": "it hangs"})


def test_a_lease_is_held_while_its_block_lasts(admin: Client) -> None:
    with admin.lease(workflow="run-7", agent="packer") as lease:
        assert admin.append("s", EVENT, leases=[lease]).version == 1
        lease.check()
        with pytest.raises(LeaseHeld) as caught, admin.lease(workflow="run-7", agent="other"):
            pass
        assert (caught.value.members["lease"], caught.value.members["holder"]) == ("workflow:run-7", "packer")
        with admin.lease(name="run-7", agent="other") as other:  # another kind of name
            assert other.held.lease == "name:run-7"
    with admin.run(agent="other"), admin.lease(workflow="run-7") as second:
        assert second.held.token > lease.held.token
        with pytest.raises(LeaseLost) as lost:
            admin.append("s", EVENT, leases=[lease])
    assert (lost.value.members["lease"], lost.value.members["holder"]) == ("workflow:run-7", "other")
    assert lost.value.ids


def test_several_streams_are_written_with_a_lease_or_not_at_all(admin: Client) -> None:
    with admin.lease(name="van", agent="packer") as lease:
        for attempt in admin.decide("a", leases=[lease]):
            with attempt as decision:
                decision.append(EVENT)
                decision.append(EVENT, stream="b")
        end(admin, "name:van")
        with pytest.raises(LeaseLost):
            admin.decide("a", leases=[lease]).call(lambda decision: decision.append(EVENT))
        lease._has_lost = True
        with pytest.raises(LeaseLost, match="name:van"):
            lease.check()
        lease._has_lost = False
    assert len(admin.events("type:Packed").all()) == 2


def test_a_lease_may_be_taken_again(admin: Client) -> None:
    van = admin.lease(name="van", agent="packer")
    with van:
        first = van.held
    with van:
        assert van.held.token > first.token
        admin.append("s", EVENT, leases=[van])


def test_a_lease_that_is_lost_raises_at_the_end_and_before_an_append(admin: Client) -> None:
    def work() -> None:
        with admin.lease(stream="s", agent="packer", ttl=1) as lease:
            end(admin, "stream:s")
            with pytest.raises(LeaseLost):
                admin.append("s", EVENT, leases=[lease])
            deadline = time.monotonic() + PATIENCE
            while not lease.is_lost:
                assert time.monotonic() < deadline
                time.sleep(0.02)

    with pytest.raises(LeaseLost, match="before its block had ended"):
        work()


def test_an_error_of_the_block_goes_before_the_loss(admin: Client) -> None:
    def work() -> None:
        with admin.lease(name="van", agent="packer"):
            end(admin, "name:van")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()


def test_a_lease_of_another_is_waited_for(admin: Client) -> None:
    waits = threading.Event()

    def hold() -> None:
        with admin.lease(name="van", agent="first"):
            begun.set()
            waits.wait(PATIENCE)

    begun = threading.Event()
    holding = threading.Thread(target=hold)
    holding.start()
    begun.wait(PATIENCE)
    threading.Timer(0.1, waits.set).start()
    with admin.lease(name="van", agent="second", wait=PATIENCE) as lease:
        assert (lease.is_lost, waits.is_set()) == (False, True)
    holding.join()


def test_a_lease_is_for_one_thing_and_one_holder(admin: Client) -> None:
    with pytest.raises(ValueError, match="one of"):
        admin.lease(agent="packer")
    with pytest.raises(ValueError, match="one of"):
        admin.lease(agent="packer", stream="s", name="s")
    with pytest.raises(ValueError, match="3600"):
        admin.lease(agent="packer", stream="s", ttl=0)
    with pytest.raises(ValueError, match="holder"), admin.lease(stream="s"):
        pass
    with pytest.raises(RuntimeError, match="context manager"):
        _ = admin.lease(stream="s", agent="packer").held
