"""Programs that log with the client, in processes of their own, and what they have logged."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

from eventsite_client import Client
from tests.support.processes import die_with_parent
from tests.support.server import CHECKOUT


def numbers(client: Client) -> list[int]:
    """Return the data of all events, which are numbers."""
    return [event.data for event in client.events()]


def start(program: str, server_url: str, token: str, **variables: str) -> subprocess.Popen[str]:
    """Start a program that has a `Client` and `NewEvent` at hand."""
    source = "import os\nfrom eventsite_client import Client, NewEvent\n" + textwrap.dedent(program)
    environment = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT / "client"),
        "EVENTSITE_URL": server_url,
        "EVENTSITE_TOKEN": token,
        **variables,
    }
    return subprocess.Popen(
        [sys.executable, "-c", source],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent(),
    )
