"""A condition in SQL on names that begin with a prefix."""

from __future__ import annotations

from django.db.models import Q

_LAST_CHARACTER = 0x10FFFF


def begins_with(name: str, prefix: str) -> Q:
    """Return the condition that a column begins with a prefix, as a range.

    A prepared plan can use an index for a range, but not for LIKE, whose pattern is a parameter. Names are compared by
    their UTF-8 bytes, whose order is that of the code points.
    """
    if not prefix:
        return Q(**{f"{name}__isnull": False})
    bounds = Q(**{f"{name}__gte": prefix})
    # The range ends at the first name after all with the prefix: the prefix with its last character counted up. The
    # last character of Unicode has no next one, so it is cut off first.
    if stem := prefix.rstrip(chr(_LAST_CHARACTER)):
        code = ord(stem[-1])
        bounds &= Q(**{f"{name}__lt": stem[:-1] + chr(0xE000 if code == 0xD7FF else code + 1)})
    return bounds
