"""The playing of a recorded run: it is appended again through the HTTP API at its own pace, to be watched live.

Ids decide whether an event is in a log already, so a run that keeps its ids can be appended only once. Each playing is
therefore new: its streams, workflows and ids carry its name, its events happen now, and their metadata hold the
original id and time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid5

import msgspec
from msgspec import Raw

from events.api.schemas import AppendOut
from events.client import Api
from events.transfer.importers.base import Record
from events.transfer.importers.members import Fields
from events.types import NewEvent

MAX_PAUSE = timedelta(seconds=2)
STEADY_PAUSE = timedelta(seconds=1)
"""The pause between records without times."""

_NAMESPACE = UUID("c1b7f0c4-0a3e-5b9a-9d55-6a8f4d7f20be")


@dataclass(frozen=True, slots=True)
class Playing:
    """One playing of a run. `speed` 10 makes each pause a tenth; `name` tells it apart from all others."""

    name: str
    speed: float

    def named(self, stream: str) -> str:
        """Return the name of a stream or workflow in this playing."""
        return f"{stream}-play-{self.name}"

    async def play(self, records: Sequence[Record], api: Api, *, on_append: Callable[[AppendOut], object]) -> None:
        """Append the records in their order, and call `on_append` for each.

        Raises:
            ClientError: the server refused one, or could not be reached.
        """
        ids = {record.event.id for record in records}
        for record, pause in zip(records, pauses(records), strict=True):
            await asyncio.sleep(pause.total_seconds() / self.speed)
            on_append(await api.append(self.named(record.stream), self._event(record.event, ids)))

    def _event(self, event: NewEvent, run_ids: set[str]) -> dict[str, Any]:
        """Return the event as the API takes it. A cause outside the run keeps its id."""
        cause = event.causation_id
        return {
            "id": self._id(event.id),
            "type": event.type,
            "data": Raw(event.data.encode()),
            "metadata": self._metadata(event),
            "agent": event.agent,
            "schema_version": event.schema_version,
            "correlation_id": self.named(event.correlation_id) if event.correlation_id else None,
            "causation_id": self._id(cause) if cause in run_ids else cause,
            "tags": event.tags,
        }

    def _id(self, id: str | None) -> str:
        return str(uuid5(_NAMESPACE, f"{self.name}/{id}"))

    def _metadata(self, event: NewEvent) -> dict[str, Any]:
        metadata = msgspec.json.decode(event.metadata, type=Fields)
        original = {"id": event.id, "occurred_at": event.occurred_at}
        return {**metadata, "played": {"name": self.name, "speed": self.speed, "was": original}}


def pauses(records: Sequence[Record]) -> Iterator[timedelta]:
    """Yield the pause before each record."""
    times = [datetime.fromisoformat(at) if (at := record.event.occurred_at) else None for record in records]
    if times:
        yield timedelta(0)
    for before, now in pairwise(times):
        if before is None or now is None:
            yield STEADY_PAUSE
        else:
            yield min(max(now - before, timedelta(0)), MAX_PAUSE)
