"""What pages say about spans that are held, and so are no events yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from events.models import Log
from events.otel import reads
from events.otel.runs import STREAM_PREFIX


@dataclass(frozen=True, slots=True)
class HeldAmount:
    """The held spans and log records of a run or a log, and the whole seconds until all of them are mapped."""

    spans: int
    records: int
    seconds: int


def held_of(log: Log, kind: str, name: str) -> HeldAmount | None:
    """Return what is held of the run in a stream or a workflow (`kind`); None if nothing is. One query at most."""
    if kind == "workflow":
        return _amount(reads.held_of_workflow(log.pk, name).fetch())
    if kind == "stream" and name.startswith(STREAM_PREFIX):
        return _amount(reads.held_of_stream(log.pk, name).fetch())
    return None


def held_in(log: Log) -> HeldAmount | None:
    """Return what is held in a log, also of runs that have no event yet; None if nothing is. One query."""
    return _amount(reads.held_in_log(log.pk).fetch())


def _amount(held: Sequence[reads.Held]) -> HeldAmount | None:
    if not held:
        return None
    return HeldAmount(
        spans=sum(trace.spans for trace in held),
        records=sum(trace.records for trace in held),
        seconds=round(max(trace.seconds for trace in held)),
    )
