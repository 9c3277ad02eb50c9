"""The API of projections: states, now and at any moment, and the jobs that make them quick. Reads, and one cancel."""

from __future__ import annotations

import asyncio
import time
from hashlib import blake2b
from typing import Any

import msgspec
import orjson
from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from msgspec import Struct
from ninja import Router

from events import engine
from events.answers import json_answer
from events.errors import Forbidden, NotFound
from events.grants import Bearer, Grant
from events.models import Log, Scope
from events.openapi import operation
from events.schemas import LogQuery, optional, parse_query
from projections import checkpoints, computing, jobs, present, registry
from projections.asking import Asking, T, arun
from projections.checkpoints import Progress
from projections.errors import Behind, StateFailed
from projections.fold import ReducerFailed
from projections.models import Job
from projections.schemas import (
    BuildOut,
    DiffOut,
    DiffQuery,
    JobOut,
    JobsOut,
    JobsQuery,
    ProjectionOut,
    ProjectionsOut,
    StateOut,
    StateQuery,
    StatesOut,
    StatesQuery,
)
from projections.state_query import parse_state_query
from projections.state_text import NotAState, dumps
from projections.states import NOW, Moment, State, TooFar, difference
from projections.types import STREAM, Change, Projection

router = Router(tags=["projections"])

_read = Bearer(Scope.READ)
_admin = Bearer(Scope.ADMIN)

_PATIENCE = 5.0
"""Seconds for which `wait_for_position` waits."""
_LOOK = 0.02
_REFUSES = (400, 401, 403, 404, 422, 503)
_IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "required": False,
    "description": "The ETag of the answer that you have: 304 where it is still the same",
    "schema": {"type": "string"},
}
_NOT_MODIFIED: dict[str, Any] = {}


def _grant(request: HttpRequest) -> Grant:
    grant: Grant = request.auth  # type: ignore[attr-defined]
    return grant


@router.get(
    "/projections",
    auth=_read,
    summary="List projections",
    openapi_extra=operation(gives={200: ProjectionsOut}, refuses=_REFUSES, query=LogQuery),
)
async def projections(request: HttpRequest) -> HttpResponse:
    """What can be asked about the log, and how far the materialised ones have come."""
    grant = _grant(request)
    parse_query(request.GET, LogQuery)
    log, builds = await _progress(grant.log_id, None)
    described = [_described(each, builds) for each in registry.PROJECTIONS.values()]
    return _encoded(ProjectionsOut(described, log.head))


@router.get(
    "/projections/{projection}",
    auth=_read,
    summary="Look up a projection",
    openapi_extra=operation(gives={200: ProjectionOut}, refuses=_REFUSES, query=LogQuery),
)
async def projection(request: HttpRequest, projection: str) -> HttpResponse:
    """One projection; 404 `no-such-projection` where there is none of that name."""
    grant = _grant(request)
    parse_query(request.GET, LogQuery)
    found = registry.get(projection)
    _, builds = await _progress(grant.log_id, found.name)
    return _encoded(_described(found, builds))


@router.get(
    "/projections/{projection}/states",
    auth=_read,
    summary="List states by key",
    openapi_extra=operation(gives={200: StatesOut, 202: JobOut}, refuses=(*_REFUSES, 409), query=StatesQuery),
)
async def states(request: HttpRequest, projection: str) -> HttpResponse:
    """The states after a key that fit `q`. Where `next` is not null, go on after it: maybe nothing was found yet.

    202 with a job: the first of them is a long fold. Ask again when it is done.
    """
    grant = _grant(request)
    query = parse_query(request.GET, StatesQuery)
    found = registry.get(projection)
    prefix = _prefix(grant, found)
    asked = parse_state_query(query.q) if query.q.strip() else None
    after = optional(query.after)
    work = present.states(grant.log_id, found, query=asked, after=after, limit=query.limit, prefix=prefix)
    try:
        page = await arun(work, engine.current().pool)
    except TooFar as too_far:
        return await _being_computed(grant, found, too_far.source.name, NOW, too_far)
    rows = [{"key": each.key, **_state_json(found, each.state), "error": each.error} for each in page.found]
    return json_answer({"states": rows, "next": page.next, "position": page.position})


