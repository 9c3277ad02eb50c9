"""What people see of builds and do with them: status, progress, pause, resume, rebuild.

Everything here is one short statement. The runner compares the row before it writes, so an order holds from its commit
on, and is carried out at the runner's next turn (a second at the latest, if one runs).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from events.models import Event, Log
from events.reading.store import Read
from projections import registry
from projections.definition.fingerprint import fingerprint
from projections.definition.projection import Projection
from projections.errors import NoSuchBuild
from projections.materialise.build import begin
from projections.models import Checkpoint, Parked, Policy, ProjectionState, Status


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one build has come. `state` is the word for it:

    - `live`; `catching up`: live, and far behind the log; `building`: beside the live one;
    - `stalled`: it should move, and has not for minutes; `paused`; `stopped`: before the event at `error_position`;
    - `code changed`: other code made it, and its states stand still until it is rebuilt; `newer`: a later version than
      is running here made it; `unknown`: nothing that is materialised is declared under its name any more.
    """

    projection: str
    build: int
    version: int
    fingerprint: str
    status: str
    is_live: bool
    position: int
    rate: float
    chosen_policy: str | None
    skipped: int
    unkeyed: int
    unkeyed_position: int | None
    error: str
    traceback: str
    error_position: int | None
    started_at: datetime
    advanced_at: datetime | None
    live_at: datetime | None
    head: int
    behind_since: datetime | None
    parked: int

    @property
    def state(self) -> str:
        declared = registry.PROJECTIONS.get(self.projection)
        if declared is None or not declared.materialised:
            return "unknown"
        if self.version > declared.version:
            return "newer"
        if self.fingerprint != fingerprint(declared):
            return "code changed"
        if self.status != Status.RUNNING:
            return self.status
        if self._is_stalled:
            return "stalled"
        return "building" if not self.is_live else "catching up" if self.lag > _MAX_LIVE_LAG else "live"

    @property
    def _is_stalled(self) -> bool:
        if self.behind_since is None:
            return False
        return timezone.now() - max(self.behind_since, self.advanced_at or self.started_at) > _STALLED

    @property
    def is_moving(self) -> bool:
        """Whether the runner leads it on."""
        return self.state in ("live", "catching up", "building")

    @property
    def policy(self) -> str:
        """What is done about an event that a handler raises for: as an operator chose, or else as it is declared."""
        declared = registry.PROJECTIONS.get(self.projection)
        return self.chosen_policy or (declared.policy if declared else "")

    @property
    def lag(self) -> int:
        """Events of the log that it has not passed yet."""
        return max(0, self.head - self.position)

    @property
    def left(self) -> timedelta | None:
        """How long that takes at its rate of late; None where that is not known."""
        if not self.lag:
            return timedelta(0)
        return timedelta(seconds=self.lag / self.rate) if self.rate and self.is_moving else None


_STALLED = timedelta(minutes=2)
"""Without progress for so long, a build that has events to fold is said to be stalled."""
_MAX_LIVE_LAG = 1_000
"""Events that a live build is behind at the most to be called live: the runner's first batch."""
_COLUMNS = (
    *("projection", "build", "version", "fingerprint", "status", "is_live", "position", "rate", "policy", "skipped"),
    *("unkeyed", "unkeyed_position", "error", "traceback", "error_position", "started_at", "advanced_at", "live_at"),
)


def progress(log: Log, projection: str | None = None) -> list[Progress]:
    """Every build in a log that is not retired: of each projection the live one first, then the one beside it."""
    rows = _builds(log.pk) if projection is None else _builds(log.pk).filter(projection=projection)
    return progress_of(rows.order_by("projection", "-is_live", "build")).fetch()


def progress_of(builds: QuerySet[Checkpoint, Checkpoint]) -> Read[Progress]:
    """How far some builds have come."""
    log = Log.objects.filter(pk=OuterRef("log_id"))
    next_event = Event.objects.filter(log_id=OuterRef("log_id"), position=OuterRef("position") + 1)
    of_build = {name: OuterRef(name) for name in ("log_id", "projection", "build")}
    parked = Parked.objects.filter(**of_build).order_by().values("build").annotate(keys=Count("*"))
    query = builds.annotate(
        head=Subquery(log.values("head")),
        behind_since=Subquery(next_event.values("recorded_at")),
        parked=Coalesce(Subquery(parked.values("keys")), 0),
    )
    return Read(query.values_list(*_COLUMNS, "head", "behind_since", "parked"), Progress)


def live(log_id: int, projection: str) -> QuerySet[ProjectionState, ProjectionState]:
    """The states that readers see: one whole build's, whichever it is when the query runs."""
    build = Checkpoint.objects.filter(log_id=log_id, projection=projection, is_live=True).values("build")
    return ProjectionState.objects.filter(log_id=log_id, projection=projection, build=Subquery(build))


def rebuild(log_id: int, projection: Projection) -> None:
    """Begin a build by the code that is running, beside the live one. One that is on its way is given up."""
    with transaction.atomic(), connection.cursor() as cursor:
        begin(cursor.execute, log_id, projection)


def cancel(log_id: int, projection: str) -> None:
    """Give up the build beside the live one, if there is one."""
    _builds(log_id).filter(projection=projection, is_live=False).update(status=Status.RETIRED)


def pause(log_id: int, projection: str, build: int) -> None:
    """Stand still. Raises `NoSuchBuild` unless it is running."""
    _change(log_id, projection, build, Status.RUNNING, status=Status.PAUSED)


def resume(log_id: int, projection: str, build: int) -> None:
    """Go on after a pause. Raises `NoSuchBuild` unless it is paused."""
    _change(log_id, projection, build, Status.PAUSED, status=Status.RUNNING)


def retry(log_id: int, projection: str, build: int) -> None:
    """Try the event again that it stopped at. Raises `NoSuchBuild` unless it is stopped."""
    _change(log_id, projection, build, Status.STOPPED, status=Status.RUNNING)


def skip(log_id: int, projection: str, build: int) -> None:
    """Go on behind the event that it stopped at. Raises `NoSuchBuild` unless it is stopped."""
    # That event stands right after its position.
    behind = {"position": F("position") + 1, "skipped": F("skipped") + 1}
    _change(log_id, projection, build, Status.STOPPED, status=Status.RUNNING, **behind)


def set_policy(log_id: int, projection: str, policy: Policy | None) -> None:
    """What to do about errors from now on, in every build of a projection; None: as it is declared."""
    _builds(log_id).filter(projection=projection).update(policy=policy)


def _builds(log_id: int) -> QuerySet[Checkpoint, Checkpoint]:
    return Checkpoint.objects.filter(log_id=log_id).exclude(status=Status.RETIRED)


def _change(log_id: int, projection: str, build: int, when: Status, **values: object) -> None:
    row = Checkpoint.objects.filter(log_id=log_id, projection=projection, build=build, status=when)
    if not row.update(**values):
        raise NoSuchBuild(f"No build {build} of {projection} is {when}.")
