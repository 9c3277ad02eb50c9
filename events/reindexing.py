"""The indexes of the log, made anew without their empty space, while appends go on.

Where new keys come into the middle of an index, its full pages are split in halves, and keys that are gone leave room.
A sample of the newest rows tells what an index would take if it were made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db import connections, transaction
from psycopg.sql import SQL, Identifier

from events.sessions import direct_alias
from events.sql import reindex as sql

LOCK_KEY = 7302
MIN_BYTES = 8 * 2**20
"""A smaller index is not worth it."""
MIN_SHARE = 0.3
"""The share of an index that must be empty. Keys that come in no order leave a quarter of it empty at any time."""
_SAMPLE_PAGES = 4_000


class AlreadyRunning(Exception):
    """Another process makes indexes anew."""


@dataclass(frozen=True, slots=True)
class IndexSize:
    """The size of an index, in bytes: now, and, as a sample says, made anew."""

    table: str
    name: str
    size: int
    fresh_size: int

    @property
    def pays(self) -> bool:
        return self.size >= MIN_BYTES and self.size - self.fresh_size >= MIN_SHARE * self.size


@contextmanager
def alone() -> Iterator[None]:
    """Hold the lock of this work, and drop what an interrupted call left behind.

    Raises:
        AlreadyRunning: another process holds the lock.
    """
    with _cursor() as cursor:
        cursor.execute(sql.LOCK, {"key": LOCK_KEY})
        if cursor.fetchone() != (True,):
            raise AlreadyRunning
        try:
            cursor.execute(sql.LEFT_BEHIND)
            for (name,) in cursor.fetchall():
                cursor.execute(SQL(sql.DROP).format(index=Identifier(name)))
            yield
        finally:
            cursor.execute(sql.UNLOCK, {"key": LOCK_KEY})


def measure() -> list[IndexSize]:
    """Return the sizes of the indexes of the log."""
    with _cursor() as cursor:
        cursor.execute(sql.INDEXES)
        indexes = [_Index(*row) for row in cursor.fetchall()]
        return [
            IndexSize(index.table, index.name, index.size, fresh_size)
            for table, of_table in groupby(indexes, attrgetter("table"))
            for index, fresh_size in _measure_table(cursor, table, list(of_table))
        ]


def reindex(name: str) -> int:
    """Make an index anew, while appends go on; return its new size."""
    with _cursor() as cursor:
        cursor.execute(SQL(sql.REINDEX).format(index=Identifier(name)))
        cursor.execute(sql.SIZE, {"index": name})
        return int(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True)
class _Index:
    table: str
    name: str
    size: int
    entries: float
    definition: str


def _measure_table(cursor: Any, table: str, indexes: Sequence[_Index]) -> Iterator[tuple[_Index, int]]:
    """Yield each index with the size that it would have if it were made anew; its size now if no sample can tell."""
    with transaction.atomic(direct_alias()):
        cursor.execute(sql.SAMPLE.format(table=table), {"pages": _SAMPLE_PAGES})
        for index in indexes:
            cursor.execute(sql.INDEX_SAMPLE.format(definition=index.definition))
            cursor.execute(sql.MEASURE_SAMPLE)
            size, entries = cursor.fetchone()
            cursor.execute(sql.DROP_SAMPLE_INDEX)
            fresh_size = int(size / entries * index.entries) if entries > 0 and index.entries > 0 else index.size
            yield index, min(index.size, fresh_size)


def _cursor() -> Any:
    """A cursor of a session that this process keeps: a pooler would give the lock to others."""
    return connections[direct_alias()].cursor()
