"""JSON arrays and objects split into the texts of their parts, even if a part is not valid JSON. Pure.

A parser refuses a whole document for one bad value in it. Here each part stays text, so that the bad part alone can
be refused: `NaN`, half of a surrogate pair, a byte that is not UTF-8, a depth of a thousand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from msgspec import Raw

from events.json.encoding import BOM

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+'
# A string (one that does not end takes the rest of the text), or a mark that separates one value from the next.
_TOKEN = re.compile(_STRING + rb'(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
_MEMBER = re.compile(rb"(?P<name>" + _STRING + rb'")[ \t\n\r]*+:(?P<value>.*)', re.DOTALL)
_COMMA = ord(",")
_SPACE = b" \t\n\r"
_KINDS = {b"[": "an array", b"{": "an object"}


@dataclass(frozen=True, slots=True)
class MemberText:
    """One member of an object. `name` is "" if it can't be read; `name_text` is then the member's whole text."""

    name: str
    name_text: bytes
    value: bytes


def split_array(body: bytes) -> tuple[list[bytes], str | None]:
    """Return the items of an array as text, and the fault of the array itself, or None.

    If the array breaks off, its last item may be cut.
    """
    try:
        return [bytes(item) for item in msgspec.json.decode(body, type=list[Raw])], None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parts(body, b"[")


def split_object(body: bytes) -> tuple[list[MemberText], str | None]:
    """Return the members of an object in their order, and the fault of the object itself, or None.

    A name may appear twice.
    """
    parts, fault = _parts(body, b"{")
    return [_member(part) for part in parts], fault


def object_text(members: Iterable[MemberText]) -> bytes:
    """Return the text of an object of these members, each unchanged."""
    return b"{%b}" % b",".join(b"%b:%b" % (member.name_text, member.value) for member in members)


def _parts(body: bytes, opening: bytes) -> tuple[list[bytes], str | None]:
    """Return the texts between the commas of the outermost array or object, and its fault, or None."""
    body = body.removeprefix(BOM).strip(_SPACE)
    parts: list[bytes] = []
    if not body.startswith(opening):
        return parts, f"This should be {_KINDS[opening]}."
    depth, start = 0, 1
    for token in _TOKEN.finditer(body):
        mark = body[token.start()]
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
        if depth == 0 or (depth == 1 and mark == _COMMA):
            parts.append(body[start : token.start()].strip(_SPACE))
            start = token.end()
        if depth == 0:
            break
    fault = "More text follows after the end of this document." if start < len(body) else None
    if depth:
        parts.append(body[start:].strip(_SPACE))
        fault = "This document breaks off: its end is missing."
    return [] if parts == [b""] else parts, fault


def _member(part: bytes) -> MemberText:
    match = _MEMBER.fullmatch(part)
    if match is None:
        return MemberText("", part, b"")
    try:
        name = json.loads(match["name"], strict=False)
    except ValueError:
        name = ""
    return MemberText(name, match["name"], match["value"].strip(_SPACE))
