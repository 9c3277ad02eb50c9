"""A log as JSONL: an event of the API a line, and beside it what a restore needs to make the same log again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import Q

from events import sql
from events.api.responses import event_json, iso
from events.models import AppendKey, Log, Redaction
from events.models import Event as EventRow
from events.query.orm import where
from events.query.tree import EVERYTHING, Query
from events.types import Event

_FIELDS = Event.__struct_fields__
_CHUNK = 200
"""Rows a fetch: with data and metadata at their limit of 1 MiB, 400 MiB."""
_NEVER = 2**63
"""Behind all positions."""


def export(
    log_id: int, write: Callable[[bytes], object], *, query: Query = EVERYTHING, start: Callable[[int], object]
) -> Iterator[int]:
    """Write every event that fits, up to the head of this moment, and yield each position written.

    `start` is told the head first. All is read in one snapshot: what is appended or redacted meanwhile
    is not in it, or not half. The query's times must be pinned.

    Raises:
        NotForEvents: it asks about a state.
    """
    condition = where(query)
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(sql.SNAPSHOT)
        start(Log.objects.values_list("head", flat=True).get(id=log_id))
        keys = _by_position(_keys(log_id))
        redactions = _by_position(_redactions(log_id))
        for event, kept in _events(log_id, condition):
            kept |= keys(event.position) | redactions(event.position)
            write(_line(event, kept))
            yield event.position


def _line(event: Event, kept: dict[str, Any]) -> bytes:
    restore = orjson.dumps({name: value for name, value in kept.items() if value is not None})
    # A new line in a payload as it was sent can only be white space between its tokens.
    return b'%b,"restore":%b}\n' % (event_json(event)[:-1].replace(b"\n", b" "), restore)


def _events(log_id: int, condition: Q) -> Iterator[tuple[Event, dict[str, Any]]]:
    rows = EventRow.objects.filter(condition, log_id=log_id).order_by("position")
    for *values, digest in rows.values_list(*_FIELDS, "digest").iterator(chunk_size=_CHUNK):
        event = Event(*values)
        yield (
            event,
            {
                "digest": bytes(digest).hex(),
                "expected_version": event.expected_version,
                "read_position": event.read_position,
            },
        )


def _keys(log_id: int) -> Iterator[tuple[int, dict[str, Any]]]:
    rows = AppendKey.objects.filter(log_id=log_id).order_by("first_position")
    for first, last, key, fingerprint in rows.values_list(
        "first_position", "last_position", "key", "fingerprint"
    ).iterator(chunk_size=_CHUNK):
        yield first, {"key": {"name": key, "fingerprint": bytes(fingerprint).hex(), "last_position": last}}


def _redactions(log_id: int) -> Iterator[tuple[int, dict[str, Any]]]:
    for row in Redaction.objects.filter(log_id=log_id).order_by("position").iterator(chunk_size=_CHUNK):
        said = {"by": row.redacted_by, "reason": row.reason}
        yield (
            row.position,
            {"redaction": {"marker_position": row.marker_position, "at": iso(row.redacted_at), **said}},
        )


def _by_position(rows: Iterator[tuple[int, dict[str, Any]]]) -> Callable[[int], dict[str, Any]]:
    """Look up rows that come in order of position, asked for in that order, without holding them all."""
    position, row = 0, dict[str, Any]()

    def at(wanted: int) -> dict[str, Any]:
        nonlocal position, row
        while position < wanted:
            position, row = next(rows, (_NEVER, {}))
        return row if position == wanted else {}

    return at
