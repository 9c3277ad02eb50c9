"""The examples of the README work as they are written, on a log of any length."""

from __future__ import annotations

import subprocess
import sys

import pytest

from events.lists import reads as lists
from events.models import Log
from events.reading import store
from tests.support.examples import blocks_of
from tests.support.patience import PATIENCE
from tests.support.running import append
from tests.support.server import Server

SHIPPED = ("order-42", {"type": "OrderShipped", "data": b"{}"})


def test_the_projection_is_the_one_that_is_tested() -> None:
    _, projection = blocks_of("README.md", "python")
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


def run_agent(server: Server, token: str) -> None:
    """Run an example to its end in a process of its own. An example that never ends fails."""
    agent, _ = blocks_of("README.md", "python")
    source = agent.replace("http://127.0.0.1:8000", server.url)
    assert source != agent
    subprocess.run([sys.executable, "-c", f"TOKEN = {token!r}\n{source}"], check=True, timeout=PATIENCE)
