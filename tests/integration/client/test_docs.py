"""The examples of the client's documentation run, each page from its first line to its last."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from events.access.tokens import create_token
from events.models import Log, Scope
from eventsite_client import Client
from tests.support.examples import blocks_in, blocks_of, section_of
from tests.support.patience import PATIENCE
from tests.support.server import CHECKOUT, Server


@pytest.fixture
def token(log: Log) -> str:
    return create_token(log, name="docs", scopes=[Scope.ADMIN])


def run(blocks: list[str], server: Server, token: str, cwd: Path) -> None:
    """Run the blocks of a page, one after the other."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT / "client"),
        "EVENTSITE_URL": server.url,
        "EVENTSITE_TOKEN": token,
    }
    command = [sys.executable, "-W", "error", "-c", "\n".join(blocks)]
    done = subprocess.run(
        command, cwd=cwd, env=environment, timeout=PATIENCE, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_agent_and_the_consumer_of_the_page_that_connects(server: Server, token: str, tmp_path: Path) -> None:
    run(blocks_in(section_of("docs/connect.md", "The Python client"), "python"), server, token, tmp_path)
    with Client(server.url, token) as client:
        events = client.events("correlation:order-43").all()
    assert [(event.type, event.agent) for event in events] == [("OrderPlaced", "router"), ("OrderPacked", "packer")]
    assert events[1].causation_id == events[0].id


@pytest.mark.parametrize("page", ["docs/client.md", "client/README.md"])
def test_the_examples_run_one_after_the_other(server: Server, token: str, page: str, tmp_path: Path) -> None:
    run(blocks_of(page, "python"), server, token, tmp_path)
    with Client(server.url, token) as client:
        types = [event.type for event in client.stream_events("order-42")]
        packed = [
            (event.agent, event.correlation_id, event.causation_id)
            for event in client.events("type:OrderPacked -has:data.sku")
        ]
        placed = [event.id for event in client.events("type:OrderPlaced stream:order-1004")]
    assert types.count("OrderShipped") == 1
    assert types[0] == "OrderPlaced"
    assert packed == [("packer", "order-1004", id) for id in placed]
