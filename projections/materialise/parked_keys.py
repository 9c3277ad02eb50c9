"""Parked keys: a reducer raised for one of their events.

They are grouped by their fault. An operator retries them or skips their events, one by one or all of one fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, F, Func, Max, Min, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Coalesce

from events.models import Redaction
from projections.errors import NoSuchBuild
from projections.models import Checkpoint, Parked, ProjectionState


def _part(field: str, pattern: str) -> Coalesce:
    return Coalesce(Func(F(field), Value(pattern), function="substring"), Value(""), output_field=TextField())


_KIND = _part("error", "^[^:]*")
_PLACE = _part("traceback", r'.*File "([^"]*", line [0-9]+, in [^\n]*)')
"""The last line of code in a traceback: it raised the error."""


@dataclass(frozen=True, slots=True)
class ParkedKey:
    """A parked key. `position` is that of the event; `state` is the state before it (None: the initial one)."""

    key: str
    position: int
    state: str | None
    error: str
    traceback: str
    since: datetime
    is_retried: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """The fault that stopped some keys: a kind of error, and the place in the code that raised it.

    `place` may be empty. `keys` counts them, `retried_count` those that are being tried again. `first` and `last` are
    positions of events, with the times at which they were parked. `error` is that of one of the keys.
    """

    kind: str
    place: str
    keys: int
    retried_count: int
    first: int
    since: datetime
    last: int
    last_at: datetime
    error: str

    @property
    def where(self) -> str:
        """The place on one line: function, file, line."""
        path, _, rest = self.place.partition('", line ')
        line, _, function = rest.partition(", in ")
        return f"{function}, {path.rpartition('/')[2]}:{line}" if rest else self.place


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection of the parked keys of a build: one key, the keys of one fault, or all."""

    key: str | None = None
    kind: str | None = None
    place: str | None = None

    def __str__(self) -> str:
        return f" {self.key!r}" if self.key is not None else f" that {self.kind} stopped" if self.kind else ""


ALL = Selection()


def faults(log_id: int, projection: str, build: int) -> list[Fault]:
    """Return the faults of a build's parked keys; the fault with most keys comes first."""
    rows = Parked.objects.filter(log_id=log_id, projection=projection, build=build)
    return [fault for _, _, fault in _faults(rows)]


def faults_in_log(log_id: int) -> list[tuple[str, int, Fault]]:
    """Return the faults of all live builds of a log, each with its projection and build.

    A build that may hold redacted content has none.
    """
    build = Checkpoint.objects.filter(
        ~Exists(Redaction.objects.filter(log_id=OuterRef("log_id"), marker_position__gt=OuterRef("seen"))),
        log_id=OuterRef("log_id"),
        projection=OuterRef("projection"),
        build=OuterRef("build"),
        is_live=True,
    )
    return _faults(Parked.objects.filter(Exists(build), log_id=log_id))


def _faults(rows: QuerySet[Parked, Parked]) -> list[tuple[str, int, Fault]]:
    groups = rows.values("projection", "build", kind=_KIND, place=_PLACE).annotate(
        keys=Count("key"),
        retried_count=Count("key", filter=Q(is_retried=True)),
        first=Min("position"),
        earliest=Min("since"),
        last=Max("position"),
        latest=Max("since"),
        example=Min("error"),
    )
    values = groups.values_list(
        *("projection", "build", "kind", "place", "keys", "retried_count", "first", "earliest"),
        *("last", "latest", "example"),
    )
    ordered = values.order_by("-keys", "projection", "kind", "place")
    return [(projection, build, Fault(*each)) for projection, build, *each in ordered]


def parked(
    log_id: int, projection: str, build: int, *, selection: Selection = ALL, limit: int | None = None
) -> list[ParkedKey]:
    """Return the parked keys of a build, ordered by key."""
    rows = list(_parked(log_id, projection, build, selection).order_by("key")[:limit])
    states = ProjectionState.objects.filter(
        log_id=log_id, projection=projection, build=build, key__in=[row.key for row in rows]
    )
    text = dict(states.values_list("key", "state"))
    return [
        ParkedKey(row.key, row.position, text.get(row.key), row.error, row.traceback, row.since, row.is_retried)
        for row in rows
    ]


def retry(log_id: int, projection: str, build: int, *, selection: Selection = ALL) -> int:
    """Try the events that parked some keys again; return the number of keys. Raises `NoSuchBuild` if it is 0."""
    return _unpark(log_id, projection, build, selection, step=0)


def skip(log_id: int, projection: str, build: int, *, selection: Selection = ALL) -> int:
    """Go on after the events that parked some keys; return the number of keys. Raises `NoSuchBuild` if it is 0."""
    return _unpark(log_id, projection, build, selection, step=1)


def _unpark(log_id: int, projection: str, build: int, selection: Selection, *, step: int) -> int:
    # A key that is being retried may have passed the event that the page showed.
    rows = _parked(log_id, projection, build, selection).filter(is_retried=False)
    count = rows.update(is_retried=True, position=F("position") + step)
    if not count:
        raise NoSuchBuild(f"{projection} has no parked key{selection}.")
    return count


def _parked(log_id: int, projection: str, build: int, selection: Selection) -> QuerySet[Parked, Parked]:
    conditions = {"key": selection.key, "kind": selection.kind, "place": selection.place}
    rows = Parked.objects.annotate(kind=_KIND, place=_PLACE).filter(log_id=log_id, projection=projection, build=build)
    return rows.filter(**{name: value for name, value in conditions.items() if value is not None})
