"""Names that begin with a prefix, as a condition in SQL."""

from __future__ import annotations

from django.db.models import Q

_LAST_CHARACTER = 0x10FFFF


def begins_with(name: str, prefix: str) -> Q:
    """A range instead of LIKE, whose pattern is a parameter that a prepared plan can't turn into one.

    Names are compared by their UTF-8 bytes, whose order is that of the code points.
    """
    if not prefix:
        return Q(**{f"{name}__isnull": False})
    bounds = Q(**{f"{name}__gte": prefix})
    # The least name behind all with the prefix: its last character counted up, but the last one of all has no next.
    if stem := prefix.rstrip(chr(_LAST_CHARACTER)):
        last = ord(stem[-1])
        bounds &= Q(**{f"{name}__lt": stem[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)})
    return bounds
