"""Events for the built-in projections: short to write, with every field that evidence may stand in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from events.transfer.importers import FORMATS
from events.transfer.importers.base import Record, find, read_files
from events.types import Event
from projections.definition.fold import fold
from projections.definition.projection import Projection, decode
from projections.values.exact_json import dumps

START = datetime(2026, 1, 1, tzinfo=UTC)
FOLDERS = {
    "who-and-when": "who-and-when",
    "tau-bench": "tau-bench",
    "openhands": "openhands",
    "github-archive": "github-archive-pinot",
}
"""The folder of real data of each format."""


class History:
    """Events of one log. Each event gets the next position and the next version of its stream."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.versions: dict[str, int] = {}

    def say(self, type: str, data: Any = None, *, stream: str = "s", text: str | None = None, **fields: Any) -> Event:
        """Append an event, its data as a value or as `text`.

        Its id is its position; its time is a second after the last.
        """
        position = len(self.events) + 1
        self.versions[stream] = self.versions.get(stream, 0) + 1
        event = Event(
            position=position,
            stream=stream,
            version=self.versions[stream],
            type=type,
            data=dumps({} if data is None else data) if text is None else text,
            **{
                "id": str(position),
                "metadata": "{}",
                "agent": None,
                "schema_version": 1,
                "correlation_id": None,
                "causation_id": None,
                "occurred_at": None,
                "recorded_at": START + timedelta(seconds=position),
                **fields,
            },
        )
        self.events.append(event)
        return event

    def folded(self, projection: Projection, *, stream: str | None = None) -> Any:
        """The state of all events, or of the events of one stream."""
        return folded(projection, (event for event in self.events if stream in (None, event.stream)))


def folded(projection: Projection, events: Iterable[Event]) -> Any:
    return fold(projection, map(decode, events), projection.initial)


def by_key(projection: Projection, events: Iterable[Event]) -> dict[str, Any]:
    """The state of each key, as the runner stores them."""
    states: dict[str, Any] = {}
    for happened in map(decode, events):
        if projection.reads(happened.event):
            for key in projection.key.keys(happened):
                states[key] = projection.reduce(states.get(key, projection.initial), happened)
    return states


def imported_events(data: Path, format: str, folder: str) -> list[Event]:
    """The events of real files, as if they had been imported into an empty log."""
    history = History()
    for item in read_files(
        find([data / folder], FORMATS[format].suffixes), FORMATS[format].read, progress=lambda n: None
    ):
        assert isinstance(item, Record), item
        new = item.event
        fields = {"agent", "correlation_id", "causation_id", "metadata", "id", "schema_version"}
        at = None if new.occurred_at is None else datetime.fromisoformat(new.occurred_at)
        history.say(
            new.type,
            stream=item.stream,
            text=new.data,
            occurred_at=at,
            **{name: getattr(new, name) for name in fields},
        )
    return history.events
