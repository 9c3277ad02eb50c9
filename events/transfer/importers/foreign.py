"""Functions that the formats of other tools share to read a record, even an odd one.

A value that is not JSON, or that the log could not keep as it is, is kept in a similar form, and the event's metadata
note the change. Any other fault refuses the record alone.
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
"""The notes in an event's metadata about changes when its record was read."""

# A string, whole or up to the end of the text; or a word that Python writes for a float that is not finite.
_NUMBER_WORD = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|(?P<word>-?Infinity|NaN)', re.DOTALL)
_NO_ZONE = re.compile(r"[\d-]{10}[T ][\d:]{8}(\.\d+)?", re.ASCII)
_HASH_CHARACTERS = 12


def read_record(raw: bytes) -> tuple[Fields, Notes]:
    """Return the members of a record. `NaN` and the infinities, which Python's json writes, become text.

    Raises:
        Invalid: the record is not an object, or not JSON for another reason.
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
    """Return the time in a member; without a zone it counts as UTC. A value that is not a time is left out."""
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
    """Return the name of a run, or a hash of it if no stream can have this name."""
    try:
        check_stream(f"{prefix}{name}")
    except Invalid:
        return short_hash(name.encode())
    return name


def short_hash(*contents: bytes) -> str:
    """Return the name of a run without a name: the same content has the same name."""
    return sha256(b"\n".join(contents)).hexdigest()[:_HASH_CHARACTERS]
