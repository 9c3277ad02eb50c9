"""Functions of the operations on projections and replays: grants, answers with ETags, jobs instead of answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import blake2b

from django.http import HttpRequest, HttpResponse
from msgspec import UNSET, Raw

from events import engine
from events.access.grants import Grant
from events.api.responses import json_answer
from events.errors import Forbidden
from events.reading.db_work import DbWork, T, run_async
from projections.api.schemas import ChangeOut, JobOut, StaleOut
from projections.definition.fold import ReducerFailed
from projections.errors import StateFailed
from projections.models import Job
from projections.states.at_moment import Stale
from projections.values.change import Change, Json
from projections.values.exact_json import NotAState, dumps


def check_whole_log(grant: Grant) -> None:
    """Raise `Forbidden` for a token that reaches only some streams."""
    if grant.stream_prefix:
        raise Forbidden(f"This token reaches streams that begin with {grant.stream_prefix!r} only: ask by stream.")


async def result_of(work: DbWork[T]) -> T:
    """Return the result of some work.

    Raises:
        StateFailed: a reducer raised, or returned a value that is not JSON.
    """
    with state_errors():
        return await run_async(work, engine.current().pool)


@contextmanager
def state_errors() -> Iterator[None]:
    """Raise `StateFailed` instead of what a fold raises."""
    try:
        yield
    except ReducerFailed as failed:
        raise StateFailed(f"At position {failed.at.position:,}: {failed}", position=failed.at.position) from failed
    except NotAState as error:
        raise StateFailed(f"The reducer returned a value that is not JSON: {error}") from error


def with_etag(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return an answer with its ETag; a 304 if the client has the same answer already."""
    etag = f'"{blake2b(response.content, digest_size=12).hexdigest()}"'
    if etag in request.headers.get("If-None-Match", ""):
        response = HttpResponse(status=304)
    response["ETag"] = etag
    return response


def job_answer(job: Job) -> HttpResponse:
    """Return a 202 with the job that does work which takes too long for a request."""
    response = json_answer(job_out(job), status=202)
    response["Location"] = job_url(job)
    response["Retry-After"] = "1"
    return response


def job_url(job: Job) -> str:
    """Return the address of a job."""
    return f"/api/jobs/{job.id}"


def job_out(job: Job) -> JobOut:
    """Return the body of a job."""
    return JobOut(
        id=job.id,
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


def change_out(change: Change) -> ChangeOut:
    """Return the body of a change. Its values keep every digit."""
    return ChangeOut(
        change.op,
        change.path,
        value=raw_json(change.value) if change.op in ("add", "replace") else UNSET,
        old=raw_json(change.old) if change.op in ("remove", "replace") else UNSET,
        from_=UNSET if change.source is None else change.source,
    )


def raw_json(value: Json) -> Raw:
    """Return a state, or a part of one, as JSON text that goes into an answer unchanged."""
    return Raw(dumps(value))


def stale_out(stale: Stale | None) -> StaleOut | None:
    """Return the body of the reason why a state is not up to date."""
    return None if stale is None else StaleOut(**asdict(stale))
