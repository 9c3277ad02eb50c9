"""A condition on names that begin with a prefix: a range.

A prepared plan can use an index for a range, but not for LIKE, whose pattern is a parameter. Names are compared by
their UTF-8 bytes, whose order is that of the code points.
"""

from __future__ import annotations

from django.db.models import Q

_LAST_CHARACTER = 0x10FFFF


def prefix_bounds(prefix: str) -> tuple[str, str | None]:
    """Return the first name of the range, and the first name after it; None if no name comes after it."""
    # The range ends at the prefix with its last character counted up. The last character of Unicode has no next one, so
    # it is cut off first.
    stem = prefix.rstrip(chr(_LAST_CHARACTER))
    if not stem:
        return prefix, None
    code = ord(stem[-1])
    return prefix, stem[:-1] + chr(0xE000 if code == 0xD7FF else code + 1)


def begins_with(name: str, prefix: str) -> Q:
    """Return the condition that a column, which may be null, begins with a prefix."""
    if not prefix:
        return Q(**{f"{name}__isnull": False})
    first, end = prefix_bounds(prefix)
    bounds = Q(**{f"{name}__gte": first})
    return bounds if end is None else bounds & Q(**{f"{name}__lt": end})
