"""The checks of a client's events: their names, their payloads, and the digests of their content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from sys import getsizeof

import orjson
import uuid_utils
from django.conf import settings
from msgspec.structs import replace

from events.appending.guards import Guard
from events.errors import Forbidden, Invalid, TooLarge
from events.json.text import canonical
from events.leap_second import with_leap_second
from events.types import STREAM_EXISTS, Append, NewEvent

# Control characters, and lone surrogates, which are not characters.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
# fromisoformat refuses days and hours that don't exist; this insists on a full date, time and zone (it takes "+00:60").
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:[0-5]\d)", re.ASCII)
_EXPECTATIONS = {"any": None, "no_stream": 0, "stream_exists": STREAM_EXISTS}
_MAX_BIGINT = 2**63 - 1
MAX_TAGS = 16
MAX_TAG_CHARACTERS = 100


def check_name(value: str, field: str, *, limit: int | None = None) -> str:
    """Return a name: 1 to `limit` characters (by default `name_max_length`), none of them a control character."""
    limit = limit or settings.EVENTSITE.name_max_length
    if value and len(value) <= limit and not _CONTROL.search(value):
        return value
    raise Invalid(f"{field} must have 1 to {limit} characters and no control characters.", field=field, limit=limit)


def check_text(value: str, field: str, *, limit: int) -> str:
    """Return a text of up to `limit` characters, as Postgres can keep it: without U+0000 and halves of characters."""
    if len(value) > limit:
        raise Invalid(f"{field} has {len(value):,} characters; the limit is {limit:,}.", field=field, limit=limit)
    return _UNSTORABLE.sub("\ufffd", value)


def check_stream(value: str, field: str = "stream") -> str:
    """Return a stream's name; one that can't stand in a URL is refused."""
    check_name(value, field)
    if value.endswith("/events") or any(part in (".", "..") for part in value.split("/")):
        raise Invalid(f"{field} must not have a `.` or `..` segment, nor end in `/events`.", field=field)
    return value


def check_expected_version(value: int | str | None, field: str = "expected_version") -> int | None:
    """Return the number for `any`, `no_stream`, `stream_exists` or a version, as the log keeps it."""
    if isinstance(value, int) and 0 <= value <= _MAX_BIGINT:
        return value
    if value is None or value in _EXPECTATIONS:
        return _EXPECTATIONS[str(value or "any")]
    raise Invalid(f"{field} must be any, no_stream, stream_exists or a version from 0.", field=field)


def check_count(value: int, field: str, *, minimum: int, maximum: int = _MAX_BIGINT) -> int:
    """Return a whole number that its column can hold."""
    if minimum <= value <= maximum:
        return value
    raise Invalid(f"{field} must be from {minimum} to {maximum}.", field=field, limit=maximum)


def check_time(value: str, field: str) -> datetime:
    """Return an RFC 3339 time with a zone, as UTC; digits beyond the microsecond are dropped."""
    if _RFC3339.fullmatch(value):
        try:
            return with_leap_second(datetime.fromisoformat, value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise Invalid(
        f"{field} must be an RFC 3339 time with a zone, such as 2026-01-31T12:00:00Z, from year 1 to 9999.",
        field=field,
    )


def check_occurred_at(value: str, field: str) -> str:
    """Return the text of an RFC 3339 time with a zone, as `check_time()` reads it."""
    return check_time(value, field).isoformat()


def check_agent(agent: str | None, pinned: str | None, field: str) -> str | None:
    """Return the agent of an event: the token's, if it pins one."""
    if pinned is not None and agent not in (None, pinned):
        raise Forbidden(f"{field} is {agent!r}, but this token appends as {pinned!r} only.", field=field)
    return pinned if agent is None else check_name(agent, field)


def check_tags(tags: Sequence[str], field: str) -> tuple[str, ...]:
    """Return an event's tags: up to 16 different names of up to 100 characters."""
    if len(tags) > MAX_TAGS:
        raise Invalid(f"{field} holds {len(tags)}; the limit is {MAX_TAGS}.", field=field, limit=MAX_TAGS)
    for index, tag in enumerate(tags):
        check_name(tag, f"{field}[{index}]", limit=MAX_TAG_CHARACTERS)
    if len(set(tags)) < len(tags):
        raise Invalid(f"{field} holds the same tag twice.", field=field)
    return tuple(tags)


