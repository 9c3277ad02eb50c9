"""What the formats of other tools share: how one of their records is read, whatever is odd in it.

What JSON does not know, or what the log could not keep as it stands, is kept as near to it as can be, and the event's
metadata say so. Whatever else is wrong with a record, that record alone is refused.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any, TypeAlias

from events.api.decoding import decode_json
from events.appending.checks import check_occurred_at, check_stream
from events.errors import Invalid
from events.transfer.importers.members import Fields, text

Notes: TypeAlias = dict[str, Any]
"""What an event's metadata say of how its record was read."""

# A string, whole or up to the end; or what Python writes for a float that is not a number.
_NUMBER_WORD = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|(?P<word>-?Infinity|NaN)', re.DOTALL)
_NO_ZONE = re.compile(r"[\d-]{10}[T ][\d:]{8}(\.\d+)?", re.ASCII)
_HASH_CHARACTERS = 12


def read_record(raw: bytes) -> tuple[Fields, Notes]:
    """The members of a record that is an object. `NaN` and the infinities, which Python's json writes, become text.

    Raises `Invalid` where it is no object, or no JSON for another reason.
    """
    words: set[str] = set()

    def quoted(match: re.Match[bytes]) -> bytes:
        if not match["word"]:
            return match[0]
        words.add(match["word"].decode())
        return b'"%b"' % match["word"]

    if b"NaN" in raw or b"Infinity" in raw:
        raw = _NUMBER_WORD.sub(quoted, raw)
    return decode_json(raw, Fields, name="record"), {"numbers_as_text": sorted(words)} if words else {}


def read_time(fields: Fields, name: str) -> tuple[str | None, Notes]:
    """A member that says when something happened. Without a zone it is taken for UTC; what is no time is left out."""
    if bytes(fields.get(name, b"null")) == b"null":
        return None, {}
    time = text(fields, name)
    is_assumed = _NO_ZONE.fullmatch(time) is not None
    try:
        time = check_occurred_at(f"{time}Z" if is_assumed else time, name)
    except Invalid:
        return None, {"time_not_read": name}
    return time, {"time_zone_assumed": "UTC"} if is_assumed else {}


def usable_name(name: str, *, prefix: str) -> str:
    """What a run is called: its own name, or a hash of it where no stream can be called so."""
    try:
        check_stream(f"{prefix}{name}")
    except Invalid:
        return short_hash(name.encode())
    return name


def short_hash(*contents: bytes) -> str:
    """What a run is called that has no name of its own: the same content, the same name."""
    return sha256(b"\n".join(contents)).hexdigest()[:_HASH_CHARACTERS]
