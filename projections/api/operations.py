"""The API of projections: states, at present and at any moment, and the jobs that fold long ones."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from msgspec import Raw
from ninja import Router

from events import engine
from events.access.grants import Bearer, Grant, grant_of
from events.api.decoding import optional, parse_query
from events.api.openapi import READ_REFUSALS, operation, read_operation
from events.api.query_schemas import LogQuery
from events.api.responses import json_answer
from events.errors import NotFound
from events.models import Log, Scope
from events.reading.db_work import DbWork, run_async
from projections import registry
from projections.api.descriptions import fold_operation
from projections.api.responses import (
    change_out,
    check_whole_log,
    job_answer,
    job_out,
    result_of,
    stale_out,
    with_etag,
)
from projections.api.schemas import (
    BuildOut,
    DiffOut,
    DiffQuery,
    JobOut,
    JobsOut,
    JobsQuery,
    ListedStateOut,
    MomentOut,
    ProjectionOut,
    ProjectionsOut,
    StateOut,
    StateQuery,
    StatesOut,
    StatesQuery,
)
from projections.definition.projection import STREAM, Projection
from projections.errors import Behind, StandsStill
from projections.jobs import fold, queue
from projections.materialise import checkpoints
from projections.materialise.checkpoints import Progress
from projections.materialise.standing import BuildStanding
from projections.models import Job
from projections.states import current, kept
from projections.states.at_moment import Stale, State, difference
from projections.states.fold import TooFar
from projections.states.kept import ListedState
from projections.states.moment import NOW, Moment, head_of
from projections.states.query import parse_state_query

router = Router(tags=["projections"])

_read = Bearer(Scope.READ)
_admin = Bearer(Scope.ADMIN)

_PATIENCE_SECONDS = 5.0
"""The time for which `wait_for_position` waits, unless the server stops."""
_POLL_SECONDS = 0.02


@router.get(
    "/projections",
    auth=_read,
    summary="List projections",
    openapi_extra=read_operation(ProjectionsOut, LogQuery),
)
async def list_projections(request: HttpRequest) -> HttpResponse:
    """The projections of the log, with the progress of the materialised ones."""
    grant = grant_of(request)
    parse_query(request.GET, LogQuery)
    log, builds = await _log_and_builds(grant.log_id, None)
    bodies = [_projection_out(each, builds) for each in registry.PROJECTIONS.values()]
    return json_answer(ProjectionsOut(bodies, log.head))


@router.get(
    "/projections/{projection}",
    auth=_read,
    summary="Look up a projection",
    openapi_extra=read_operation(ProjectionOut, LogQuery),
)
async def look_up_projection(request: HttpRequest, projection: str) -> HttpResponse:
    """One projection. The answer is a 404 `no-such-projection` if there is none of that name."""
    grant = grant_of(request)
    parse_query(request.GET, LogQuery)
    shown_projection = registry.get(projection)
    _, builds = await _log_and_builds(grant.log_id, shown_projection.name)
    return json_answer(_projection_out(shown_projection, builds))


@router.get(
    "/projections/{projection}/states",
    auth=_read,
    summary="List states by key",
    openapi_extra=read_operation(StatesOut, StatesQuery, also={202: JobOut}, refuses=[409]),
)
async def list_states(request: HttpRequest, projection: str) -> HttpResponse:
    """The states that fit `q`, after a key. If `next` is not null, go on after it, even if the page has no states."""
    grant = grant_of(request)
    query = parse_query(request.GET, StatesQuery)
    shown_projection = registry.get(projection)
    prefix = _prefix(grant, shown_projection)
    if not prefix.startswith(query.prefix):
        _check_key(grant, shown_projection, query.prefix)
        prefix = query.prefix
    fits = parse_state_query(query.q) if query.q.strip() else None
    after = optional(query.after)
    position = optional(query.wait_for_position)
    if position is not None:
        await _wait_for(grant.log_id, shown_projection, position)
    work = current.states(grant.log_id, shown_projection, query=fits, after=after, limit=query.limit, prefix=prefix)
    try:
        page = await run_async(work, engine.current().pool)
    except TooFar as too_far:
        return await _job_instead(grant, shown_projection, too_far.source.name, NOW, too_far)
    _check_reached(shown_projection, page.stale, position)
    rows = [_state_row(shown_projection, each) for each in page.states]
    return json_answer(StatesOut(rows, page.next, page.position, stale_out(page.stale)))


@router.get(
    "/projections/{projection}/state",
    auth=_read,
    summary="Read a state, now or at any moment",
    openapi_extra=fold_operation(StateOut, StateQuery),
)
async def read_state(request: HttpRequest, projection: str) -> HttpResponse:
    """The state of a key, with the position and version of its last event; without events, the initial state."""
    grant = grant_of(request)
    query = parse_query(request.GET, StateQuery)
    shown_projection = registry.get(projection)
    _check_key(grant, shown_projection, query.key)
    at = query.moment()
    position = optional(query.wait_for_position)
    if position is not None:
        await _wait_for(grant.log_id, shown_projection, position)
    try:
        state = await result_of(current.state(grant.log_id, shown_projection, query.key, at=at))
    except TooFar as too_far:
        return await _job_instead(grant, shown_projection, query.key, at, too_far)
    _check_reached(shown_projection, state.stale, position)
    version, stale = _stream_version(shown_projection, state), stale_out(state.stale)
    body = StateOut(shown_projection.name, query.key, Raw(state.text), state.position, version, state.events, stale)
    return with_etag(request, json_answer(body))


@router.get(
    "/projections/{projection}/diff",
    auth=_read,
    summary="Compare a state at two moments",
    openapi_extra=fold_operation(DiffOut, DiffQuery),
)
async def compare_states(request: HttpRequest, projection: str) -> HttpResponse:
    """The operations (RFC 6902, with old values) that turn the first state into the second."""
    grant = grant_of(request)
    query = parse_query(request.GET, DiffQuery)
    shown_projection = registry.get(projection)
    _check_key(grant, shown_projection, query.key)
    first_moment, second_moment = query.moments()
    try:
        before, after, changes = await result_of(
            difference(grant.log_id, shown_projection, query.key, first=first_moment, second=second_moment)
        )
    except TooFar as too_far:
        at = Moment(position=too_far.upto)
        return await _job_instead(grant, shown_projection, query.key, at, too_far)
    sides = (_moment_out(shown_projection, before), _moment_out(shown_projection, after))
    return with_etag(
        request, json_answer(DiffOut(shown_projection.name, query.key, *sides, [change_out(each) for each in changes]))
    )


@router.get(
    "/jobs",
    auth=_read,
    summary="List jobs",
    openapi_extra=read_operation(JobsOut, JobsQuery),
)
async def list_jobs(request: HttpRequest) -> HttpResponse:
    """The log's jobs, newest first: those that wait, those that run, and those that ended in the last days."""
    grant = grant_of(request)
    query = parse_query(request.GET, JobsQuery)
    check_whole_log(grant)
    before = optional(query.before)
    jobs = await queue.jobs_of_log(grant.log_id, before=before, limit=query.limit).afetch(engine.current().pool)
    next_id = jobs[-1].pk if len(jobs) == query.limit else None
    return json_answer(JobsOut([job_out(job) for job in jobs], next_id))


