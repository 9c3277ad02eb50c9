"""The reads of the log. Each is built once, as a query, and runs in its caller's thread or event loop.

`fetch()` runs in the calling thread on Django's connection (pages, commands); `afetch()` runs the same SQL on the
engine's asynchronous pool (API, tails), without a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from django.core.exceptions import EmptyResultSet
from django.db.models import Count, Q, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual
from psycopg import AsyncConnection, Connection

from events import models, sql
from events.columns import second_of
from events.reading.along import Along
from events.reading.rows import Row, Rows
from events.reading.statement import Statement
from events.types import Event, LogInfo, Moment, Neighbour

_EVENT_FIELDS = Event.__struct_fields__
EVENT_NAMES = ", ".join(_EVENT_FIELDS)
EVENT_COLUMNS = ", ".join(f"{name}::text" if name in ("data", "metadata") else name for name in _EVENT_FIELDS)
_EVENT = sql.EVENT.format(columns=EVENT_COLUMNS)
_LAST_POSITION = 2**63 - 1
_ALL = Q()


@dataclass(frozen=True, slots=True)
class Read(Rows[Row]):
    """A query; `row` makes a value of each of its rows.

    Sessions send rows as binary: to parse times from text takes a fifth of the time of reading events.
    """

    query: QuerySet[Any, tuple[Any, ...]]
    row: Callable[..., Row]

    def fetch(self) -> list[Row]:
        return [self.row(*values) for values in self.query]

    async def afetch_on(self, session: AsyncConnection[Any]) -> list[Row]:
        """Return the rows, read on a connection of the caller, in its transaction."""
        try:
            sql, params = self.query.query.sql_with_params()
        except EmptyResultSet:  # nothing can match: a position beyond bigint, say
            return []
        cursor = await session.execute(sql, params, prepare=True, binary=True)
        return [self.row(*values) for values in await cursor.fetchall()]

    def fetch_on(self, session: Connection[Any]) -> list[Row]:
        """Return the rows, read by a process that has a session of its own (the projection runner)."""
        try:
            sql, params = self.query.query.sql_with_params()
        except EmptyResultSet:
            return []
        return [self.row(*values) for values in session.execute(sql, params, prepare=True, binary=True).fetchall()]


def _events_read(log_id: int) -> QuerySet[models.Event, models.Event]:
    return models.Event.objects.filter(log_id=log_id)


def _in_order(
    log_id: int, condition: Q, *, after: int | None = None, before: int | None = None, backward: bool = False
) -> QuerySet[models.Event, models.Event]:
    """Return the events between two positions (both exclusive) that fit a condition, in order."""
    along = Along.of(condition)
    query = _events_read(log_id).filter(condition, along.between(after, before))
    return query.order_by(*along.order(backward=backward))


def _as_events(query: QuerySet[models.Event, models.Event]) -> Read[Event]:
    return Read(query.values_list(*_EVENT_FIELDS), Event)


def events(
    log_id: int,
    condition: Q = _ALL,
    *,
    after: int | None = None,
    before: int | None = None,
    backward: bool = False,
    limit: int,
) -> Read[Event]:
    """Return the events between two positions (both exclusive), oldest first or, with `backward`, newest first.

    `condition` is a query's (`query.orm.where`). The read looks at any number of events until `limit` fit: use a search
    (`scan`) if few may fit.
    """
    if after is not None and not condition and not backward:
        # Positions have no gaps. For a range with both ends the planner uses the key, even for a table so new that
        # it has no statistics, and would otherwise sort all events after `after`.
        before = after + limit + 1 if before is None else min(before, after + limit + 1)
    query = _in_order(log_id, condition, after=after, before=before, backward=backward)
    return _as_events(query[:limit])


def count(log_id: int, condition: Q, *, first: int, last: int) -> Read[int]:
    """Return the number of events from one position to another that fit; no row if none does.

    The read looks at each event of the range, so the range should be short.
    """
    query = _in_order(log_id, condition, after=first - 1, before=last + 1).order_by()
    return Read(query.values("log_id").annotate(events=Count("*")).values_list("events"), int)


def positions_about(log_id: int, since: datetime, *, until: datetime | None, limit: int) -> Read[int]:
    """Return the positions of the events of a time, the latest first; its first and last second count whole."""
    second = second_of(Coalesce("occurred_at", "recorded_at"))
    query = _events_read(log_id).filter(GreaterThanOrEqual(second, second_of(Value(since))))
    if until is not None:
        query = query.filter(LessThanOrEqual(second, second_of(Value(until))))
    return Read(query.order_by(second.desc()).values_list("position")[:limit], int)


def types(log_id: int, condition: Q, *, limit: int) -> Read[tuple[str, str]]:
    """Return the type and the stream of the first events that fit."""
    return _types(_in_order(log_id, condition), limit)


def stream_types(log_id: int, stream: str, *, limit: int) -> Read[tuple[str, str]]:
    """Return the type and the stream of the first events of a stream."""
    return _types(_events_read(log_id).filter(stream=stream).order_by("version"), limit)


def _types(query: QuerySet[models.Event, models.Event], limit: int) -> Read[tuple[str, str]]:
    return Read(query.values_list("type", "stream")[:limit], lambda *names: names)


def nth_position(log_id: int, condition: Q, n: int, *, after: int | None = None, backward: bool = False) -> Read[int]:
    """Return the position of the nth event after a position, or from the end; no row if there are fewer.

    The read counts n events.
    """
    query = _in_order(log_id, condition, after=after, backward=backward)
    return Read(query.values_list("position")[n - 1 : n], int)


def stream_events(
    log_id: int, stream: str, *, from_version: int | None = None, backward: bool = False, limit: int
) -> Read[Event]:
    """Return a stream's events from a version on (inclusive; by default from the end at which the direction starts)."""
    query = _events_read(log_id).filter(stream=stream)
    if from_version is not None:
        query = query.filter(**{"version__lte" if backward else "version__gte": from_version})
    return _as_events(query.order_by("-version" if backward else "version")[:limit])


