"""The examples of the README work as they are written, on a log of any length."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from events.access.tokens import create_token
from events.lists import reads as lists
from events.models import DeadLetter, Delivery, DeliveryState, Event, FailedAttempt, Log, Scope
from events.reading import store
from tests.support.examples import blocks_of
from tests.support.middleman import Middleman
from tests.support.patience import PATIENCE
from tests.support.processes import die_with_parent
from tests.support.running import append, until
from tests.support.server import CHECKOUT, Server
from tests.support.subscriptions import expire

PLACED = {"type": "OrderPlaced", "data": b'{"sku": "A-7"}'}
WITH_CLIENT = {**os.environ, "PYTHONPATH": str(CHECKOUT / "client")}
APPEND = "/api/streams/order-1/events"
SHIPPED = ("order-42", {"type": "OrderShipped", "data": b"{}"})


def test_the_projection_is_the_one_that_is_tested() -> None:
    _, _, projection = blocks_of("README.md", "python")
    assert projection == blocks_of("docs/projections.md", "python")[0]


@pytest.mark.parametrize("before", [0, 1, 999, 1_000, 1_001, 2_500])
def test_the_agent_ships_an_order_of_any_length_once(server: Server, log: Log, token: str, before: int) -> None:
    append(log, [("order-42", {"type": "Changed", "data": b"{}"})] * before)
    for _ in range(2):
        run_agent(server, token)
    events = store.stream_events(log.pk, "order-42", from_version=before + 1, limit=10).fetch()
    assert [(event.type, event.agent, event.version, event.expected_version) for event in events] == [
        ("OrderShipped", "shipper", before + 1, before)
    ]
    assert [event.read_position for event in events] == [before]


@pytest.mark.parametrize("place", [0, 999, 1_500])
def test_the_agent_ships_no_order_that_was_shipped_long_ago(server: Server, log: Log, token: str, place: int) -> None:
    others = [("order-42", {"type": "Changed", "data": b"{}"})] * 2_000
    append(log, [*others[:place], SHIPPED, *others[place:]])
    run_agent(server, token)
    [stream] = lists.stream(log.pk, "order-42").fetch()
    assert stream.version == 2_001


def test_the_consumer_packs_each_order_once_and_one_that_cant_be_packed_is_a_dead_letter(
    server: Server, log: Log
) -> None:
    token = create_token(log, name="packer", scopes=[Scope.ADMIN])
    append(log, [("order-1", PLACED), ("team/a #2", PLACED), ("order-3", {**PLACED, "data": b"{}"})])
    source = example(1, server, token)
    with consumer(source), consumer(source):
        until(lambda: len(packed(log)) == 2)
        until(lambda: DeadLetter.objects.filter(log=log).count() == 1)
    append(log, [("order-4", PLACED)])
    with consumer(source):
        until(lambda: len(packed(log)) == 3)
    assert sorted(packed(log)) == [("order-1", "A-7"), ("order-4", "A-7"), ("team/a #2", "A-7")]
    letter = DeadLetter.objects.get(log=log)
    assert (letter.position, letter.attempts, letter.error_type) == (3, 3, "KeyError")


def test_a_consumer_that_is_killed_keeps_nothing_from_the_next_one_but_what_it_had_in_hand(
    server: Server, log: Log
) -> None:
    token = create_token(log, name="packer", scopes=[Scope.ADMIN])
    append(log, [(f"order-{number}", PLACED) for number in range(1, 5)])
    with Middleman(server.url) as middleman:
        source = example(1, middleman, token)
        with process(source) as killed:
            middleman.victim, middleman.kill = killed, (3, "after")  # it has made the subscription, read it, and taken
            assert killed.wait(PATIENCE) == -signal.SIGKILL
        middleman.victim = None
        with consumer(source):
            until(lambda: len(packed(log)) == 3)
            [in_hand] = Delivery.objects.filter(log=log)
            assert (in_hand.position, in_hand.attempt) == (1, 1)
            expire(log)
            until(lambda: len(packed(log)) == 4)
    assert len(set(packed(log))) == 4


@pytest.mark.parametrize(
    ("begin", "name", "end"),
    [("agents/packer/pause", {}, "agents/packer/resume"), ("workflows/pause", {"id": "w"}, "workflows/unpause")],
)
def test_a_consumer_that_is_paused_gives_its_order_back_and_has_not_failed(
    server: Server, log: Log, begin: str, name: dict[str, str], end: str
) -> None:
    token = create_token(log, name="packer", scopes=[Scope.ADMIN])
    append(log, [("order-1", {**PLACED, "correlation_id": "w"})])

    def decide(path: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        body = {**name, "reason": "the press is dirty"}
        httpx2.post(f"{server.url}/api/{path}", json=body, headers=headers).raise_for_status()

    class Pausing(Middleman):
        """Pauses the consumer between its take and its append."""

        def answer(self, method: str, path: str, headers: Any, body: bytes) -> httpx2.Response | None:
            if path == APPEND and path not in self.requests:
                decide(begin)
            return super().answer(method, path, headers, body)

    with Pausing(server.url) as middleman, consumer(example(1, middleman, token)):
        until(lambda: "/api/subscriptions/packing/settle" in middleman.requests)
        until(lambda: not Delivery.objects.filter(log=log, state=DeliveryState.IN_FLIGHT).exists())
        assert not packed(log)
        decide(end)
        until(lambda: len(packed(log)) == 1)
    assert not DeadLetter.objects.filter(log=log).exists()
    assert not FailedAttempt.objects.filter(log=log).exists()


def packed(log: Log) -> list[tuple[str, str]]:
    events = Event.objects.filter(log=log, type="OrderPacked")
    return [(event.stream, json.loads(event.data)["sku"]) for event in events]


@contextmanager
def consumer(source: str) -> Iterator[None]:
    """Run an example that never ends, and kill it at the end of the block."""
    with process(source) as started:
        try:
            yield
            assert started.poll() is None
        finally:
            started.kill()


def process(source: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", source], env=WITH_CLIENT, preexec_fn=die_with_parent())


def run_agent(server: Server, token: str) -> None:
    """Run an example to its end in a process of its own. An example that never ends fails."""
    source = example(0, server, token)
    subprocess.run([sys.executable, "-c", source], env=WITH_CLIENT, check=True, timeout=PATIENCE)


def example(number: int, server: Server | Middleman, token: str) -> str:
    """Return an example, in whose environment are the address of a server and a token."""
    variables = {"EVENTSITE_URL": server.url, "EVENTSITE_TOKEN": token}
    return f"import os\nos.environ |= {variables!r}\n{blocks_of('README.md', 'python')[number]}"