@router.get(
    "/projections/{projection}/state",
    auth=_read,
    summary="Read a state, now or at any moment",
    openapi_extra=operation(
        gives={200: StateOut, 202: JobOut, 304: _NOT_MODIFIED},
        refuses=(*_REFUSES, 409),
        query=StateQuery,
        headers=[_IF_NONE_MATCH],
    ),
)
async def state(request: HttpRequest, projection: str) -> HttpResponse:
    """The state of a key, with the position and version of the last event in it; without any, it is the initial one.

    202 with a job: it is a long fold. Ask again when it is done.
    """
    grant = _grant(request)
    query = parse_query(request.GET, StateQuery)
    found = registry.get(projection)
    _check_key(grant, found, query.key)
    at = query.moment()
    position = optional(query.wait_for_position)
    if position is not None:
        await _wait(grant.log_id, found, position)
    try:
        made = await _asked(present.state(grant.log_id, found, query.key, at=at))
    except TooFar as too_far:
        return await _being_computed(grant, found, query.key, at, too_far)
    return _tagged(request, {"projection": found.name, "key": query.key, **_state_json(found, made)})


@router.get(
    "/projections/{projection}/diff",
    auth=_read,
    summary="Compare a state at two positions",
    openapi_extra=operation(
        gives={200: DiffOut, 202: JobOut, 304: _NOT_MODIFIED},
        refuses=(*_REFUSES, 409),
        query=DiffQuery,
        headers=[_IF_NONE_MATCH],
    ),
)
async def diff(request: HttpRequest, projection: str) -> HttpResponse:
    """The operations (RFC 6902, with old values) that make the state at `to` of that at `from`."""
    grant = _grant(request)
    query = parse_query(request.GET, DiffQuery)
    found = registry.get(projection)
    _check_key(grant, found, query.key)
    one, other = Moment(position=query.from_), Moment(position=query.to)
    try:
        before, after, changes = await _asked(difference(grant.log_id, found, query.key, one=one, other=other))
    except TooFar as too_far:
        at = Moment(position=too_far.upto)
        return await _being_computed(grant, found, query.key, at, too_far)
    body = {"projection": found.name, "key": query.key, "from": _moment_json(found, before)}
    changed = [_change_json(each) for each in changes]
    return _tagged(request, {**body, "to": _moment_json(found, after), "changes": changed})


@router.get(
    "/jobs",
    auth=_read,
    summary="List jobs",
    openapi_extra=operation(gives={200: JobsOut}, refuses=_REFUSES, query=JobsQuery),
)
async def list_jobs(request: HttpRequest) -> HttpResponse:
    """The log's long work, newest first: what waits, what runs and how far it is, what has ended in the last days."""
    grant = _grant(request)
    query = parse_query(request.GET, JobsQuery)
    _whole_log(grant)
    before = optional(query.before)
    found = await jobs.of_log(grant.log_id, before=before, limit=query.limit).afetch(engine.current().pool)
    more = found[-1].pk if len(found) == query.limit else None
    return _encoded(JobsOut([_job_out(job) for job in found], more))


@router.get(
    "/jobs/{int:job}",
    auth=_read,
    summary="Look up a job",
    openapi_extra=operation(gives={200: JobOut}, refuses=_REFUSES, query=LogQuery),
)
async def job(request: HttpRequest, job: int) -> HttpResponse:
    """How far a job is."""
    grant = _grant(request)
    parse_query(request.GET, LogQuery)
    found = await jobs.one(grant.log_id, job).afirst(engine.current().pool)
    if found is None or not _may_see(grant, found):
        raise NotFound(f"There is no job {job}.")
    return _encoded(_job_out(found))


@router.post(
    "/jobs/{int:job}/cancel",
    auth=_admin,
    summary="Cancel a job",
    openapi_extra=operation(gives={200: JobOut}, refuses=(*_REFUSES, 409, 413)),
)
async def cancel(request: HttpRequest, job: int) -> HttpResponse:
    """Ask a job to end. It does so between two stretches of work; what it has done so far is of use."""
    grant = _grant(request)
    _whole_log(grant)
    await database_sync_to_async(jobs.cancel)(grant.log_id, job)
    found = await jobs.one(grant.log_id, job).afirst(engine.current().pool)
    if found is None:
        raise NotFound(f"There is no job {job}.")
    return _encoded(_job_out(found))


def _prefix(grant: Grant, projection: Projection) -> str:
    """What keys begin with that a grant may see. A state of another key holds events of any stream."""
    if projection.key is not STREAM:
        _whole_log(grant)
    return grant.stream_prefix


def _check_key(grant: Grant, projection: Projection, key: str) -> None:
    if not key.startswith(_prefix(grant, projection)):
        grant.check_stream(key)


