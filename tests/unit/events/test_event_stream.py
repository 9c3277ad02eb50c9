"""An event stream searches again if a redaction comes between a search and its delivery."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from events import engine
from events.api import event_stream
from events.query.parse import parse
from events.reading import scan
from events.reading.scan import SearchResult
from tests.support.read_events import make_event


@dataclass
class Client:
    """A client; before its first event, an event is redacted."""

    follower: Any
    sent: list[bytes] = field(default_factory=list)
    has_room: bool = False

    async def send(self, piece: bytes) -> None:
        if not piece and not self.has_room:
            self.follower.redacted_at, self.has_room = 9, True
        elif piece:
            self.sent.append(piece)


async def test_a_search_from_before_a_redaction_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    follower: Any = SimpleNamespace(position=0, redacted_at=0)
    client = Client(follower)
    begins: list[int] = []

    def search(log_id: int, query: Any, *, after: int, **options: Any) -> Any:
        begins.append(after)

        async def afetch(pool: Any) -> SearchResult:
            return SearchResult((make_event(type="Rare", position=7),), 10_000_000, at_end=True, complete=True)

        return SimpleNamespace(afetch=afetch)

    monkeypatch.setattr(scan, "search_events", search)
    monkeypatch.setattr(engine, "current", lambda: SimpleNamespace(pool=None))
    sender = event_stream._Sender(client, event_stream.Selection.of(parse("type:Rare"), "stored"), follower)
    await sender.search(1)
    assert begins == [0, 0]
    assert len(client.sent) == 1
    assert follower.position == 10_000_000
