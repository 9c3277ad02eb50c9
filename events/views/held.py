"""What a page of a run says about spans of it that are held, and so are no events yet."""

from __future__ import annotations

from dataclasses import dataclass

from events.models import Log
from events.otel import reads
from events.otel.runs import STREAM_PREFIX


@dataclass(frozen=True, slots=True)
class HeldOfRun:
    """The held spans and log records of a run, and the whole seconds until all of them are mapped."""

    spans: int
    records: int
    seconds: int


def held_of(log: Log, kind: str, name: str) -> HeldOfRun | None:
    """Return what is held of the run in a stream or a workflow (`kind`); None if nothing is. One query at most."""
    if kind == "workflow":
        held = reads.held_of_workflow(log.pk, name).fetch()
    elif kind == "stream" and name.startswith(STREAM_PREFIX):
        held = reads.held_of_stream(log.pk, name).fetch()
    else:
        return None
    if not held:
        return None
    return HeldOfRun(
        spans=sum(trace.spans for trace in held),
        records=sum(trace.records for trace in held),
        seconds=round(max(trace.seconds for trace in held)),
    )