def event(log_id: int, position: int) -> Statement[Event]:
    """Return the event at a position."""
    return Statement(_EVENT, {"log_id": log_id, "position": min(position, _LAST_POSITION)}, Event)


def event_by_id(log_id: int, id: str) -> Read[Event]:
    """Return the event with an id, for example the cause of an effect."""
    return _as_events(_events_read(log_id).filter(id=id))


def effects(log_id: int, id: str, *, limit: int) -> Read[Event]:
    """Return the events whose cause is the event with this id, in order."""
    return events(log_id, Q(causation_id=id), limit=limit)


def neighbours(log_id: int, event: Event) -> Read[Neighbour]:
    """Return the events right before and after one in its stream, in its workflow, of its agent and of its type."""
    by_version = _events_read(log_id).filter(stream=event.stream, version__in=(event.version - 1, event.version + 1))
    reads = [by_version.values_list(Value("stream"), "position")]
    for along, name, value in (
        ("workflow", "correlation_id", event.correlation_id),
        ("agent", "agent", event.agent),
        ("type", "type", event.type),
    ):
        if value is None:
            continue
        alike = Q(**{name: value})
        ends = (
            _in_order(log_id, alike, before=event.position, backward=True),
            _in_order(log_id, alike, after=event.position),
        )
        reads += [end.values_list(Value(along), "position")[:1] for end in ends]
    return Read(reads[0].union(*reads[1:], all=True), Neighbour)


def redacted(log_id: int, *, after: int, upto: int) -> Read[int]:
    """Return the positions of the events whose `event.redacted` is after a position, up to another, in order."""
    markers = models.Redaction.objects.filter(log_id=log_id, marker_position__gt=after, marker_position__lte=upto)
    return Read(markers.order_by("position").values_list("position"), int)


def moments(log_id: int, positions: Collection[int]) -> Read[Moment]:
    """Return the types and times of the events at some positions, in no order."""
    query = _events_read(log_id).filter(position__in=positions)
    return Read(query.values_list("position", "type", Coalesce("occurred_at", "recorded_at")), Moment)


def redacted_among(log_id: int, positions: Collection[int]) -> Read[int]:
    """Return the positions among some whose events were redacted, in no order."""
    return Read(models.Redaction.objects.filter(log_id=log_id, position__in=positions).values_list("position"), int)


def fitting(log_id: int, condition: Q, positions: Collection[int]) -> Read[int]:
    """Return the positions among some whose events fit a condition, in no order."""
    query = _events_read(log_id).filter(condition, position__in=positions)
    return Read(query.values_list("position"), int)


def positions_of(log_id: int, ids: Collection[str]) -> Read[tuple[str, int]]:
    """Return the positions of the events with some ids; an id that is not in the log is left out."""
    return Read(_events_read(log_id).filter(id__in=ids).values_list("id", "position"), lambda *pair: pair)


NameSeen: TypeAlias = Literal["type", "agent", "tag"]


def names_seen(log_id: int, name: NameSeen, *, prefix: str = "", limit: int) -> Read[str]:
    """Return the types, agents or tags that begin with a prefix, in order.

    The time depends on the number of names that are returned, not on the number of events that have them.
    """
    names = RawSQL(sql.NAMES_SEEN[name], (log_id, prefix, log_id, prefix, prefix, limit))  # noqa: S611  # a constant
    return Read(models.Log.objects.filter(id=log_id).values_list(names), str)


def log(name: str) -> Read[LogInfo]:
    """Return a log by its name."""
    return Read(models.Log.objects.filter(name=name).values_list("id", "name", "end__head"), LogInfo)


def head(log_id: int) -> Statement[int]:
    """Return the position of a log's last event; 0 if there is none."""
    return Statement(sql.HEAD, {"log_id": log_id}, int)


def heads(log_id: int, stream: str) -> Statement[tuple[int, int]]:
    """Return the log's last position and a stream's last version at one moment; 0 if there is no event."""
    return Statement(sql.HEADS, {"log_id": log_id, "name": stream}, lambda *pair: pair)
