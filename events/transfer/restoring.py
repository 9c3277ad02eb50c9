"""The restore of an export into an empty log, exact to positions, versions, times, salts, tags, keys and redactions.

A restore is one transaction, so one that fails leaves the log empty. The export is checked as if it came from a
stranger: names and payloads, that positions and versions have no gap, that times don't go back, and that every digest
fits its event. An export from before there were salts gets new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import F
from msgspec import UNSET

from events import sql
from events.api.decoding import decode_json
from events.appending.checks import check_stream
from events.appending.flush import join, join_nullable, join_tags
from events.commitment import new_salts, salted
from events.errors import EventsError, Invalid
from events.models import AppendKey, LogHead, Redaction
from events.transfer.importers.base import Broken, Item, Record, SourceFile, check_line, line_max_bytes, read_files
from events.transfer.importers.eventsite import ExportLine, RestoredKey, RestoredRedaction, RestoreFields
from events.types import NewEvent

_CHUNK_EVENTS = 1_000
_CHUNK_BYTES = 4 * 2**20


class RestoreFailed(EventsError):
    """Nothing was restored."""


@dataclass(frozen=True, slots=True)
class Restored(Record):
    """A record of an export, with its place in the log and its additional fields."""

    position: int
    version: int
    recorded_at: str
    salt: bytes | None
    digest: bytes | None
    fields: RestoreFields

    @property
    def redaction(self) -> RestoredRedaction | None:
        return None if self.fields.redaction is UNSET else self.fields.redaction


def restore(log_id: int, paths: Sequence[Path], *, progress: Callable[[int], object]) -> int:
    """Restore an export, whole or in parts that follow each other, and return the log's head.

    Raises:
        RestoreFailed: nothing was restored; the message names the line and the reason.
    """
    head = 0
    redactions: list[Redaction] = []
    with transaction.atomic(durable=True):
        if LogHead.objects.values_list("head", flat=True).get(log=log_id):
            raise RestoreFailed("The log has events already; only an empty log can be restored.")
        for chunk in _chunks(read_files(paths, _read, progress=progress)):
            _restore_chunk(log_id, chunk, head=head)
            head = chunk[-1].position
            redactions += [_redaction(log_id, record) for record in chunk if record.redaction]
        if not head:
            raise RestoreFailed("The export has no events.")
        _finish(log_id, head, redactions)
    return head


def _chunks(items: Iterator[Item]) -> Iterator[list[Restored]]:
    chunk: list[Restored] = []
    size = 0
    for item in items:
        if not isinstance(item, Restored):
            raise RestoreFailed(f"{item.where}: {item.reason if isinstance(item, Broken) else 'no restorable line'}")
        chunk.append(item)
        size += len(item.event.data) + len(item.event.metadata)
        if len(chunk) >= _CHUNK_EVENTS or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _read(source: SourceFile) -> Iterator[Item]:
    max_bytes = line_max_bytes()
    for number, text in source.lines(max_bytes):
        where = source.at(number)
        try:
            yield _restored(where, decode_json(check_line(text, max_bytes), ExportLine, name="line"))
        except EventsError as error:
            yield Broken(where, error.detail)


def _restored(where: str, line: ExportLine) -> Restored:
    if line.position is UNSET or line.version is UNSET or line.recorded_at is UNSET or line.restore is UNSET:
        raise Invalid("The line has no position, version, recorded_at or restore: it is not a line of an export.")
    event = line.event()
    salt, digest = (None, None) if line.redaction else _salted_digest(event, line.restore)
    return Restored(
        where=where,
        stream=check_stream(line.stream),
        event=event,
        position=line.position,
        version=line.version,
        recorded_at=line.recorded_at.isoformat(),
        salt=salt,
        digest=digest,
        fields=line.restore,
    )


def _salted_digest(event: NewEvent, fields: RestoreFields) -> tuple[bytes, bytes]:
    """Return the salt and the salted digest of an event that was not redacted."""
    salt = None if fields.salt is None else bytes.fromhex(fields.salt)
    digest = event.digest if salt is None else salted(salt, event.digest)
    if digest.hex() != fields.digest:
        raise Invalid("The event was changed: its digest is different.", field="restore.digest")
    return (salt, digest) if salt is not None else _newly_salted(digest)


def _newly_salted(digest: bytes) -> tuple[bytes, bytes]:
    [salt] = new_salts(1)
    return salt, salted(salt, digest)


def _restore_chunk(log_id: int, chunk: list[Restored], *, head: int) -> None:
    for place, record in enumerate(chunk, head + 1):
        if record.position != place:
            raise RestoreFailed(f"{record.where}: the next position should be {place}, not {record.position}.")
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.RESTORE, {"p_log": log_id, "p_first": head + 1, **_columns(chunk), **_keys(chunk)})
    except (IntegrityError, DataError) as error:
        raise RestoreFailed(f"From {chunk[0].where} to {chunk[-1].where}: {error}") from None


def _columns(chunk: list[Restored]) -> dict[str, str]:
    """Return the events as parameters of `restore_events()`."""
    events: list[NewEvent] = [record.event for record in chunk]
    return {
        "e_stream": join([record.stream for record in chunk]),
        "e_version": join([str(record.version) for record in chunk]),
        "e_id": join([event.id for event in events]),
        "e_type": join([event.type for event in events]),
        "e_data": join([event.data for event in events]),
        "e_metadata": join([event.metadata for event in events]),
        "e_agent": join_nullable([event.agent for event in events]),
        "e_schema_version": join([str(event.schema_version) for event in events]),
        "e_correlation_id": join_nullable([event.correlation_id for event in events]),
        "e_causation_id": join_nullable([event.causation_id for event in events]),
        "e_occurred_at": join_nullable([event.occurred_at for event in events]),
        "e_recorded_at": join([record.recorded_at for record in chunk]),
        "e_expected_version": join_nullable([record.fields.expected_version for record in chunk]),
        "e_read_position": join_nullable([record.fields.read_position for record in chunk]),
        "e_salt": join_nullable([record.salt and record.salt.hex() for record in chunk]),
        "e_digest": join_nullable([record.digest and record.digest.hex() for record in chunk]),
        "e_tags": join_nullable([join_tags(event.tags) or None for event in events]),
    }


def _keys(chunk: list[Restored]) -> dict[str, str]:
    keys = [(record.position, record.fields.key) for record in chunk if record.fields.key is not UNSET]
    fingerprints = [_fingerprint(key) for _, key in keys]
    return {
        "k_key": join([key.name for _, key in keys]),
        "k_salt": join_nullable([salt for salt, _ in fingerprints]),
        "k_fingerprint": join_nullable([fingerprint for _, fingerprint in fingerprints]),
        "k_first": join([str(first) for first, _ in keys]),
        "k_last": join([str(key.last_position) for _, key in keys]),
    }


def _fingerprint(key: RestoredKey) -> tuple[str | None, str | None]:
    """Return the salt and the fingerprint of a key, in hexadecimal."""
    if key.fingerprint is None or key.salt is not None:
        return key.salt, key.fingerprint
    salt, fingerprint = _newly_salted(bytes.fromhex(key.fingerprint))
    return salt.hex(), fingerprint.hex()


def _redaction(log_id: int, record: Restored) -> Redaction:
    assert record.redaction
    return Redaction(
        log_id=log_id,
        position=record.position,
        marker_position=record.redaction.marker_position,
        redacted_at=record.redaction.at,
        redacted_by=record.redaction.by,
        reason=record.redaction.reason,
        commitment=None if record.redaction.commitment is None else bytes.fromhex(record.redaction.commitment),
    )


def _finish(log_id: int, head: int, redactions: list[Redaction]) -> None:
    """Add the redactions and the pauses, and check the keys: they point to later events, so they come last."""
    try:
        Redaction.objects.bulk_create(redactions)
        with connection.cursor() as cursor:
            cursor.execute(sql.FORGET_FINGERPRINTS, {"log_id": log_id})
            cursor.execute(sql.RESTORE_PAUSES, {"p_log": log_id})
    except (IntegrityError, DataError) as error:
        raise RestoreFailed(f"A redaction: {error}") from None
    if AppendKey.objects.filter(log_id=log_id).exclude(last_position__range=(F("first_position"), head)).exists():
        raise RestoreFailed("The last append is not complete: a part of the export is missing.")
