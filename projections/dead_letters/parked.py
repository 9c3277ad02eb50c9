"""Parked keys of materialised projections, beside dead letters: events that a reducer could not fold."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from events.query.orm import where
from events.query.tree import Query
from events.reading import store
from events.reading.db_work import DbWork
from events.reading.statement import Statement
from projections import registry
from projections.dead_letters import sql
from projections.definition.projection import STREAM

_TEXT = r"\x00-\x1f\x7f-\x9f"
_ID = re.compile(rf"projection:([^:{_TEXT}]{{1,200}}):([^{_TEXT}]{{0,600}})")
_PAGE_KEYS = 500
_MAX_PAGES = 20


@dataclass(frozen=True, slots=True)
class ParkedId:
    """The id of a parked key; as a text `projection:<name>:<key>`."""

    projection: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id.

        Raises:
            ValueError: the text is not the id of a parked key.
        """
        parts = _ID.fullmatch(text)
        if parts is None:
            raise ValueError(text)
        return cls(parts[1], parts[2])

    def __str__(self) -> str:
        return f"projection:{self.projection}:{self.key}"


@dataclass(frozen=True, slots=True)
class Parked:
    """A key of a projection's live build, whose reducer raised at the event at `position`, in a `place` of its code."""

    projection: str
    key: str
    position: int
    is_retried: bool
    since: datetime
    error: str
    place: str
    fault: str
    type: str
    stream: str
    correlation_id: str | None

    @property
    def id(self) -> ParkedId:
        return ParkedId(self.projection, self.key)

    @property
    def error_type(self) -> str:
        return self.error.partition(":")[0]

    @property
    def message(self) -> str:
        return self.error.partition(":")[2].strip()

    @property
    def frame(self) -> str:
        """The place in the code, as `file in function`."""
        file, _, rest = self.place.partition('", line ')
        return f"{file} in {rest.partition(', in ')[2]}" if rest else ""


@dataclass(frozen=True, slots=True)
class ParkedSelection:
    """A selection of parked keys. `query` is that of the events that parked them."""

    stream_prefix: str = ""
    projection: str | None = None
    fault: str | None = None
    is_retried: bool | None = None
    query: Query | None = None

    def params(self, log_id: int, **others: Any) -> dict[str, Any]:
        """Return the parameters of a statement about the selected keys."""
        by_stream = [each.name for each in registry.PROJECTIONS.values() if each.key is STREAM]
        return {
            "log_id": log_id,
            "projection": self.projection,
            "stream_prefix": self.stream_prefix,
            "by_stream": by_stream,
            "fault": self.fault,
            "retried": self.is_retried,
            **others,
        }


@dataclass(frozen=True, slots=True)
class ParkedPage:
    """Some parked keys. If `next` is not None, go on after it, even if the page has no keys."""

    keys: Sequence[Parked]
    next: ParkedId | None


def parked(log_id: int, selection: ParkedSelection, *, after: ParkedId | None = None, limit: int) -> DbWork[ParkedPage]:
    """Return the parked keys of a selection, by projection and key."""
    fitting: list[Parked] = []
    for _ in range(_MAX_PAGES):
        size = limit - len(fitting) + 1 if selection.query is None else max(limit + 1, _PAGE_KEYS)
        place = (None, None) if after is None else (after.projection, after.key)
        params = selection.params(log_id, after=place[0], after_key=place[1], limit=size)
        page: list[Parked] = yield Statement(sql.PARKED, params, Parked)
        fitting += yield from _fitting(log_id, selection.query, page)
        after = page[-1].id if page else after
        if len(fitting) > limit:
            return ParkedPage(fitting[:limit], fitting[limit - 1].id)
        if len(page) < size:
            return ParkedPage(fitting, None)
    return ParkedPage(fitting, after)


def parked_key(log_id: int, id: ParkedId, *, stream_prefix: str = "") -> Statement[Parked]:
    """Return a parked key by its id."""
    selection = ParkedSelection(stream_prefix, id.projection)
    return Statement(sql.PARKED_KEY, selection.params(log_id, key=id.key), Parked)


def count_parked(log_id: int, selection: ParkedSelection) -> Statement[int]:
    """Return the number of parked keys of a selection, whatever their events are."""
    return Statement(sql.COUNT_PARKED, selection.params(log_id), int)


def unpark(
    log_id: int, projection: str, keys: Collection[str], *, skip: bool, stream_prefix: str = ""
) -> Statement[tuple[str, bool]]:
    """Retry the events of parked keys, or skip them; return the keys, and whether this call has changed them."""
    selection = ParkedSelection(stream_prefix, projection)
    params = selection.params(log_id, keys=list(keys), step=int(skip))
    return Statement(sql.UNPARK, params, lambda key, is_decided: (key, is_decided))


def _fitting(log_id: int, query: Query | None, page: Sequence[Parked]) -> DbWork[list[Parked]]:
    if query is None or not page:
        return list(page)
    positions: list[int] = yield store.fitting(log_id, where(query), [each.position for each in page])
    return [each for each in page if each.position in frozenset(positions)]