def _whole_log(grant: Grant) -> None:
    if grant.stream_prefix:
        raise Forbidden(f"This token reaches streams that begin with {grant.stream_prefix!r} only: ask by stream.")


def _may_see(grant: Grant, job: Job) -> bool:
    if not grant.stream_prefix:
        return True
    projection = registry.PROJECTIONS.get(job.arguments.get("projection", ""))
    return bool(projection and projection.key is STREAM and job.arguments["key"].startswith(grant.stream_prefix))


async def _asked(work: Asking[T]) -> T:
    """What the work comes to; a reducer that fails is a problem."""
    try:
        return await arun(work, engine.current().pool)
    except ReducerFailed as failed:
        raise StateFailed(f"At position {failed.at.position:,}: {failed}", position=failed.at.position) from failed
    except NotAState as error:
        raise StateFailed(f"The reducer made what is no JSON value: {error}") from error


async def _wait(log_id: int, projection: Projection, position: int) -> None:
    """Wait until readers see the state with this position in it."""
    pool = engine.current().pool
    deadline = time.monotonic() + _PATIENCE
    while (seen := await present.reached(log_id, projection).afirst(pool) or 0) < position:
        if time.monotonic() > deadline:
            raise Behind(f"{projection.name} is at position {seen:,}.", position=seen)
        await asyncio.sleep(_LOOK)


async def _being_computed(grant: Grant, projection: Projection, key: str, at: Moment, too_far: TooFar) -> HttpResponse:
    work = computing.ensure(grant.log_id, projection, key, at=at, too_far=too_far)
    found = await arun(work, engine.current().pool)
    response = _encoded(_job_out(found), status=202)
    response["Location"] = f"/api/jobs/{found.pk}"
    response["Retry-After"] = "1"
    return response


@database_sync_to_async
def _progress(log_id: int, projection: str | None) -> tuple[Log, list[Progress]]:
    log = Log.objects.get(pk=log_id)
    return log, checkpoints.progress(log, projection)


def _described(projection: Projection, builds: list[Progress]) -> ProjectionOut:
    return ProjectionOut(
        name=projection.name,
        about=projection.about,
        version=projection.version,
        key=projection.key.name,
        materialised=projection.materialised,
        builds=[_build_out(build) for build in builds if build.projection == projection.name],
    )


def _build_out(build: Progress) -> BuildOut:
    return BuildOut(
        build=build.build,
        version=build.version,
        state=build.state,
        is_live=build.is_live,
        position=build.position,
        lag=build.lag,
        rate=build.rate,
        seconds_left=None if build.left is None else build.left.total_seconds(),
        policy=build.policy,
        skipped=build.skipped,
        parked=build.parked,
        error=build.error,
        error_position=build.error_position,
    )


def _job_out(job: Job) -> JobOut:
    return JobOut(
        id=job.pk,
        kind=job.kind,
        arguments=job.arguments,
        status=job.status,
        progress=job.progress,
        total=job.total,
        rate=job.rate,
        seconds_left=job.seconds_left,
        error=job.error,
        result=job.result,
        cancel_requested=job.is_cancel_requested,
        created_at=job.created_at,
        heartbeat_at=job.heartbeat_at,
        ended_at=job.ended_at,
    )


def _state_json(projection: Projection, state: State) -> dict[str, Any]:
    """The exact text is spliced in."""
    return {"state": orjson.Fragment(state.text), **_moment_json(projection, state)}


def _moment_json(projection: Projection, state: State) -> dict[str, Any]:
    version = state.version if projection.key is STREAM else None
    return {"position": state.position, "version": version, "events": state.events}


def _change_json(change: Change) -> dict[str, Any]:
    said: dict[str, Any] = {"op": change.op, "path": change.path}
    if change.op in ("add", "replace"):
        said["value"] = orjson.Fragment(dumps(change.value))
    if change.op in ("remove", "replace"):
        said["old"] = orjson.Fragment(dumps(change.old))
    if change.op == "move":
        said["from"] = change.source
    return said


def _tagged(request: HttpRequest, body: dict[str, Any]) -> HttpResponse:
    """An answer with its ETag, or that it is still the same."""
    response = json_answer(body)
    etag = f'"{blake2b(response.content, digest_size=12).hexdigest()}"'
    if etag in request.headers.get("If-None-Match", ""):
        response = HttpResponse(status=304)
    response["ETag"] = etag
    return response


def _encoded(value: Struct, *, status: int = 200) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(value), status=status, content_type="application/json")
