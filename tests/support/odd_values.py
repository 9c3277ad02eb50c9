"""Values that no form of an address expects: each must be accepted or refused, and none may break a page."""

from __future__ import annotations

from urllib.parse import quote

_TEXTS = ["", "a\0b", "a\nb", "\ufffe", "'\"\\", "../..", "x" * 300, "x" * 1_100]
_NUMBERS = ["-1", "0", "1.5", "+1", "²", str(2**31), str(2**63 - 1), str(2**63), "9" * 400]
_TIMES = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00+16:00", "2026-02-30"]
_POINTERS = ["/a~2", "/" * 900]
_QUERIES = ["(", "data.a>1e999", "since:0001-01-01T00:00+14:00 until:999999w"]
_NO_TEXT = ["%ED%A0%80", "%FF"]
ENCODED = [quote(text, safe="") for text in (*_TEXTS, *_NUMBERS, *_TIMES, *_POINTERS, *_QUERIES)] + _NO_TEXT
"""The values as they are written in an address. The last two are not UTF-8."""
HEADERS = ["", '"', "-1", "9" * 400, "²", "x" * 1_100, "\xff", "*/*;q=x", "http://[", "%00"]
"""The values as they are written in a header."""
STREAM_NAMES = (
    "a/b c/7",
    "x#y?z=1&w=2",
    "(-> X)",
    "100%",
    "%2F",
    "ünï/ <script>alert(1)</script>",
    "/lead",
    "trail/",
    "a//b",
    "7",
)
