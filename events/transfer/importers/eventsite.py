"""Eventsite's own JSONL, as `export_events` writes it: each line is an event of the API, with the fields of a restore.

A line needs at least `stream`, `id`, `type` and `data`. It has no conditions of an append, such as `expected_version`:
the ids decide whether an event is in the log already, and another log has other positions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, Struct, UnsetType

from events.api.decoding import decode_json
from events.api.schemas import StreamEventIn
from events.errors import Invalid
from events.transfer.importers.base import Format, Streamed, by_line
from events.types import NewEvent

Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Salt = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
Position = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Time = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(pattern=r"^[^\x00]*\Z")]


class RestoredKey(Struct, forbid_unknown_fields=True):
    """The idempotency key of an append, which stands at the append's first event.

    A key of which an event was redacted has no fingerprint. Without a salt, the export is from before there were salts.
    """

    name: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*\Z")]
    last_position: Position
    salt: Salt | None = None
    fingerprint: Hash | None = None


class RestoredRedaction(Struct, forbid_unknown_fields=True):
    """The redaction of an event: who emptied it, when and why."""

    marker_position: Position
    at: Time
    by: Text
    reason: Text
    commitment: Hash | None = None


class RestoreFields(Struct, forbid_unknown_fields=True, kw_only=True):
    """The fields of an event that the log keeps and the API does not show.

    Without a salt, the export is from before there were salts, and the digest is that of the content alone.
    """

    salt: Salt | None = None
    digest: Hash | None = None
    expected_version: Annotated[int, Meta(ge=-1, le=2**63 - 1)] | None = None
    read_position: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    key: RestoredKey | UnsetType = UNSET
    redaction: RestoredRedaction | UnsetType = UNSET


class ExportLine(StreamEventIn, forbid_unknown_fields=True, kw_only=True):
    """One line of an export."""

    may_have_any_id: ClassVar[bool] = True

    position: Position | UnsetType = UNSET
    version: Position | UnsetType = UNSET
    recorded_at: Time | UnsetType = UNSET
    restore: RestoreFields | UnsetType = UNSET

    @property
    def redaction(self) -> RestoredRedaction | None:
        return None if self.restore is UNSET or self.restore.redaction is UNSET else self.restore.redaction

    def event(self) -> NewEvent:
        """Return the event, checked."""
        if self.id is UNSET or self.id is None:
            raise Invalid("id is missing: without an id, a second import would append the event again.", field="id")
        event = self.checked(self.stream, pinned_agent=None, field="event")
        if self.redaction and (event.data, event.metadata) != ("null", "{}"):
            raise Invalid("The event is redacted, so its data must be null and its metadata {}.", field="event.data")
        return event


def parse(text: bytes) -> Streamed:
    line = decode_json(text, ExportLine, name="line")
    return line.stream, line.event()


FORMAT = Format(name="eventsite", suffixes=(".jsonl", ".ndjson"), read=by_line(parse))
