"""The code of docs/agents.md, and what its agents append."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from events.models import Log
from events.reading import store
from events.types import Event
from tests.support.examples import blocks_of

BLOCKS = blocks_of("docs/agents.md", "python")

Agent = dict[str, Any]

Load = Callable[[], Agent]


def source(token: str, url: str) -> str:
    """The page's blocks of code, in order, with the addresses of a server and a gateway."""
    text = f"TOKEN = {token!r}\n" + "\n".join(BLOCKS)
    for address in ("http://127.0.0.1:8000", "https://pay.example"):
        assert address in text
        text = text.replace(address, url)
    return text


def events_of(log: Log, stream: str) -> list[Event]:
    return store.stream_events(log.pk, stream, limit=10_000).fetch()