@router.get(
    "/jobs/{int:job}",
    auth=_read,
    summary="Look up a job",
    openapi_extra=read_operation(JobOut, LogQuery),
)
async def look_up_job(request: HttpRequest, job: int) -> HttpResponse:
    """One job, with its progress."""
    grant = grant_of(request)
    parse_query(request.GET, LogQuery)
    shown_job = await queue.job_by_id(grant.log_id, job).afirst(engine.current().pool)
    if shown_job is None or not _may_see(grant, shown_job):
        raise NotFound(f"There is no job {job}.")
    return json_answer(job_out(shown_job))


@router.post(
    "/jobs/{int:job}/cancel",
    auth=_admin,
    summary="Cancel a job",
    openapi_extra=operation(gives={200: JobOut}, refuses=(*READ_REFUSALS, 409, 413)),
)
async def ask_job_to_end(request: HttpRequest, job: int) -> HttpResponse:
    """Cancel a job. A running job ends at its next report; the snapshots that it left stay of use."""
    grant = grant_of(request)
    check_whole_log(grant)
    await database_sync_to_async(queue.cancel)(grant.log_id, job)
    shown_job = await queue.job_by_id(grant.log_id, job).afirst(engine.current().pool)
    if shown_job is None:
        raise NotFound(f"There is no job {job}.")
    return json_answer(job_out(shown_job))


