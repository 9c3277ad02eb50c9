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
from tests.support.examples import blocks_of
from tests.support.patience import PATIENCE
from tests.support.server import CHECKOUT, Server


@pytest.fixture
def token(log: Log) -> str:
    return create_token(log, name="docs", scopes=[Scope.ADMIN])


@pytest.mark.parametrize("page", ["docs/client.md", "client/README.md"])
def test_the_examples_run_one_after_the_other(server: Server, token: str, page: str, tmp_path: Path) -> None:
    source = "\n".join(blocks_of(page, "python"))
    environment = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT / "client"),
        "EVENTSITE_URL": server.url,
        "EVENTSITE_TOKEN": token,
    }
    command = [sys.executable, "-W", "error", "-c", source]
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, timeout=PATIENCE, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
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
