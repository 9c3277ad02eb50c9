"""Parked keys: a reducer raised for one of their events.

They are grouped by error and event, and can be retried or led past the event, one by one or all of one fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Func, Min, Q, QuerySet, TextField, Value
from django.db.models.functions import Coalesce

from projections.errors import NoSuchBuild
from projections.models import Parked, ProjectionState


def _part(field: str, pattern: str) -> Coalesce:
    return Coalesce(Func(F(field), Value(pattern), function="substring"), Value(""), output_field=TextField())


_KIND = _part("error", "^[^:]*")
_PLACE = _part("traceback", r'.*File "([^"]*", line [0-9]+, in [^\n]*)')
"""The last line of code of a traceback: where it was raised."""


@dataclass(frozen=True, slots=True)
class ParkedKey:
    """A key that goes no further: the event that its reducer raised for, the state before it (None: the initial)."""

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

    `place` may be empty.

    `retried` of the `keys` are being tried again. `first` is the position of the first event it was raised for.
    """

    kind: str
    place: str
    keys: int
    retried: int
    first: int
    since: datetime

    @property
    def where(self) -> str:
        """The place as a line says it: file, line, function."""
        path, _, rest = self.place.partition('", line ')
        line, _, function = rest.partition(", in ")
        return f"{function}, {path.rpartition('/')[2]}:{line}" if rest else self.place


@dataclass(frozen=True, slots=True)
class Which:
    """Some of a build's parked keys: one, those of one fault, or all."""

    key: str | None = None
    kind: str | None = None
    place: str | None = None

    def __str__(self) -> str:
        return f" {self.key!r}" if self.key is not None else f" that {self.kind} stopped" if self.kind else ""


ALL = Which()


def faults(log_id: int, projection: str, build: int) -> list[Fault]:
    """Return the faults of a build's parked keys; the one that stopped most of them comes first."""
    rows = Parked.objects.filter(log_id=log_id, projection=projection, build=build)
    grouped = rows.values(kind=_KIND, place=_PLACE).annotate(
        keys=Count("key"), retried=Count("key", filter=Q(is_retried=True)), first=Min("position"), earliest=Min("since")
    )
    values = grouped.values_list("kind", "place", "keys", "retried", "first", "earliest")
    return [Fault(*each) for each in values.order_by("-keys", "kind", "place")]


def parked(
    log_id: int, projection: str, build: int, *, which: Which = ALL, limit: int | None = None
) -> list[ParkedKey]:
    """The keys of a build that go no further, by key."""
    rows = list(_parked(log_id, projection, build, which).order_by("key")[:limit])
    states = ProjectionState.objects.filter(
        log_id=log_id, projection=projection, build=build, key__in=[row.key for row in rows]
    )
    text = dict(states.values_list("key", "state"))
    return [
        ParkedKey(row.key, row.position, text.get(row.key), row.error, row.traceback, row.since, row.is_retried)
        for row in rows
    ]


def retry(log_id: int, projection: str, build: int, *, which: Which = ALL) -> int:
    """Try the events again that keys were parked at; of how many. Raises `NoSuchBuild` where none is parked."""
    return _unpark(log_id, projection, build, which, behind=0)


def skip(log_id: int, projection: str, build: int, *, which: Which = ALL) -> int:
    """Go on with keys behind the events that they were parked at; of how many. Raises `NoSuchBuild` as `retry`."""
    return _unpark(log_id, projection, build, which, behind=1)


def _unpark(log_id: int, projection: str, build: int, which: Which, *, behind: int) -> int:
    # One that is being retried already has moved on from the event that was seen.
    rows = _parked(log_id, projection, build, which).filter(is_retried=False)
    count = rows.update(is_retried=True, position=F("position") + behind)
    if not count:
        raise NoSuchBuild(f"{projection} has no parked key{which}.")
    return count


def _parked(log_id: int, projection: str, build: int, which: Which) -> QuerySet[Parked, Parked]:
    conditions = {"key": which.key, "kind": which.kind, "place": which.place}
    rows = Parked.objects.annotate(kind=_KIND, place=_PLACE).filter(log_id=log_id, projection=projection, build=build)
    return rows.filter(**{name: value for name, value in conditions.items() if value is not None})