def new_event(
    stream: str,
    type: str,
    *,
    data: bytes,
    metadata: bytes = b"{}",
    id: str | None = None,
    agent: str | None = None,
    schema_version: int = 1,
    correlation_id: str | None = None,
    causation_id: str | None = None,
    occurred_at: str | None = None,
    tags: Sequence[str] = (),
    pinned_agent: str | None = None,
    field: str = "event",
) -> NewEvent:
    """Check one event's parts; `data` and `metadata` are JSON text, `field` is its place in the request.

    Raises:
        Invalid, NumberTooLarge, TooLarge, Forbidden: the error names the part and the limit.
    """
    canonical_data = canonical(data, f"{field}.data")
    canonical_metadata = _canonical_metadata(metadata, f"{field}.metadata")
    event = NewEvent(
        id=str(uuid_utils.uuid7()) if id is None else check_name(id, f"{field}.id"),
        type=check_name(type, f"{field}.type"),
        data=data.decode(),
        metadata=metadata.decode(),
        agent=check_agent(agent, pinned_agent, f"{field}.agent"),
        schema_version=check_count(schema_version, f"{field}.schema_version", minimum=1, maximum=2**31 - 1),
        correlation_id=None if correlation_id is None else check_name(correlation_id, f"{field}.correlation_id"),
        causation_id=None if causation_id is None else check_name(causation_id, f"{field}.causation_id"),
        occurred_at=None if occurred_at is None else check_occurred_at(occurred_at, f"{field}.occurred_at"),
        digest=b"",
        tags=check_tags(tags, f"{field}.tags") if tags else (),
    )
    return replace(event, digest=_digest(stream, event, canonical_data, canonical_metadata))


def _canonical_metadata(metadata: bytes, field: str) -> bytes:
    if metadata == b"{}":
        return metadata
    text = canonical(metadata, field)
    if text[:1] != b"{":
        raise Invalid(f"{field} must be an object.", field=field)
    return text


def _digest(stream: str, event: NewEvent, data: bytes, metadata: bytes) -> bytes:
    """Return the SHA-256 of an event's content, with data and metadata in their canonical form.

    It covers the time as it is kept, so that it can be checked again when a log is restored. An event without tags
    has the digest that it had before there were tags.
    """
    content = [
        stream,
        event.type,
        orjson.Fragment(data),
        orjson.Fragment(metadata),
        event.schema_version,
        event.agent,
        event.correlation_id,
        event.causation_id,
        event.occurred_at,
    ]
    if event.tags:
        content.append(sorted(event.tags))
    return sha256(orjson.dumps(content)).digest()


def new_append(
    stream: str,
    events: Iterable[NewEvent],
    *,
    expected_version: int | None = None,
    idempotency_key: str | None = None,
    read_position: int | None = None,
    guards: tuple[Guard, ...] = (),
) -> Append:
    """Make an append of checked events.

    Raises:
        Invalid: there are no events, or two have the same id.
        TooLarge: there are more than `request_max_events`.
    """
    events = tuple(events)
    limit = settings.EVENTSITE.request_max_events
    if not events:
        raise Invalid("events must hold at least one event.", field="events")
    if len(events) > limit:
        raise TooLarge(f"events holds {len(events):,}; the limit is {limit:,}.", field="events", limit=limit)
    if len(events) > 1 and len({event.id for event in events}) < len(events):
        raise Invalid("events holds the same id twice.", field="events")
    fingerprint = None
    if idempotency_key is not None:
        check_name(idempotency_key, "idempotency_key")
        fingerprint = sha256(stream.encode() + b"".join(event.digest for event in events)).digest()
    return Append(
        stream=stream,
        events=events,
        expected_version=expected_version,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
        read_position=None if read_position is None else check_count(read_position, "read_position", minimum=0),
        guards=guards,
    )


def size(append: Append) -> int:
    """Return about how many bytes an append takes in the queue and on the wire."""
    return sum(getsizeof(event.data) + getsizeof(event.metadata) + 200 for event in append.events)
