"""Our own JSONL, as `export_events` writes it: an event of the API a line, and what only a restore needs.

The least a line can say is `stream`, `id`, `type` and `data`. What an append asks of a log (`expected_version` and the
like) is no part of it: the ids decide what is there already, and positions are others in another log.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from events.api.decoding import decode_json
from events.api.schemas import StreamEventIn
from events.errors import Invalid
from events.transfer.importers.base import Format, Streamed, by_line
from events.types import NewEvent

Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Position = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Time = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(pattern=r"^[^\x00]*\Z")]


class KeptKey(Struct, forbid_unknown_fields=True):
    """The idempotency key of the append that this event is the first of."""

    name: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*\Z")]
    fingerprint: Hash
    last_position: Position


class KeptRedaction(Struct, forbid_unknown_fields=True):
    """Who emptied this event, when and why."""

    marker_position: Position
    at: Time
    by: Text
    reason: Text


class Kept(Struct, forbid_unknown_fields=True, kw_only=True):
    """What the log keeps of an event beyond what the API shows."""

    digest: Hash
    expected_version: Annotated[int, Meta(ge=-1, le=2**63 - 1)] | None = None
    read_position: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    key: KeptKey | UnsetType = UNSET
    redaction: KeptRedaction | UnsetType = UNSET


class Line(StreamEventIn, forbid_unknown_fields=True, kw_only=True):
    """One line of an export."""

    position: Position | UnsetType = UNSET
    version: Position | UnsetType = UNSET
    recorded_at: Time | UnsetType = UNSET
    restore: Kept | UnsetType = UNSET

    @property
    def redaction(self) -> KeptRedaction | None:
        return None if self.restore is UNSET or self.restore.redaction is UNSET else self.restore.redaction

    def event(self) -> NewEvent:
        """The event, checked. A redacted one keeps the digest of what it said, so it still counts as the same."""
        if self.id is UNSET or self.id is None:
            raise Invalid("id is missing: without it, importing again would append again.", field="id")
        event = self.checked(self.stream, pinned_agent=None, field="event")
        if self.redaction is None or self.restore is UNSET:
            return event
        if (event.data, event.metadata) != ("null", "{}"):
            raise Invalid("The event is redacted, so its data must be null and its metadata {}.", field="event.data")
        return replace(event, digest=bytes.fromhex(self.restore.digest))


def parse(text: bytes) -> Streamed:
    line = decode_json(text, Line, name="line")
    return line.stream, line.event()


FORMAT = Format(name="eventsite", suffixes=(".jsonl", ".ndjson"), read=by_line(parse))
