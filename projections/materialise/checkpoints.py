"""What people see of builds and do with them: status, progress, pause, resume, rebuild.

Everything here is one short statement. The runner compares the row before it writes, so an order holds from its commit
on, and is carried out at the runner's next turn (a second at the latest, if one runs).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, F, QuerySet, Subquery

from events.models import Log
from projections import registry
from projections.definition.fingerprint import fingerprint
from projections.definition.projection import Projection
from projections.errors import NoSuchBuild
from projections.materialise.build import begin
from projections.models import Checkpoint, Parked, Policy, ProjectionState, Status


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one build has come. `state` is the word for it:

    `live`, `building` (beside the live one), `paused`, `stopped` (before the event at `error_position`), `code changed`
    (other code made it: its states stand still until it is rebuilt), `newer` (by a later version than is running here),
    `unknown` (nothing that is materialised is declared under its name any more).
    """

    projection: str
    build: int
    version: int
    state: str
    is_live: bool
    position: int
    head: int
    rate: float
    policy: str
    skipped: int
    unkeyed: int
    unkeyed_position: int | None
    parked: int
    error: str
    traceback: str
    error_position: int | None
    started_at: datetime
    advanced_at: datetime | None
    live_at: datetime | None

    @property
    def lag(self) -> int:
        """Events of the log that it has not passed yet."""
        return max(0, self.head - self.position)

    @property
    def left(self) -> timedelta | None:
        """How long that takes at its rate of late; None where that is not known."""
        if not self.lag:
            return timedelta(0)
        return timedelta(seconds=self.lag / self.rate) if self.rate and self.state in ("live", "building") else None


_SAME = [each.name for each in fields(Progress) if each.name not in ("state", "head", "parked")]


def progress(log: Log, projection: str | None = None) -> list[Progress]:
    """Every build in a log that is not retired: of each projection the live one first, then the one beside it."""
    rows = _builds(log.pk).order_by("projection", "-is_live", "build")
    if projection is not None:
        rows = rows.filter(projection=projection)
    head = Log.objects.values_list("head", flat=True).get(pk=log.pk)
    counts = Parked.objects.filter(log=log).values_list("projection", "build").annotate(keys=Count("*"))
    parked = {(name, build): count for name, build, count in counts}
    return [
        Progress(
            **{name: getattr(row, name) for name in _SAME},
            state=_state(row),
            head=head,
            parked=parked.get((row.projection, row.build), 0),
        )
        for row in rows
    ]


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


def set_policy(log_id: int, projection: str, policy: Policy) -> None:
    """What to do about errors from now on, in every build of a projection."""
    _builds(log_id).filter(projection=projection).update(policy=policy)


def _builds(log_id: int) -> QuerySet[Checkpoint, Checkpoint]:
    return Checkpoint.objects.filter(log_id=log_id).exclude(status=Status.RETIRED)


def _change(log_id: int, projection: str, build: int, when: Status, **values: object) -> None:
    row = Checkpoint.objects.filter(log_id=log_id, projection=projection, build=build, status=when)
    if not row.update(**values):
        raise NoSuchBuild(f"No build {build} of {projection} is {when}.")


def _state(row: Checkpoint) -> str:
    declared = registry.PROJECTIONS.get(row.projection)
    if declared is None or not declared.materialised:
        return "unknown"
    if row.version > declared.version:
        return "newer"
    if row.fingerprint != fingerprint(declared):
        return "code changed"
    if row.status != Status.RUNNING:
        return str(row.status)
    return "live" if row.is_live else "building"
