"""The export of a log as JSONL: each line is an event of the API, with the additional fields that a restore needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import Q

from events import sql
from events.api.responses import event_json, iso
from events.models import AppendKey, LogHead, Redaction
from events.models import Event as EventRow
from events.query.orm import where
from events.query.tree import EVERYTHING, Query
from events.reading.along import Along
from events.types import Event

_FIELDS = Event.__struct_fields__
_CHUNK_ROWS = 200
"""Rows of a fetch: 400 MiB if all data and metadata have their limit of 1 MiB."""
_AFTER_ALL = 2**63
"""A number after all positions."""


def export(
    log_id: int, write: Callable[[bytes], object], *, query: Query = EVERYTHING, start: Callable[[int], object]
) -> Iterator[int]:
    """Write every event that fits, up to the current head, and yield each position that was written.

    `start` is called with the head first. Everything is read in one snapshot: events that are appended meanwhile are
    left out, and no redaction is seen in part. The query's times must be pinned.

    Raises:
        NotForEvents: it asks about a state.
    """
    condition = where(query)
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute(sql.SNAPSHOT)
        start(LogHead.objects.values_list("head", flat=True).get(log=log_id))
        keys = _by_position(_keys(log_id))
        redactions = _by_position(_redactions(log_id))
        for event, fields in _events(log_id, condition):
            fields |= keys(event.position) | redactions(event.position)
            write(_line(event, fields))
            yield event.position


def _line(event: Event, fields: dict[str, Any]) -> bytes:
    restore = orjson.dumps(_without_nulls(fields))
    # A new line in a payload can only be white space between its tokens.
    return b'%b,"restore":%b}\n' % (event_json(event)[:-1].replace(b"\n", b" "), restore)


def _events(log_id: int, condition: Q) -> Iterator[tuple[Event, dict[str, Any]]]:
    rows = EventRow.objects.filter(condition, log_id=log_id).order_by(*Along.of(condition).order(backward=False))
    for *values, salt, digest in rows.values_list(*_FIELDS, "salt", "digest").iterator(chunk_size=_CHUNK_ROWS):
        event = Event(*values)
        yield (
            event,
            {
                "salt": _hex(salt),
                "digest": _hex(digest),
                "expected_version": event.expected_version,
                "read_position": event.read_position,
            },
        )


def _keys(log_id: int) -> Iterator[tuple[int, dict[str, Any]]]:
    rows = AppendKey.objects.filter(log_id=log_id).order_by("first_position")
    names = ("first_position", "last_position", "key", "salt", "fingerprint")
    for first, last, key, salt, fingerprint in rows.values_list(*names).iterator(chunk_size=_CHUNK_ROWS):
        facts = {"name": key, "salt": _hex(salt), "fingerprint": _hex(fingerprint), "last_position": last}
        yield first, {"key": _without_nulls(facts)}


def _redactions(log_id: int) -> Iterator[tuple[int, dict[str, Any]]]:
    for row in Redaction.objects.filter(log_id=log_id).order_by("position").iterator(chunk_size=_CHUNK_ROWS):
        facts = {
            "marker_position": row.marker_position,
            "at": iso(row.redacted_at),
            "by": row.redacted_by,
            "reason": row.reason,
            "commitment": _hex(row.commitment),
        }
        yield row.position, {"redaction": _without_nulls(facts)}


def _hex(value: bytes | memoryview | None) -> str | None:
    return None if value is None else bytes(value).hex()


def _without_nulls(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _by_position(rows: Iterator[tuple[int, dict[str, Any]]]) -> Callable[[int], dict[str, Any]]:
    """Return a look-up of rows by position, without holding all rows: rows and calls come in order of position."""
    position, row = 0, dict[str, Any]()

    def at(target: int) -> dict[str, Any]:
        nonlocal position, row
        while position < target:
            position, row = next(rows, (_AFTER_ALL, {}))
        return row if position == target else {}

    return at
