"""The events that adapters recorded, as tests look at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from eventsite_client import Client, Event, NewEvent


class Recorder:
    """A client that keeps the events that it is given."""

    def __init__(self) -> None:
        self.events: list[NewEvent] = []
        self.streams: list[str] = []

    def log(self, stream: str, *events: NewEvent) -> None:
        self.streams += [stream] * len(events)
        self.events += events

    @property
    def client(self) -> Client:
        return cast("Client", self)


def lines(events: Sequence[NewEvent | Event]) -> list[str]:
    """Each event in a line: its number, those of its causes, type, agent, and what it is about."""
    numbers = {event.id: number for number, event in enumerate(events)}
    rows = []
    for number, event in enumerate(events):
        causes = [event.causation_id, *event.metadata.get("links", ())] if event.causation_id else []
        cause = f"<{','.join(str(numbers[cause]) for cause in causes)}" if causes else "-"
        data = event.data
        asked = ",".join(call["name"] for call in data.get("tool_calls", ()))
        about = data.get("name") or data.get("target") or asked or ("text" if data.get("content") else "")
        rows.append(f"{number:2} {cause} {event.type} {event.agent or '-'} {about}".rstrip())
    return rows
