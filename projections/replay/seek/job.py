"""A long seek as a job, whose result is a link to the step. If a worker stops, another one goes on from its place."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from hashlib import sha256
from typing import Any

from events.models import Log
from events.query.parse import parse
from events.query.printing import to_text
from events.reading import store
from events.reading.db_work import DbWork, run
from projections import registry
from projections.definition.fingerprint import fingerprint
from projections.jobs import queue
from projections.jobs.queue import Beat, Stopping
from projections.models import Job
from projections.replay.address import ReplayAddress
from projections.replay.seek.condition import Condition, EventFailed, Seek, SeekResult, Watch
from projections.replay.seek.search import seek
from projections.states.fold import Pace
from projections.states.sources.parse import source_named

SEEK = "seek"
_CHUNK_EVENTS = 500
_NOTE_SECONDS = 1.0
"""Time between two notes of the rest of the seek, for a worker that takes over."""


def ensure_seek(log_id: int, target: Seek, *, asker: str) -> DbWork[Job]:
    """Return the job of a seek; it is created if there is none yet, so that equal seeks share one job."""
    arguments = _arguments(target)
    return (yield from queue.ensure_job(log_id, SEEK, key_of(target), arguments=arguments, asker=asker))


def key_of(target: Seek) -> str:
    """Return the key that equal seeks share. (The end of the log at their start makes no difference.)"""
    arguments = {name: value for name, value in _arguments(target).items() if name != "end"}
    digits = sha256(json.dumps([fingerprint(target.projection), arguments], sort_keys=True).encode()).hexdigest()
    return f"{target.projection.name}:{target.source.kind}:{target.place}:{digits[:24]}"


def _arguments(target: Seek) -> dict[str, Any]:
    return {
        "projection": target.projection.name,
        "kind": target.source.kind,
        "name": target.source.name,
        "place": target.place,
        "end": target.end,
        "backward": target.backward,
        **_condition(target),
    }


def _condition(target: Seek) -> dict[str, str]:
    match target.condition:
        case Watch(pointer):
            return {"watch": pointer}
        case EventFailed():
            return {"failed": "1"}
        case query:
            return {"to": to_text(query)}


def _condition_of(arguments: dict[str, Any]) -> Condition:
    """Return the condition from the arguments that `_condition` gives."""
    if "failed" in arguments:
        return EventFailed()
    return Watch(arguments["watch"]) if "watch" in arguments else parse(arguments["to"])


def seek_of_job(job: Job) -> Seek:
    """Return the seek that a job was created for."""
    arguments = job.arguments
    projection = registry.get(arguments["projection"])
    return Seek(
        projection,
        run(source_named(job.log_id, projection, arguments["kind"], arguments["name"])),
        _condition_of(arguments),
        arguments["place"],
        arguments["end"],
        arguments["backward"],
    )


def run_seek(job: Job, beat: Beat) -> dict[str, Any]:
    """Do the seek of a job; return the job's result."""
    target = seek_of_job(job)
    rest = _rest(job, target)
    total = target.place if target.backward else target.end
    passed_count = target.place - rest.place if target.backward else 0
    note_time = time.monotonic()

    def note(rest: Seek) -> None:
        result = {"rest": {"place": rest.place, **_condition(rest)}}
        Job.objects.filter(pk=job.pk, attempt=job.attempt).update(result=result)

    def report(rest: Seek, done_places: int) -> None:
        nonlocal note_time
        try:
            beat(passed_count + done_places, total)
        except Stopping:
            note(rest)
            raise
        if time.monotonic() - note_time >= _NOTE_SECONDS:
            note_time = time.monotonic()
            note(rest)

    head = store.head(job.log_id).first() or 0
    pace = Pace(chunk_events=_CHUNK_EVENTS, max_events=None)
    return _answer(job, target, run(seek(job.log_id, rest, head=head, pace=pace, report=report)))


def _rest(job: Job, target: Seek) -> Seek:
    """Return the seek that the worker before this one left to do."""
    rest = (job.result or {}).get("rest")
    if rest is None:
        return target
    condition = Watch(rest["watch"]) if "watch" in rest else target.condition
    return replace(target, place=rest["place"], condition=condition)


def _answer(job: Job, target: Seek, result: SeekResult) -> dict[str, Any]:
    """Return the result of a job: `found` is the step, `failed` the step at which the reducer raised."""
    address = ReplayAddress(Log.objects.get(pk=job.log_id).name, target.source, {"by": target.projection.name})

    def step(position: int, place: int) -> dict[str, Any]:
        return {"position": position, "place": place, "url": address.step(place)}

    event, failure = result.event, result.failure
    failed_event = failure.at.event if failure else None
    return {
        "found": step(event.position, target.source.place(event)) if event else None,
        "searched_to": result.searched_to,
        "failed": step(failed_event.position, target.source.place(failed_event)) if failed_event else None,
    }
