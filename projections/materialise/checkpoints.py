"""The view of builds for people, and their orders: status, progress, pause, resume, rebuild.

Everything here is one short statement. The runner compares the row before it writes, so an order holds from its commit
on, and is carried out at the runner's next turn (a second at the latest, if one runs).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from events.models import Event, Log, Redaction
from events.reading.store import Read
from projections import registry
from projections.definition.projection import Projection
from projections.errors import NoSuchBuild
from projections.materialise.build import begin
from projections.materialise.standing import BuildStanding
from projections.models import Checkpoint, Parked, Policy, ProjectionState, Status


@dataclass(frozen=True, slots=True)
class Progress(BuildStanding):
    """How far one build has come, and all else that pages say of it."""

    rate: float
    chosen_policy: str | None
    skipped: int
    unkeyed: int
    unkeyed_position: int | None
    traceback: str
    live_at: datetime | None
    parked: int

    @property
    def policy(self) -> str:
        """Return the policy for an event at which a handler raises: the operator's, else the declared one."""
        declared = registry.PROJECTIONS.get(self.projection)
        return self.chosen_policy or (declared.policy if declared else "")

    @property
    def left(self) -> timedelta | None:
        """How long its lag takes at its rate of late; None where that is not known."""
        if not self.lag:
            return timedelta(0)
        return timedelta(seconds=self.lag / self.rate) if self.rate and self.is_moving else None


_COLUMNS = [{"chosen_policy": "policy"}.get(each.name, each.name) for each in fields(Progress)]


def progress(log: Log, projection: str | None = None) -> list[Progress]:
    """Return the builds of a log that are neither retired nor about to be.

    The live build of each projection comes first, then the one beside it.
    """
    rows = sound(log.pk) if projection is None else sound(log.pk).filter(projection=projection)
    return _progress(rows.order_by("projection", "-is_live", "build")).fetch()


def _progress(builds: QuerySet[Checkpoint, Checkpoint]) -> Read[Progress]:
    log = Log.objects.filter(pk=OuterRef("log_id"))
    next_event = Event.objects.filter(log_id=OuterRef("log_id"), position=OuterRef("position") + 1)
    of_build = {name: OuterRef(name) for name in ("log_id", "projection", "build")}
    parked = Parked.objects.filter(**of_build).order_by().values("build").annotate(keys=Count("*"))
    query = builds.annotate(
        head=Subquery(log.values("head")),
        behind_since=Subquery(next_event.values("recorded_at")),
        parked=Coalesce(Subquery(parked.values("keys")), 0),
    )
    return Read(query.values_list(*_COLUMNS), Progress)


def live(log_id: int, projection: str) -> QuerySet[ProjectionState, ProjectionState]:
    """The states of the live build, whichever it is when the query runs; none if they may hold redacted content."""
    build = sound(log_id).filter(projection=projection, is_live=True).values("build")
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
    """Set the policy for errors in every build of a projection; None: the declared one."""
    _builds(log_id).filter(projection=projection).update(policy=policy)


def sound(log_id: int) -> QuerySet[Checkpoint, Checkpoint]:
    """The builds of a log that hold no redacted content, neither in states nor in the texts of errors."""
    redacted = Redaction.objects.filter(log_id=OuterRef("log_id"), marker_position__gt=OuterRef("seen"))
    return _builds(log_id).filter(~Exists(redacted))


def _builds(log_id: int) -> QuerySet[Checkpoint, Checkpoint]:
    return Checkpoint.objects.filter(log_id=log_id).exclude(status=Status.RETIRED)


def _change(log_id: int, projection: str, build: int, when: Status, **values: object) -> None:
    row = Checkpoint.objects.filter(log_id=log_id, projection=projection, build=build, status=when)
    if not row.update(**values):
        raise NoSuchBuild(f"No build {build} of {projection} is {when}.")
