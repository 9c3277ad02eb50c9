"""Where a state's events come from: an index of the log, the keys that the runner keeps, or the whole log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from django.db.models import Exists, OuterRef, Q, QuerySet

from events.query.match import event_matcher
from events.query.parse import parse
from events.reading import store
from events.reading.db_work import Asking, Statement
from events.reading.store import Read
from events.types import Event
from projections.definition.fingerprint import fingerprint
from projections.definition.projection import AGENT, LOG, STREAM, WORKFLOW, Key, Projection, decode
from projections.models import Checkpoint, Parked, ProjectionEvent
from projections.states.sql import LOG_EVENTS, NAMED_EVENTS, STREAM_EVENTS

Kind: TypeAlias = Literal["stream", "workflow", "agent", "log", "query", "key", "kept"]

_KINDS: dict[str, Kind] = {STREAM.name: "stream", WORKFLOW.name: "workflow", AGENT.name: "agent", LOG.name: "log"}
_BY_INDEX: tuple[Key, ...] = (STREAM, WORKFLOW, AGENT, LOG)

_STREAM_EVENTS = STREAM_EVENTS.format(columns=store.EVENT_COLUMNS)
_LOG_EVENTS = LOG_EVENTS.format(columns=store.EVENT_COLUMNS)
_NAMES = {"workflow": "correlation_id", "agent": "agent"}
_NAMED_EVENTS = {kind: NAMED_EVENTS.format(columns=store.EVENT_COLUMNS, name=column) for kind, column in _NAMES.items()}


@dataclass(frozen=True, slots=True)
class Places:
    """The positions of the events of a key, as the runner noted them for a build; all of those up to `upto`."""

    projection: str
    build: int
    upto: int


@dataclass(frozen=True, slots=True)
class Source:
    """The events of one key, in order. A place in them is a version of a stream, else a position of the log.

    Kind `key` is the whole log, looked through; `kept` is that too, behind the last of `places`; so is `query`, whose
    name is a query with its times pinned.
    """

    kind: Kind
    name: str
    places: Places | None = None

    def read(self, log_id: int, *, after: int, upto: int, limit: int) -> Read[Event] | Statement:
        """The next events behind a place. Of a stream even beyond the position `upto`: its index is by version."""
        if self.kind == "stream":
            return Statement(_STREAM_EVENTS, (log_id, self.name, after + 1, limit), Event)
        if self.places and after < self.places.upto:
            wanted = self.noted(log_id, self.places).filter(position__gt=after, position__lte=upto).order_by("position")
            return store.events(log_id, Q(position__in=wanted[:limit]), limit=limit)
        if self.kind in _NAMES:
            return Statement(_NAMED_EVENTS[self.kind], (log_id, self.name, after, upto, limit), Event)
        return Statement(_LOG_EVENTS, (log_id, after, min(upto, after + limit)), Event)

    def place(self, event: Event) -> int:
        """Where an event stands in this source."""
        return event.version if self.kind == "stream" else event.position

    def has(self, event: Event) -> bool:
        """Whether an event that was read from here is one of it. (Those of a query are looked for among all.)"""
        return self.kind != "query" or _fits(self.name)(event)

    def takes(self, projection: Projection, event: Event) -> bool:
        """Whether a projection folds an event that was read from here. What the key makes of it may raise."""
        if self.kind == "query":
            return projection.reads(event) and _fits(self.name)(event)
        is_mixed = self.kind in ("key", "kept")
        return projection.reads(event) and (not is_mixed or self.name in projection.key.keys(decode(event)))

    def end_of_places(self, place: int, *, upto: int) -> int | None:
        """Where the way to a position goes on when a read from a place was short: what was noted may be at its end."""
        return self.places.upto if self.places and place < self.places.upto < upto else None

    def noted(self, log_id: int, places: Places) -> QuerySet[ProjectionEvent, Any]:
        """The positions of its events as the runner noted them."""
        noted = ProjectionEvent.objects.filter(
            log_id=log_id, projection=places.projection, build=places.build, key=self.name
        )
        return noted.filter(position__lte=places.upto).values("position")

    @property
    def condition(self) -> Q:
        return Q(**{_NAMES[self.kind]: self.name}) if self.kind in _NAMES else Q()


@lru_cache(maxsize=64)
def _fits(query: str) -> Callable[[Event], bool]:
    return event_matcher(parse(query))


def kind_of(projection: Projection) -> Kind:
    """The kind of source that its states are folded from; `key`: the log has no index of its keys."""
    return _KINDS[projection.key.name] if projection.key in _BY_INDEX else "key"


def source_of(log_id: int, projection: Projection, key: str) -> Asking[Source]:
    """The source of a projection's state under a key.

    Without an index by that key it is what the runner noted, if it noted everything by the code that is running; or
    else the log, looked through.
    """
    kind = kind_of(projection)
    if kind != "key":
        return Source(kind, key)
    if projection.materialised:
        places: list[Places] = yield _places(log_id, projection, key)
        if places:
            return Source("kept", key, places[0])
    return Source("key", key)


def source_named(log_id: int, projection: Projection, kind: Kind, name: str) -> Asking[Source]:
    """The source of a kind that has a name; of one by key, what is noted of it now."""
    if kind in ("key", "kept"):
        return (yield from source_of(log_id, projection, name))
    return Source(kind, name)


def _places(log_id: int, projection: Projection, key: str) -> Read[Places]:
    parked = Parked.objects.filter(
        log_id=OuterRef("log_id"), projection=OuterRef("projection"), build=OuterRef("build"), key=key
    )
    whole = Checkpoint.objects.filter(
        ~Exists(parked),
        log_id=log_id,
        projection=projection.name,
        is_live=True,
        fingerprint=fingerprint(projection),
        skipped=0,
    )
    return Read(whole.values_list("projection", "build", "position"), Places)
