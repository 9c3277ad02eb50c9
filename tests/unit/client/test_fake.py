"""The fake does what a server does, or says that it does not know it."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from itertools import islice
from typing import Any

import pytest

from eventsite_client import DeliveryLost, EventsiteError, LeaseLost, NewEvent, TimedOut
from eventsite_client.testing import FakeLog
from eventsite_client.testing.query import NotInFake, matcher
from tests.support.server import CHECKOUT

PAGE = (CHECKOUT / "docs" / "query.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^([✓✗]) (.+)$", PAGE, re.MULTILINE)
UNKNOWN = ("system:", "since:", "until:", "state.", "changed:")


def event_of_page() -> dict[str, Any]:
    text = re.search(r"```json\n(.+?)```", PAGE, re.DOTALL)
    assert text
    event: dict[str, Any] = json.loads(text[1])
    return event


@pytest.mark.parametrize(("mark", "query"), EXAMPLES)
def test_queries_mean_what_they_mean_to_a_server(mark: str, query: str) -> None:
    if any(word in query for word in UNKNOWN):
        with pytest.raises(NotInFake):
            matcher(query)
    else:
        assert matcher(query)(event_of_page()) is (mark == "✓")


@pytest.mark.parametrize("query", ["(", ")", "type:", "a:b:", "(type:A", "data.:1", "nothing:x", '"open', "position:x"])
def test_a_query_that_the_fake_cant_read_is_refused(query: str) -> None:
    with pytest.raises(EventsiteError):
        FakeLog().client().events(query).all()


def test_code_is_tested_without_a_server() -> None:
    log = FakeLog()
    with log.client() as client, client.run("order-42", agent="shipper"):
        client.append("order-42", NewEvent("OrderShipped", {"carrier": "post"}))
    [event] = log.events
    assert (event.type, event.agent, event.correlation_id, event.position) == ("OrderShipped", "shipper", "order-42", 1)


def test_logged_events_are_in_the_log_and_bad_ones_are_not() -> None:
    log = FakeLog()
    with log.client() as client:
        for n in range(100):
            client.log("s", NewEvent("A", n, tags=("twice", "twice") if n == 50 else ()))
        assert not client.flush()
        assert client.logged == (99, 0, 0, 1, 0)
    assert [event.data for event in log.events] == [n for n in range(100) if n != 50]


def test_events_are_followed_and_waited_for() -> None:
    client = FakeLog().client()
    client.append("s", NewEvent("A", 1), NewEvent("B", 2))
    writing = threading.Timer(0.1, client.append, ("s", NewEvent("A", 3)))
    writing.start()
    assert [event.data for event in islice(client.follow("type:A"), 2)] == [1, 3]
    writing.join()
    assert client.wait_for("type:B").position == 2
    with pytest.raises(TimedOut):
        client.wait_for("type:C", timeout=0.05)


async def test_a_client_for_asyncio_waits_without_holding_up_others() -> None:
    log = FakeLog()
    async with log.async_client() as client:
        import asyncio

        waiting = asyncio.create_task(client.wait_for("type:B"))
        await asyncio.sleep(0.02)
        await client.append("s", NewEvent("B"))
        assert (await waiting).position == 1


def test_states_are_the_last_values() -> None:
    client = FakeLog().client()
    client.append("a", NewEvent("A", {"n": 1, "m": 2}), NewEvent("A", {"n": 3}))
    client.append("b", NewEvent("A", {"n": 9}))
    assert client.state("a").value == {"n": 3, "m": 2}
    assert client.state("a", at_version=1).value == {"n": 1, "m": 2}
    assert client.state("b", at_position=2).value == {}
    assert [(state.key, state.value) for state in client.states()] == [("a", {"n": 3, "m": 2}), ("b", {"n": 9})]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/leases"), ("GET", "/projections/counts/state?key=a"), ("GET", "/jobs/1")]
)
def test_what_the_fake_does_not_know_it_says(method: str, path: str) -> None:
    with pytest.raises(EventsiteError) as caught:
        FakeLog().client(timeout=0.1).request(method, path, {} if method == "POST" else None, gives=dict)
    assert caught.value.code == "not-in-fake"


def test_events_are_copies() -> None:
    log = FakeLog()
    log.client().append("s", NewEvent("A", {"n": 1}))
    log.events[0].data["n"] = 2
    assert log.events[0].data == {"n": 1}


def test_a_lease_runs_out_as_time_goes_on() -> None:
    log = FakeLog()
    client = log.client()

    def work() -> None:
        with client.lease(name="van", agent="packer", ttl=60) as lease:
            log.forward(59)
            client.append("s", NewEvent("A"), leases=[lease])
            log.forward(1)
            with pytest.raises(LeaseLost, match="Nobody holds 'name:van' now"):
                client.append("s", NewEvent("B"), leases=[lease])
            with client.lease(name="van", agent="other") as other:
                assert other.held.token > lease.held.token
                with pytest.raises(LeaseLost, match="is held by 'other' now"):
                    client.append("s", NewEvent("B"), leases=[lease])

    work()
    assert [event.type for event in log.events] == ["A"]


@pytest.mark.parametrize("appends", [True, False])
def test_an_event_goes_to_another_consumer_after_its_deadline(appends: bool) -> None:
    log = FakeLog()
    client = log.client()
    packing = client.subscription("packing")
    packing.make("type:OrderPlaced", ack_deadline=30, max_attempts=2)
    client.append("order-1", NewEvent("OrderPlaced"))
    ids = []

    def pack() -> None:
        for work in packing.take():
            with work:
                if appends:
                    work.append(NewEvent("OrderPacked"))
                log.forward(30)

    with pytest.raises(DeliveryLost):
        pack()
    status = packing.status()
    assert (status.retrying, status.ready, log.dead_letters) == (1, 0, [])
    log.forward(1)  # the pause before the second attempt
    assert packing.status().ready == 1
    for work in packing.take(stop_when_idle=0):
        with work:
            ids.append(work.attempt)
            work.append(NewEvent("OrderPacked"))
    assert ids == [2]
    assert [event.type for event in log.events] == ["OrderPlaced", "OrderPacked"]


def test_dead_letters_say_what_went_wrong() -> None:
    log = FakeLog()
    client = log.client()
    mailing = client.subscription("mailing")
    mailing.make("type:MailDue", max_attempts=2)
    client.append("mail-1", NewEvent("MailDue"))
    for seconds in (1, 2):
        for work in mailing.take(stop_when_idle=0):
            with work:
                raise LookupError("no address")
        log.forward(seconds)
    client.append("mail-2", NewEvent("MailDue"))
    for work in mailing.take(stop_when_idle=0):
        with work:
            break
    assert work.event.stream == "mail-2"
    [letter] = log.dead_letters
    assert (letter.subscription, letter.event.stream, letter.attempts) == ("mailing", "mail-1", 2)
    assert (letter.error_type, letter.error) == ("LookupError", "no address")


@pytest.mark.parametrize("setting", [{"breaker": {"failures": 1}}, {"system": True}, {"max_in_flight": 1}])
def test_settings_that_the_fake_does_not_know_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(EventsiteError) as caught:
        FakeLog().client(timeout=0.1).subscription("packing").make("type:A", **setting)
    assert caught.value.code == "not-in-fake"


async def test_a_take_waits_for_an_event_with_asyncio() -> None:
    client = FakeLog().async_client()
    await client.subscription("packing").make("type:A")
    waiting = asyncio.create_task(anext(client.subscription("packing").take()))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    await client.append("s", NewEvent("A"))
    assert (await waiting).event.type == "A"
    await client.aclose()
