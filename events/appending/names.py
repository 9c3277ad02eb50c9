"""The names of the last events of a log: they tell, without the database, that nothing which fits a query came since.

Most conditions ask for names (a type, a stream, a tag), and mostly no event with such a name came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf

from events.query.tree import And, Name, Named, Or, Query
from events.types import NewEvent, category_of

_MAX_NAMES = 50_000
"""Names that are kept; with more, all are forgotten. So many take 6 MB, or 15 if each has 200 characters."""


class LatestNames:
    """The place at which each name occurred last, of the events after the place `since` and up to `upto`."""

    def __init__(self, since: int = 0) -> None:
        self._begin(since)

    def _begin(self, since: int) -> None:
        self.since = self.upto = since
        self._types: dict[str, int] = {}
        self._streams: dict[str, int] = {}
        self._categories: dict[str, int] = {}
        self._agents: dict[str, int] = {}
        self._workflows: dict[str, int] = {}
        self._causes: dict[str, int] = {}
        self._tags: dict[str, int] = {}
        self._places: Mapping[Name, dict[str, int]] = {
            Name.TYPE: self._types,
            Name.STREAM: self._streams,
            Name.CATEGORY: self._categories,
            Name.AGENT: self._agents,
            Name.CORRELATION: self._workflows,
            Name.CAUSE: self._causes,
            Name.TAG: self._tags,
        }

    def add(self, stream: str, events: Iterable[NewEvent]) -> None:
        """Add the next events, which are of one stream."""
        for event in events:
            self.upto = place = self.upto + 1
            self._types[event.type] = place
            if event.agent is not None:
                self._agents[event.agent] = place
            if event.correlation_id is not None:
                self._workflows[event.correlation_id] = place
            if event.causation_id is not None:
                self._causes[event.causation_id] = place
            for tag in event.tags:
                self._tags[tag] = place
        self._streams[stream] = self.upto
        if (category := category_of(stream)) is not None:
            self._categories[category] = self.upto
        if sum(map(len, self._places.values())) > _MAX_NAMES:
            self._begin(self.upto)

    def exclude(self, query: Query, after: int) -> bool:
        """Whether they tell that no event after a place, up to `upto`, fits a query."""
        return self.since <= after <= self.upto and self._last(query) <= after

    def _last(self, query: Query) -> float:
        """Return a place behind which no event fits; infinite if names don't tell."""
        match query:
            case Named(name, pattern) if pattern.exact is not None and name in self._places:
                return self._places[name].get(pattern.exact, 0)
            case And(parts):
                return min(map(self._last, parts), default=inf)
            case Or(parts):
                return max(map(self._last, parts))
            case _:
                return inf
