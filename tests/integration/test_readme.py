"""The examples of the README work as they are written, on a log of any length."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from events.access.tokens import create_token
from events.lists import reads as lists
from events.models import DeadLetter, Event, Log, Scope
from events.reading import store
from tests.support.examples import blocks_of
from tests.support.patience import PATIENCE
from tests.support.processes import die_with_parent
from tests.support.running import append, until
from tests.support.server import Server

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
    place = {"type": "OrderPlaced", "data": b'{"sku": "A-7"}'}
    append(log, [("order-1", place), ("team/a #2", place), ("order-3", {**place, "data": b"{}"})])
    source = example(1, server, token)
    with consumer(source), consumer(source.replace("packer-1", "packer-2")):
        until(lambda: len(packed(log)) == 2)
        until(lambda: DeadLetter.objects.filter(log=log).count() == 1)
    append(log, [("order-4", place)])
    with consumer(source):
        until(lambda: len(packed(log)) == 3)
    assert sorted(packed(log)) == [("order-1", "A-7"), ("order-4", "A-7"), ("team/a #2", "A-7")]
    letter = DeadLetter.objects.get(log=log)
    assert (letter.position, letter.attempts, letter.error_type) == (3, 3, "KeyError")


def packed(log: Log) -> list[tuple[str, str]]:
    events = Event.objects.filter(log=log, type="OrderPacked")
    return [(event.stream, json.loads(event.data)["sku"]) for event in events]


@contextmanager
def consumer(source: str) -> Iterator[None]:
    """Run an example that never ends, and kill it at the end of the block."""
    with subprocess.Popen([sys.executable, "-c", source], preexec_fn=die_with_parent()) as process:
        yield
        assert process.poll() is None
        process.kill()


def run_agent(server: Server, token: str) -> None:
    """Run an example to its end in a process of its own. An example that never ends fails."""
    subprocess.run([sys.executable, "-c", example(0, server, token)], check=True, timeout=PATIENCE)


def example(number: int, server: Server, token: str) -> str:
    """Return an example, with the address of a server and a token."""
    agent = blocks_of("README.md", "python")[number]
    source = agent.replace("http://127.0.0.1:8000", server.url)
    assert source != agent
    return f"TOKEN = {token!r}\n{source}"
