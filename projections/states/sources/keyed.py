"""Sources of a key for which the log has no index: the places that the runner noted, or the whole log."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from events.reading import store
from events.reading.db_work import DbWork
from events.reading.statement import Statement
from events.reading.store import Read
from events.types import Event
from projections.definition.fingerprint import fingerprint
from projections.definition.projection import Projection, decode
from projections.materialise.batch import PLACES_IN_A_ROW
from projections.models import Checkpoint, Parked, ProjectionState, Status
from projections.states.sources.base import Near, near_of
from projections.states.sources.indexed import ReadThrough
from projections.states.sql import NTH_PLACE, PLACES_AHEAD, PLACES_BACK

_PLACES_AHEAD = PLACES_AHEAD.format(columns=store.EVENT_COLUMNS)
_PLACES_BACK = PLACES_BACK.format(columns=store.EVENT_COLUMNS)


@dataclass(frozen=True, slots=True)
class Places:
    """The positions up to `upto` of the events of a key, as the runner noted them for a build."""

    projection: str
    build: int
    upto: int


class ScannedSource(ReadThrough):
    """The events of a key without an index: the whole log is searched for them."""

    __slots__ = ()
    kind = public_kind = "key"
    is_searchable = False

    def takes(self, projection: Projection, event: Event) -> bool:
        return projection.reads(event) and self.name in projection.key.keys(decode(event))

    @property
    def follow_query(self) -> None:
        return None

    def page_url(self, log_name: str, projection: str) -> str:
        state = reverse("projection-state", args=[log_name, projection])
        return f"{state}?{urlencode({'key': self.name})}"


@dataclass(frozen=True, slots=True)
class KeptSource(ScannedSource):
    """The events of a key as the runner noted them; after the last noted place the log is searched."""

    kind = "kept"

    places: Places = field(kw_only=True)

    def read(self, log_id: int, *, after: int, upto: int, limit: int) -> Read[Event] | Statement[Event]:
        if after >= self.places.upto:
            # `super()` does not work here: `slots=True` makes a new class.
            return ScannedSource.read(self, log_id, after=after, upto=upto, limit=limit)
        return self._ahead(log_id, after, min(upto, self.places.upto), limit=limit)

    def near(self, log_id: int, place: int, *, head: int, side: int) -> DbWork[Near]:
        rows = _rows(side + 1)
        back = yield Statement(_PLACES_BACK, self._params(log_id, place=place, rows=rows, limit=side + 1), Event)
        ahead = yield self._ahead(log_id, place, self.places.upto, limit=side + 1)
        return near_of(back, ahead, side)

    def after(self, log_id: int, place: int, *, head: int, limit: int) -> DbWork[tuple[list[Event], int | None]]:
        if place >= self.places.upto:
            return [], None
        return (yield from ScannedSource.after(self, log_id, place, head=head, limit=limit))

    def is_there(self, log_id: int) -> DbWork[bool]:
        """Whether the build is not retired: its places are removed only after that."""
        places = self.places
        builds = Checkpoint.objects.filter(log_id=log_id, projection=places.projection, build=places.build)
        builds_left: list[int] = yield Read(builds.exclude(status=Status.RETIRED).values_list("build"), int)
        return bool(builds_left)

    def last_place(self, log_id: int, *, head: int) -> DbWork[int]:
        yield from ()
        return self.places.upto

    def nth_place(self, log_id: int, n: int, *, passed_count: int, place: int, head: int) -> DbWork[int | None]:
        row, i = divmod(n - 1, PLACES_IN_A_ROW)
        params = self._params(log_id, row=row, nth_of_row=i + 1, n=n)
        positions: list[int | None] = yield Statement(NTH_PLACE, params, _same)
        return positions[0]

    def end_of_places(self, place: int, *, upto: int) -> int | None:
        return self.places.upto if place < self.places.upto < upto else None

    def kept_state(self, log_id: int) -> QuerySet[ProjectionState, ProjectionState]:
        """The state that these events made, which has their number and the position of the last one."""
        places = self.places
        return ProjectionState.objects.filter(
            log_id=log_id, projection=places.projection, build=places.build, key=self.name
        )

    def _ahead(self, log_id: int, after: int, upto: int, *, limit: int) -> Statement[Event]:
        """The events after a place."""
        params = self._params(log_id, after=after, upto=upto, rows=_rows(limit), limit=limit)
        return Statement(_PLACES_AHEAD, params, Event)

    def _params(self, log_id: int, **values: int) -> dict[str, object]:
        places = self.places
        of_key = {"projection": places.projection, "build": places.build, "key": self.name}
        return {"log_id": log_id, **of_key, **values}


def _same(position: int | None) -> int | None:
    return position


def _rows(places: int) -> int:
    """Return the largest number of rows over which so many places can be spread."""
    return places // PLACES_IN_A_ROW + 2


def noted_places(log_id: int, projection: Projection, key: str) -> Read[Places]:
    """The places of a key: one row if the runner noted all of them, by the code that is running; else none."""
    parked = Parked.objects.filter(
        log_id=OuterRef("log_id"), projection=OuterRef("projection"), build=OuterRef("build"), key=key
    )
    whole_builds = Checkpoint.objects.filter(
        ~Exists(parked),
        log_id=log_id,
        projection=projection.name,
        is_live=True,
        fingerprint=fingerprint(projection),
        skipped=0,
    )
    return Read(whole_builds.values_list("projection", "build", "position"), Places)
