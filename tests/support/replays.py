"""Sources of replays, and the steps and states that a replay of them must show."""

from __future__ import annotations

from collections.abc import Sequence

from asgiref.sync import sync_to_async

from events.models import Log
from events.query.match import event_matcher
from events.query.parse import parse
from events.reading.db_work import run
from events.system_streams import is_system
from events.types import Event
from projections.definition.projection import Projection, decode
from projections.jobs import queue
from projections.models import Job, JobStatus
from projections.replay.window import Window
from projections.states.fold import Fold, Pace
from projections.states.sources.base import Source
from projections.states.sources.indexed import AgentSource, LogSource, StreamSource, WorkflowSource
from projections.states.sources.query import QuerySource
from projections.values.change import Json
from tests.support.folds import (
    STREAMS,
)

SOURCES = (
    *(StreamSource(name) for name in STREAMS),
    WorkflowSource("run-0"),
    AgentSource("rou*"),
    LogSource(),
    QuerySource("data.amount>5 -type:C"),
    QuerySource("type:Nothing"),
)


def of_source(source: Source, events: Sequence[Event]) -> list[Event]:
    """The events of a source, found by a look at each event."""
    match source.kind:
        case "stream":
            return [event for event in events if event.stream == source.name]
        case "workflow":
            return [event for event in events if event.correlation_id == source.name and not is_system(event.stream)]
        case "agent":
            return [event for event in events if event.agent == source.name]
        case "query":
            return list(filter(event_matcher(parse(source.name)), events))
        case _:
            return list(events)


def folded_states(projection: Projection, events: Sequence[Event]) -> list[Json]:
    """The states before the first event and after each."""
    states = [projection.initial]
    for event in events:
        states.append(projection.reduce(states[-1], decode(event)))
    return states


def fold_as_the_job_does(log: Log, projection: Projection, window: Window) -> None:
    """Fold as far as the job of a replay would, for a projection that is not in the registry."""
    assert window.too_far
    upto = window.too_far.upto
    run(Fold(log.pk, projection, window.source, upto).to(upto, pace=Pace(chunk_events=500, max_events=None)))


def source_parameters(source: Source) -> dict[str, str]:
    match source.kind:
        case "query":
            return {"q": source.name}
        case "log":
            return {}
        case _:
            return {"name": source.name}


async def do_all_jobs(log: Log) -> None:
    """Do all jobs of the log, even those that a server of another test has taken.

    That server does not know the projection.
    """
    async for job in Job.objects.filter(log=log):
        await Job.objects.filter(pk=job.pk).aupdate(status=JobStatus.QUEUED, attempt=0)
        await sync_to_async(queue.do)(await sync_to_async(claim)(job.id))


def claim(pk: int) -> Job:
    """Claim jobs until it is this one; the jobs of other tests that came before it stay claimed and undone."""
    while job := queue.claim():
        if job.id == pk:
            return job
    raise AssertionError("it does not wait")
