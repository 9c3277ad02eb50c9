"""The blocks of 1,024 positions by which names are indexed (docs/decisions/0012).

No two keys of an index are equal if they end with a position. With a block in its place, the events of a name in one
block share a key, and each of them takes six bytes. To order by block and then by position is to order by position; the
database sorts the events of one block at a time.
"""

from __future__ import annotations

_BITS = 10
_LAST_BLOCK = 2**31 - 1


def number(position: int) -> int:
    """Return the block of a position; the first or the last one for a number that no position can be."""
    return max(0, min(position >> _BITS, _LAST_BLOCK))


def block(position: str) -> str:
    """Return the SQL of the block of a position. In four bytes, it takes no room beside an id of 36 characters."""
    return f"({position} >> {_BITS})::int4"


def by_block(position: str, direction: str) -> str:
    """Return the SQL of the order of a position, for a read along an index of blocks."""
    return f"{block(position)} {direction}, {position} {direction}"


def bound(position: str, operator: str, value: str, value_block: str) -> str:
    """Return the SQL that compares a position with a value (<, <=, > or >=), and its block with that of the value."""
    return f"{position} {operator} {value} and {block(position)} {operator[0]}= {value_block}"
