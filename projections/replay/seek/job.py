"""A seek that is too long to wait for, as a job: it goes on where it was, and its answer is a link to the step."""

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
from events.reading.db_work import Asking, run
from projections import registry
from projections.definition.fingerprint import fingerprint
from projections.jobs import queue
from projections.jobs.queue import Beat, Stopping
from projections.models import Job
from projections.replay.address import Address
from projections.replay.seek.condition import Condition, Failed, Seek, Sought, Watch
from projections.replay.seek.search import seek
from projections.states.fold import Pace
from projections.states.sources.parse import source_named

SEEK = "seek"
_CHUNK = 500
_NOTED = 1.0
"""Seconds between two notes of what is left to do, for the worker that takes over."""


def ensure(log_id: int, wanted: Seek, *, asker: str) -> Asking[Job]:
    """The job that seeks from the beginning; whoever seeks the same waits for the same one."""
    arguments = _arguments(wanted)
    return (yield from queue.ensure(log_id, SEEK, key_of(wanted), arguments=arguments, asker=asker))


def key_of(wanted: Seek) -> str:
    """What two seeks for the same have in common. (Where the log ended then makes no difference.)"""
    said = {name: value for name, value in _arguments(wanted).items() if name != "end"}
    digits = sha256(json.dumps([fingerprint(wanted.projection), said], sort_keys=True).encode()).hexdigest()
    return f"{wanted.projection.name}:{wanted.source.kind}:{wanted.place}:{digits[:24]}"


def _arguments(wanted: Seek) -> dict[str, Any]:
    return {
        "projection": wanted.projection.name,
        "kind": wanted.source.kind,
        "name": wanted.source.name,
        "place": wanted.place,
        "end": wanted.end,
        "backward": wanted.backward,
        **_condition(wanted),
    }


def _condition(wanted: Seek) -> dict[str, str]:
    match wanted.condition:
        case Watch(pointer):
            return {"watch": pointer}
        case Failed():
            return {"failed": "1"}
        case query:
            return {"to": to_text(query)}


def _condition_of(said: dict[str, Any]) -> Condition:
    """What `_condition` says."""
    if "failed" in said:
        return Failed()
    return Watch(said["watch"]) if "watch" in said else parse(said["to"])


def wanted_of(job: Job) -> Seek:
    """What a job was asked to seek."""
    said = job.arguments
    projection = registry.get(said["projection"])
    return Seek(
        projection,
        run(source_named(job.log_id, projection, said["kind"], said["name"])),
        _condition_of(said),
        said["place"],
        said["end"],
        said["backward"],
    )


def find(job: Job, beat: Beat) -> dict[str, Any]:
    """Seek, and note what is left to do as it goes."""
    wanted = wanted_of(job)
    rest = _rest(job, wanted)
    total = wanted.place if wanted.backward else wanted.end
    passed = wanted.place - rest.place if wanted.backward else 0
    noted = time.monotonic()

    def note(rest: Seek) -> None:
        left = {"rest": {"place": rest.place, **_condition(rest)}}
        Job.objects.filter(pk=job.pk, attempt=job.attempt).update(result=left)

    def told(rest: Seek, done: int) -> None:
        nonlocal noted
        try:
            beat(passed + done, total)
        except Stopping:
            note(rest)
            raise
        if time.monotonic() - noted >= _NOTED:
            noted = time.monotonic()
            note(rest)

    head = store.head(job.log_id).first() or 0
    pace = Pace(chunk=_CHUNK, most=None)
    return _answer(job, wanted, run(seek(job.log_id, rest, head=head, pace=pace, told=told)))


def _rest(job: Job, wanted: Seek) -> Seek:
    """What the worker before this one left to do."""
    left = (job.result or {}).get("rest")
    if left is None:
        return wanted
    condition = Watch(left["watch"]) if "watch" in left else wanted.condition
    return replace(wanted, place=left["place"], condition=condition)


def _answer(job: Job, wanted: Seek, sought: Sought) -> dict[str, Any]:
    """`found` is the position and place of the step and its address; `failed` those of where the reducer failed."""
    address = Address(Log.objects.get(pk=job.log_id).name, wanted.source, {"by": wanted.projection.name})

    def step(position: int, place: int) -> dict[str, Any]:
        return {"position": position, "place": place, "url": address.step(place)}

    event, failed = sought.event, sought.failed
    failed_at = failed.at.event if failed else None
    return {
        "found": step(event.position, wanted.source.place(event)) if event else None,
        "searched_to": sought.searched_to,
        "failed": step(failed_at.position, wanted.source.place(failed_at)) if failed_at else None,
    }
