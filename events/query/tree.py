"""The meaning of a query as a small immutable tree. Pure.

`all_of`, `any_of` and `negation` build it: nested ANDs and ORs melt into one, so one query has one tree.
Everything is the AND of nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal, TypeAlias


class Name(StrEnum):
    """A field of an event that holds a name, or of its tags several. The value is the field's word in a query."""

    TYPE = "type"
    AGENT = "agent"
    STREAM = "stream"
    CATEGORY = "category"
    CORRELATION = "correlation"
    CAUSE = "cause"
    ID = "id"
    TAG = "tag"


class Number(StrEnum):
    """A field of an event that counts from 1. The value is the field's word in a query."""

    POSITION = "position"
    VERSION = "version"


class Root(StrEnum):
    """The JSON value in which a path begins."""

    DATA = "data"
    METADATA = "metadata"
    STATE = "state"


class EachItem(StrEnum):
    """The step `[*]` of a path: every item of an array."""

    ITEM = "[*]"


@dataclass(frozen=True, slots=True)
class KeyStep:
    """The step `.name` of a path: a member of an object."""

    name: str


Step: TypeAlias = KeyStep | int | EachItem


@dataclass(frozen=True, slots=True)
class Path:
    """A path into JSON: `data.items[*].sku`."""

    root: Root
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text with wildcards, as the pieces before, between and after them. One piece means no wildcard."""

    pieces: tuple[str, ...]

    @classmethod
    def of(cls, pieces: Iterable[str]) -> Pattern:
        """Return the pattern of these pieces; two wildcards in a row count as one."""
        beginning, *others = pieces
        return cls((beginning, *(piece for piece in others[:-1] if piece), *others[-1:]))

    @property
    def exact(self) -> str | None:
        """The text itself if there is no wildcard, else None."""
        return self.pieces[0] if len(self.pieces) == 1 else None

    @property
    def prefix(self) -> str | None:
        """The text before the wildcard if the pattern is a prefix and nothing more, else None."""
        return self.pieces[0] if len(self.pieces) == 2 and not self.pieces[1] else None


@dataclass(frozen=True, slots=True)
class Ago:
    """A time before the one that the query is pinned to: `2h`."""

    amount: int
    unit: Literal["s", "m", "h", "d", "w"]

    def before(self, now: datetime) -> datetime:
        """Return the time that this means at `now`, at the earliest the beginning of year 1."""
        seconds = self.amount * {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}[self.unit]
        try:
            return now - timedelta(seconds=seconds)
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Named:
    """`type:Order*`"""

    name: Name
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Numbered:
    """`position:100..200`: both ends count, None is open."""

    number: Number
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Since:
    """`since:2h`: at that time or later."""

    time: datetime | Ago


@dataclass(frozen=True, slots=True)
class Until:
    """`until:2026-01-02`: before that time."""

    time: datetime | Ago


@dataclass(frozen=True, slots=True)
class System:
    """`system:true`: an event of a stream that belongs to the server; `system:false`: of any other stream."""

    value: bool


@dataclass(frozen=True, slots=True)
class Like:
    """`data.sku:"a b"`, `data.sku:ab*`: a string."""

    path: Path
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Equals:
    """`data.paid:true`: a number, true, false or null."""

    path: Path
    value: Decimal | bool | None


@dataclass(frozen=True, slots=True)
class Compares:
    """`data.amount>100`: a number with a number, a string with a string."""

    path: Path
    operator: Literal["<", "<=", ">", ">="]
    value: Decimal | str


@dataclass(frozen=True, slots=True)
class Between:
    """`data.amount:10..20`: a number; both ends count."""

    path: Path
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Has:
    """`has:data.error`: the field is there, even if it is null."""

    name_or_path: Name | Path


@dataclass(frozen=True, slots=True)
class Text:
    """`"free text"`"""

    text: str


@dataclass(frozen=True, slots=True)
class Changed:
    """`changed:/status`: the value at the pointer, or one inside it, changed in this step."""

    pointer: str


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Query


Leaf: TypeAlias = Named | Numbered | Since | Until | System | Like | Equals | Compares | Between | Has | Text | Changed
Query: TypeAlias = Leaf | And | Or | Not

EVERYTHING = And(())


def all_of(parts: Iterable[Query]) -> Query:
    """Return the query for the events that fit every part."""
    flat = tuple(inner for part in parts for inner in (part.parts if isinstance(part, And) else (part,)))
    return flat[0] if len(flat) == 1 else And(flat)


def any_of(parts: Iterable[Query]) -> Query:
    """Return the query for the events that fit at least one part; there must be one part."""
    flat = tuple(inner for part in parts for inner in (part.parts if isinstance(part, Or) else (part,)))
    return flat[0] if len(flat) == 1 else Or(flat)


def negation(part: Query) -> Query:
    """Return the query for the events that don't fit this one."""
    return part.part if isinstance(part, Not) else Not(part)


def terms(query: Query) -> tuple[Query, ...]:
    """Return the parts that are ANDed at the top: a page shows one chip for each."""
    return query.parts if isinstance(query, And) else (query,)


def path_of(leaf: Leaf) -> Path | None:
    """Return the path of the value that a condition is about; None if it is about something else."""
    path = leaf.name_or_path if isinstance(leaf, Has) else getattr(leaf, "path", None)
    return path if isinstance(path, Path) else None


def payload_terms(query: Query) -> int:
    """Return the number of terms for which an event's data or metadata must be read."""
    return sum(1 for leaf in leaves(query) if isinstance(leaf, Text) or path_of(leaf))


def leaves(query: Query) -> Iterator[Leaf]:
    """Yield every condition of the query."""
    if isinstance(query, And | Or):
        for part in query.parts:
            yield from leaves(part)
    elif isinstance(query, Not):
        yield from leaves(query.part)
    else:
        yield query
