"""The HTTP API that pauses agents and workflows, and resumes them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from events import engine
from events.access.grants import Bearer, Grant, grant_of
from events.api.author import author_of
from events.api.decoding import decode_json, parse_query
from events.api.openapi import operation, read_operation
from events.api.pause_schemas import PauseOut, PausesOut, ReasonIn, ResumeOut, WorkflowReasonIn
from events.api.query_schemas import LogQuery
from events.api.responses import json_answer
from events.models import Scope
from events.pauses import pausing, reads
from events.pauses.target import Pause, Target
from events.reading import store

router = Router(tags=["pauses"])

_supervise = Bearer(Scope.SUPERVISE)
_read = Bearer(Scope.READ)
_REFUSALS = (400, 401, 403, 408, 413, 422, 503)


@router.post(
    "/agents/{name:agent}/pause",
    auth=_supervise,
    summary="Pause an agent",
    openapi_extra=operation(
        takes={"application/json": ReasonIn}, gives={200: PauseOut, 201: PauseOut}, refuses=_REFUSALS
    ),
)
async def pause_agent(request: HttpRequest, agent: str) -> HttpResponse:
    """Refuse the agent's appends from the position in the answer on; 200 with the first pause if it is paused."""
    return await _pause(grant_of(request), Target("agent", agent), decode_json(request.body, ReasonIn))


@router.post(
    "/agents/{name:agent}/resume",
    auth=_supervise,
    summary="Resume an agent",
    openapi_extra=operation(
        takes={"application/json": ReasonIn}, gives={200: ResumeOut, 201: ResumeOut}, refuses=_REFUSALS
    ),
)
async def resume_agent(request: HttpRequest, agent: str) -> HttpResponse:
    """End the agent's pause; 200 with `"resumed": false` if it is not paused."""
    return await _resume(grant_of(request), Target("agent", agent), decode_json(request.body, ReasonIn))


@router.post(
    "/workflows/pause",
    auth=_supervise,
    summary="Pause a workflow",
    openapi_extra=operation(
        takes={"application/json": WorkflowReasonIn}, gives={200: PauseOut, 201: PauseOut}, refuses=_REFUSALS
    ),
)
async def pause_workflow(request: HttpRequest) -> HttpResponse:
    """Refuse the workflow's events from the position in the answer on; 200 with the first pause if it is paused."""
    body = decode_json(request.body, WorkflowReasonIn)
    return await _pause(grant_of(request), Target("workflow", body.id), body)


@router.post(
    "/workflows/unpause",
    auth=_supervise,
    summary="Resume a workflow",
    openapi_extra=operation(
        takes={"application/json": WorkflowReasonIn}, gives={200: ResumeOut, 201: ResumeOut}, refuses=_REFUSALS
    ),
)
async def unpause_workflow(request: HttpRequest) -> HttpResponse:
    """End the workflow's pause; 200 with `"resumed": false` if it is not paused."""
    body = decode_json(request.body, WorkflowReasonIn)
    return await _resume(grant_of(request), Target("workflow", body.id), body)


@router.get(
    "/pauses",
    auth=_read,
    summary="List pauses",
    openapi_extra=read_operation(PausesOut, LogQuery),
)
async def list_pauses(request: HttpRequest) -> HttpResponse:
    """Return all pauses that hold, the last one first."""
    grant = grant_of(request)
    grant.check_stream(pausing.STREAM)
    parse_query(request.GET, LogQuery)
    pauses = await reads.pauses(grant.log_id).afetch(engine.current().pool)
    return json_answer(PausesOut([pause_out(pause) for pause in pauses]))


async def _pause(grant: Grant, target: Target, body: ReasonIn) -> HttpResponse:
    grant.check_stream(pausing.STREAM)
    current = engine.current()
    change = await pausing.pause(current.writer, grant.log_id, target, reason=body.reason, by=await author_of(grant))
    assert change.position is not None, "what can't be paused is paused"
    event = await store.event(grant.log_id, change.position).afirst(current.pool)
    assert event
    pause = reads.pause_of(target, event)
    return json_answer(pause_out(pause), status=201 if change.fresh else 200)


async def _resume(grant: Grant, target: Target, body: ReasonIn) -> HttpResponse:
    grant.check_stream(pausing.STREAM)
    writer = engine.current().writer
    change = await pausing.resume(writer, grant.log_id, target, reason=body.reason, by=await author_of(grant))
    answer = ResumeOut(target.kind, target.name, change.fresh, change.position)
    return json_answer(answer, status=201 if change.fresh else 200)


def pause_out(pause: Pause) -> PauseOut:
    """Return the body of a pause."""
    return PauseOut(pause.target.kind, pause.target.name, pause.position, pause.by, pause.reason, pause.paused_at)
