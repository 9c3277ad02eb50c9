"""The numbers of the types of a log, which count them by their first events: so every process finds the same ones.

The keeper stores the numbers of the first types (`events/sql/number_types.sql`); a read numbers the types of the events
that the keeper has not come to. A number never changes, so a process reads each only once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from threading import Lock
from types import MappingProxyType
from typing import Any
from zlib import crc32

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from events.reading.statement import Statement
from events.sql import lists as sql

MOST_NUMBERED = 960
"""The types of a log that are numbered, no more: somebody may append a new type with each event."""
_MAX_LOGS = 100
"""The logs whose numbers a process keeps: 30 MB, if all types of all of them have the longest names."""

_known: dict[int, Mapping[str, int]] = {}
_lock = Lock()
_NONE: Mapping[str, int] = MappingProxyType({})


class TypeNumbers:
    """The numbers of the types of one log, as one page or frame needs them: it reads new ones once at most."""

    def __init__(self, log_id: int) -> None:
        self._log_id = log_id
        self._numbers = _known.get(log_id, _NONE)
        self._has_read = False

    def of(self, type_name: str) -> int:
        """Return the number of a type, from 1; 0 if its first event is further behind the keeper than a read looks.

        A type that comes after all numbered ones gets one of their numbers by its name.
        """
        if self._is_unread(type_name):
            self._add(self._later().fetch())
        number = self._numbers.get(type_name, 0)
        if not number and len(self._numbers) == MOST_NUMBERED:
            return crc32(type_name.encode()) % MOST_NUMBERED + 1
        return number

    async def load(self, type_names: Iterable[str], pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        """Read the numbers of some types in the event loop. After that, no call reads any."""
        if any(map(self._is_unread, type_names)):
            self._add(await self._later().afetch(pool))
        self._has_read = True

    def _is_unread(self, type_name: str) -> bool:
        return not self._has_read and type_name not in self._numbers and len(self._numbers) < MOST_NUMBERED

    def _later(self) -> Statement[tuple[str, int]]:
        params = {"log_id": self._log_id, "known": len(self._numbers), "most": MOST_NUMBERED}
        return Statement(sql.TYPES, params, _named_number)

    def _add(self, later: Iterable[tuple[str, int]]) -> None:
        self._has_read = True
        self._numbers = {**self._numbers, **dict(later)}
        with _lock:
            if len(_known.get(self._log_id, _NONE)) < len(self._numbers):
                _known[self._log_id] = self._numbers
            if len(_known) > _MAX_LOGS:
                del _known[next(iter(_known))]


def _named_number(name: str, number: int) -> tuple[str, int]:
    return name, number
