"""Sources that an index of the log serves: a stream, a workflow, an agent, the whole log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from django.db.models import Q
from django.urls import reverse

from events.blocks import number
from events.converters import names_string, query_string, workflow_url
from events.lists import reads as lists
from events.query.orm import where
from events.query.tree import Name, Named, Pattern, Query, System, all_of
from events.reading import scan, store
from events.reading.db_work import DbWork
from events.reading.scan import Search
from events.reading.statement import Statement
from events.reading.store import Read
from events.sql import NOT_SYSTEM
from events.types import Event, StreamInfo
from projections.states.sources.base import Near, Source, near_of
from projections.states.sql import LOG_EVENTS, NAMED_EVENTS, STREAM_EVENTS

_STREAM_EVENTS = STREAM_EVENTS.format(columns=store.EVENT_COLUMNS)
_LOG_EVENTS = LOG_EVENTS.format(columns=store.EVENT_COLUMNS)
_NOT_SYSTEM = where(System(False))


class StreamSource(Source):
    """The events of a stream, by version."""

    __slots__ = ()
    kind = public_kind = "stream"
    is_in_paths = True
    is_numbered = True
    is_whole = True
    place_is_position = False

    def read(self, log_id: int, *, after: int, upto: int, limit: int) -> Statement[Event]:
        params = {"log_id": log_id, "name": self.name, "after": after, "limit": limit}
        return Statement(_STREAM_EVENTS, params, Event)

    def near(self, log_id: int, place: int, *, head: int, side: int) -> DbWork[Near]:
        back = yield store.stream_events(log_id, self.name, from_version=place, backward=True, limit=side + 1)
        ahead = yield store.stream_events(log_id, self.name, from_version=place + 1, limit=side + 1)
        return near_of(back, ahead, side)

    def search(
        self, log_id: int, query: Query, *, after: int | None, before: int | None, backward: bool, end: int
    ) -> Search:
        return scan.search_stream(
            log_id, self.name, query, after=after, before=before, backward=backward, limit=1, version=end
        )

    def last_place(self, log_id: int, *, head: int) -> DbWork[int]:
        streams: Sequence[StreamInfo] = yield lists.stream(log_id, self.name)
        return streams[0].version if streams else 0

    def position_of(self, log_id: int, place: int) -> DbWork[int]:
        if not place:
            return 0
        events: list[Event] = yield store.stream_events(log_id, self.name, from_version=place, limit=1)
        return events[0].position if events else 0

    def places_of(self, log_id: int, positions: set[int]) -> DbWork[dict[int, int]]:
        if not positions:
            return {}
        events: list[Event] = yield store.events(log_id, Q(position__in=positions), limit=len(positions))
        return {event.position: event.version for event in events}

    @property
    def follow_query(self) -> str:
        return names_string(stream=self.name)

    def page_url(self, log_name: str, projection: str) -> str:
        return reverse("stream", args=[log_name, self.name])


class NamedSource(Source):
    """The events that bear one name in an indexed column."""

    __slots__ = ()
    is_in_paths = True
    column: ClassVar[str]
    term: ClassVar[Name]
    statement: ClassVar[str]

    def read(self, log_id: int, *, after: int, upto: int, limit: int) -> Statement[Event]:
        params = {"log_id": log_id, "name": self.name, "after": after, "upto": upto, "limit": limit}
        blocks = {"after_block": number(after), "upto_block": number(upto)}
        return Statement(self.statement, params | blocks, Event)

    @property
    def condition(self) -> Q:
        return Q(**{self.column: self.name})

    @property
    def terms(self) -> list[Query]:
        return [Named(self.term, Pattern((self.name,)))]


class WorkflowSource(NamedSource):
    """The events of a workflow: those that share a correlation id, without system events, as lists count them."""

    __slots__ = ()
    kind = public_kind = "workflow"
    column = "correlation_id"
    term = Name.CORRELATION
    statement = NAMED_EVENTS.format(
        columns=store.EVENT_COLUMNS, condition=f"correlation_id = %(name)s and {NOT_SYSTEM}"
    )
    is_whole = True

    @property
    def condition(self) -> Q:
        return super().condition & _NOT_SYSTEM

    @property
    def terms(self) -> list[Query]:
        return [*super().terms, System(False)]

    @property
    def follow_query(self) -> str:
        return query_string(all_of(self.terms))

    def page_url(self, log_name: str, projection: str) -> str:
        return workflow_url(log_name, self.name)


class AgentSource(NamedSource):
    """The events that an agent appended."""

    __slots__ = ()
    kind = public_kind = "agent"
    column = "agent"
    term = Name.AGENT
    statement = NAMED_EVENTS.format(columns=store.EVENT_COLUMNS, condition="agent = %(name)s")

    @property
    def follow_query(self) -> str:
        return names_string(agent=self.name)

    def page_url(self, log_name: str, projection: str) -> str:
        return reverse("timeline", args=[log_name]) + self.follow_query


class TypeSource(NamedSource):
    """The events of a type."""

    __slots__ = ()
    kind = public_kind = "type"
    column = "type"
    term = Name.TYPE
    statement = NAMED_EVENTS.format(columns=store.EVENT_COLUMNS, condition="type = %(name)s")

    @property
    def follow_query(self) -> str:
        return names_string(type=self.name)

    def page_url(self, log_name: str, projection: str) -> str:
        return reverse("timeline", args=[log_name]) + self.follow_query


class ReadThrough(Source):
    """A source whose events are read from the whole log."""

    __slots__ = ()

    def read(self, log_id: int, *, after: int, upto: int, limit: int) -> Read[Event] | Statement[Event]:
        params = {"log_id": log_id, "after": after, "upto": min(upto, after + limit)}
        return Statement(_LOG_EVENTS, params, Event)


class LogSource(ReadThrough):
    """All events of the log. Positions have no gaps, so they are the numbers of steps, too."""

    __slots__ = ()
    kind = public_kind = "log"
    has_name = False
    is_numbered = True
    is_whole = True

    @property
    def follow_query(self) -> str:
        return "?"

    @property
    def parameters(self) -> dict[str, str]:
        return {}

    @property
    def words(self) -> str:
        return "the whole log"

    def page_url(self, log_name: str, projection: str) -> str:
        return reverse("timeline", args=[log_name])
