"""Snapshots: states kept on the way through a source, so that a fold can begin near its end. They are a cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, QuerySet
from msgspec.structs import asdict

from events.models import Redaction
from events.reading.db_work import DbWork
from events.reading.statement import Statement
from projections.definition.fingerprint import fingerprint
from projections.definition.projection import Projection
from projections.models import Snapshot
from projections.registry import PROJECTIONS
from projections.states import sql
from projections.states.fold_cursor import Point
from projections.states.sources.base import Source

if TYPE_CHECKING:
    from projections.states.fold import Fold

MAX_REQUESTED_SNAPSHOTS = 8
"""The number of requested states that are kept for a source, beside the regular snapshots."""


def nearest(fold: Fold, *, position: int) -> Statement[Point]:
    """The last snapshot at or before a position."""
    return Statement(sql.NEAREST, {**_fold_params(fold), "position": position}, Point)


def newest(log_id: int, projection: Projection, source: Source) -> Statement[tuple[int, Point | None]]:
    """The log's head, and the last snapshot of a source; None if there is no snapshot.

    One statement for both takes a fifth of a millisecond less of the processor than two.
    """
    return Statement(sql.NEWEST, _parameters(log_id, projection, source), _newest)


def _newest(head: int, n: int | None, *values: Any) -> tuple[int, Point | None]:
    return head, None if n is None else Point(n, *values)


def before(fold: Fold, *, n: int) -> Statement[Point]:
    """The last snapshot at or before the nth event of a source."""
    return Statement(sql.BEFORE, {**_fold_params(fold), "n": n}, Point)


def between(fold: Fold, *, first: int, last: int) -> Statement[Point]:
    """The first snapshot from step `first` on that lies before step `last`."""
    return Statement(sql.BETWEEN, {**_fold_params(fold), "first": first, "last": last}, Point)


def after(fold: Fold, *, n: int) -> Statement[int]:
    """The number of the next regular snapshot after step `n`; no row if there is none."""
    return Statement(sql.AFTER, {**_fold_params(fold), "n": n}, int)


def _fold_params(fold: Fold) -> dict[str, Any]:
    return _parameters(fold.log_id, fold.projection, fold.source)


def _parameters(log_id: int, projection: Projection, source: Source) -> dict[str, Any]:
    """The columns that name the fold to which a snapshot belongs."""
    return {
        "log_id": log_id,
        "projection": projection.name,
        "kind": source.kind,
        "source": source.name,
        "fingerprint": fingerprint(projection),
    }


def _redacted() -> QuerySet[Redaction, Redaction]:
    return Redaction.objects.filter(
        log_id=OuterRef("log_id"), position__lte=OuterRef("position"), marker_position__gt=OuterRef("seen")
    )


def keep(fold: Fold, point: Point, *, is_asked: bool = False) -> DbWork[None]:
    """Store a point of a fold. Two processes that store the same point store the same state."""
    params = _fold_params(fold)
    yield Statement(sql.KEEP_SNAPSHOT, {**params, **asdict(point), "seen": fold.head, "is_asked": is_asked})
    if is_asked:
        yield Statement(sql.FORGET_ASKED, {**params, "limit": MAX_REQUESTED_SNAPSHOTS})


def drop_stale() -> int:
    """Delete snapshots by other code, and those with an event that was redacted since; return their number."""
    current = {projection.name: fingerprint(projection) for projection in PROJECTIONS.values()}
    other_code = Snapshot.objects.exclude(projection__in=current)
    for name, digits in current.items():
        other_code |= Snapshot.objects.filter(projection=name).exclude(fingerprint=digits)
    return other_code.delete()[0] + Snapshot.objects.filter(Exists(_redacted())).delete()[0]