def _prefix(grant: Grant, projection: Projection) -> str:
    """Return the prefix of the keys that a grant may see. If the key is not a stream, a state holds events of any."""
    if projection.key is not STREAM:
        check_whole_log(grant)
    return grant.stream_prefix


def _check_key(grant: Grant, projection: Projection, key: str) -> None:
    if not key.startswith(_prefix(grant, projection)):
        grant.check_stream(key)


def _may_see(grant: Grant, job: Job) -> bool:
    if not grant.stream_prefix:
        return True
    arguments = job.arguments
    if "stream_prefix" in arguments:
        return bool(arguments["stream_prefix"].startswith(grant.stream_prefix))
    projection = registry.PROJECTIONS.get(arguments.get("projection", ""))
    by_stream = arguments["kind"] == "stream" if "kind" in arguments else bool(projection and projection.key is STREAM)
    name: str = arguments.get("name", arguments.get("key", ""))
    return by_stream and name.startswith(grant.stream_prefix)


async def _wait_for(log_id: int, projection: Projection, position: int) -> None:
    """Wait until states include this position, or the runner stands still before it."""
    pool = engine.current().pool
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (last_position := await run_async(_last_position(log_id, projection), pool)) < position:
        if time.monotonic() > deadline or engine.current().is_stopping:
            raise Behind(f"{projection.name} is at position {last_position:,}.", position=last_position)
        await asyncio.sleep(_POLL_SECONDS)


def _last_position(log_id: int, projection: Projection) -> DbWork[int]:
    """Return the last position that states include: the runner's, or the log's head if no runner is on its way."""
    builds: list[BuildStanding] = []
    if projection.materialised:
        builds = yield kept.live_build(log_id, projection)
    if builds and builds[0].is_moving:
        return builds[0].position
    return (yield from head_of(log_id))


def _check_reached(projection: Projection, stale: Stale | None, position: int | None) -> None:
    """Raise `StandsStill` if a state does not include the position that the request waited for."""
    if stale is None or position is None or stale.position >= position:
        return
    at = f", at event {stale.error_position:,}: {stale.error}" if stale.error_position else ""
    raise StandsStill(
        f"{projection.name} stands still at position {stale.position:,} ({stale.reason}{at}).",
        **asdict(stale),
    )


async def _job_instead(grant: Grant, projection: Projection, key: str, at: Moment, too_far: TooFar) -> HttpResponse:
    work = fold.ensure_state(grant.log_id, projection, key, at=at, too_far=too_far, asker=grant.asker)
    return job_answer(await run_async(work, engine.current().pool))


@database_sync_to_async
def _log_and_builds(log_id: int, projection: str | None) -> tuple[Log, list[Progress]]:
    log = Log.objects.select_related("end").get(pk=log_id)
    return log, checkpoints.progress(log, projection)


def _projection_out(projection: Projection, builds: list[Progress]) -> ProjectionOut:
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
        seconds_left=None if build.time_left is None else build.time_left.total_seconds(),
        policy=build.policy,
        skipped=build.skipped,
        unkeyed=build.unkeyed,
        unkeyed_position=build.unkeyed_position,
        parked=build.parked,
        error=build.error,
        error_position=build.error_position,
    )


def _state_row(projection: Projection, row: ListedState) -> ListedStateOut:
    state, version = row.state, _stream_version(projection, row.state)
    fault = (row.error, row.error_position)
    return ListedStateOut(row.key, Raw(state.text), state.position, version, state.events, *fault)


def _moment_out(projection: Projection, state: State) -> MomentOut:
    return MomentOut(state.position, _stream_version(projection, state), state.events)


def _stream_version(projection: Projection, state: State) -> int | None:
    return state.version if projection.key is STREAM else None
