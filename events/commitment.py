"""The salt of an event, and the hashes made with it: of its content and of its texts; and its leaf in a proof. Pure.

Each event has a salt of 16 random bytes, and so has each idempotency key. Nobody who knows only a digest or a
commitment can guess the content from it, however short that is. A redaction forgets the salt and the digest; the
commitment stays (docs/decisions/0004).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeVar

from events.types import Event

SALT_BYTES = 16
_LEAF_FORMAT = b"eventsite event 1\n"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

T = TypeVar("T")


def new_salts(count: int) -> list[bytes]:
    """Return salts, each of 16 random bytes."""
    salts = os.urandom(SALT_BYTES * count)
    return [salts[start : start + SALT_BYTES] for start in range(0, len(salts), SALT_BYTES)]


def salted(salt: bytes, digest: bytes) -> bytes:
    """Return the SHA-256 of a salt and a digest: the form in which the log keeps the digest."""
    return sha256(salt + digest).digest()


def commitment(salt: bytes, data: str, metadata: str) -> bytes:
    """Return the commitment (32 bytes) to an event's texts: SHA-256 of the salt and of both texts as they are stored.

    Before each text stands its length in bytes of UTF-8. `redact_event()` makes the same.
    """
    return sha256(salt + _text(data) + _text(metadata)).digest()


def leaf(event: Event, commitment: bytes | None) -> bytes:
    """Return the bytes that stand for an event in a proof: every field that stays in clear, and the commitment.

    The commitment is None for an event that was redacted before events had one. The bytes are the name of the format,
    and the fields in the order below. A number has 8 bytes, the most significant first, with sign; a time is the number
    of microseconds since 1970 in UTC; a text is its length in bytes, and its UTF-8. Before a field that may be absent
    stands the byte 1, or 0 if it is absent. The tags are their number, and each tag.
    """
    return b"".join(
        (
            _LEAF_FORMAT,
            _number(event.position),
            _text(event.stream),
            _number(event.version),
            _text(event.id),
            _text(event.type),
            _number(event.schema_version),
            _optional(event.agent, _text),
            _optional(event.correlation_id, _text),
            _optional(event.causation_id, _text),
            _optional(event.occurred_at, _time),
            _time(event.recorded_at),
            _optional(event.expected_version, _number),
            _optional(event.read_position, _number),
            _number(len(event.tags or ())),
            *map(_text, event.tags or ()),
            _optional(commitment, bytes),
        )
    )


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _number(len(encoded)) + encoded


def _number(number: int) -> bytes:
    return number.to_bytes(8, signed=True)


def _time(time: datetime) -> bytes:
    return _number((time - _EPOCH) // _MICROSECOND)


def _optional(field: T | None, to_bytes: Callable[[T], bytes]) -> bytes:
    return b"\x00" if field is None else b"\x01" + to_bytes(field)
