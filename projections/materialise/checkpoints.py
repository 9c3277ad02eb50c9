"""The progress of builds, and the orders that people give them: pause, resume, retry, skip, rebuild, cancel.

Each order is one short statement. The runner compares the row before it writes, so an order holds from its commit on. A
runner carries it out at its next turn, a second later at most.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from events.models import Event, Log, LogHead, Redaction
from events.reading.store import Read
from projections import registry
from projections.definition.projection import Projection
from projections.errors import NoSuchBuild
from projections.materialise.build import begin
from projections.materialise.standing import BuildStanding
from projections.models import Checkpoint, Parked, Policy, ProjectionState, Status


@dataclass(frozen=True, slots=True)
class Progress(BuildStanding):
    """The progress of one build, with the other facts that pages show of it."""

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
        """The policy for an event at which a handler raises: the operator's, else the projection's."""
        projection = registry.PROJECTIONS.get(self.projection)
        return self.chosen_policy or (projection.policy if projection else "")

    @property
    def time_left(self) -> timedelta | None:
        """The time that its lag takes at its recent rate; None if that is not known."""
        if not self.lag:
            return timedelta(0)
        return timedelta(seconds=self.lag / self.rate) if self.rate and self.is_moving else None


_COLUMNS = [{"chosen_policy": "policy"}.get(each.name, each.name) for each in fields(Progress)]


def progress(log: Log, projection: str | None = None) -> list[Progress]:
    """Return the builds of a log, without those that are retired or may hold redacted content.

    The live build of each projection comes first, then the one beside it.
    """
    rows = sound(log.pk) if projection is None else sound(log.pk).filter(projection=projection)
    return _progress(rows.order_by("projection", "-is_live", "build")).fetch()


def _progress(builds: QuerySet[Checkpoint, Checkpoint]) -> Read[Progress]:
    log = LogHead.objects.filter(log=OuterRef("log_id"))
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
    """Return the query for the states of the live build; it finds none if they may hold redacted content."""
    build = sound(log_id).filter(projection=projection, is_live=True).values("build")
    return ProjectionState.objects.filter(log_id=log_id, projection=projection, build=Subquery(build))


def rebuild(log_id: int, projection: Projection) -> None:
    """Begin a build by the running code, beside the live one. An earlier build beside it is given up."""
    with transaction.atomic(), connection.cursor() as cursor:
        begin(cursor.execute, log_id, projection)


def cancel(log_id: int, projection: str) -> None:
    """Give up the build beside the live one, if there is one."""
    _builds(log_id).filter(projection=projection, is_live=False).update(status=Status.RETIRED)


def pause(log_id: int, projection: str, build: int) -> None:
    """Let a build stand still. Raises `NoSuchBuild` unless it is running."""
    _change(log_id, projection, build, Status.RUNNING, status=Status.PAUSED)


def resume(log_id: int, projection: str, build: int) -> None:
    """Let a build go on after a pause. Raises `NoSuchBuild` unless it is paused."""
    _change(log_id, projection, build, Status.PAUSED, status=Status.RUNNING)


def retry(log_id: int, projection: str, build: int) -> None:
    """Let a build try the event at which it stopped again. Raises `NoSuchBuild` unless it is stopped."""
    _change(log_id, projection, build, Status.STOPPED, status=Status.RUNNING)


def skip(log_id: int, projection: str, build: int) -> None:
    """Let a build go on after the event at which it stopped. Raises `NoSuchBuild` unless it is stopped."""
    # The event comes right after the position of the build.
    values = {"position": F("position") + 1, "skipped": F("skipped") + 1}
    _change(log_id, projection, build, Status.STOPPED, status=Status.RUNNING, **values)


def set_policy(log_id: int, projection: str, policy: Policy | None) -> None:
    """Set the policy for errors in every build of a projection; None: that of the projection."""
    _builds(log_id).filter(projection=projection).update(policy=policy)


def sound(log_id: int) -> QuerySet[Checkpoint, Checkpoint]:
    """Return the builds of a log that hold no redacted content, neither in states nor in the texts of errors."""
    redactions = Redaction.objects.filter(log_id=OuterRef("log_id"), marker_position__gt=OuterRef("seen"))
    return _builds(log_id).filter(~Exists(redactions))


def _builds(log_id: int) -> QuerySet[Checkpoint, Checkpoint]:
    return Checkpoint.objects.filter(log_id=log_id).exclude(status=Status.RETIRED)


def _change(log_id: int, projection: str, build: int, expected_status: Status, **values: object) -> None:
    row = Checkpoint.objects.filter(log_id=log_id, projection=projection, build=build, status=expected_status)
    if not row.update(**values):
        raise NoSuchBuild(f"No build {build} of {projection} is {expected_status}.")
