"""The read with which an agent goes on with a workflow after a restart."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from events import engine
from events.access.grants import Bearer, Grant, grant_of
from events.api.decoding import parse_query
from events.api.leases import held_lease_out
from events.api.openapi import read_operation
from events.api.pauses import pause_out
from events.api.responses import event_out, json_answer
from events.appending.checks import check_agent, check_name
from events.models import DeliveryState, Scope
from events.reading.db_work import run_async, run_at_one_moment
from events.subscriptions.open_deliveries import OpenDelivery
from projections.api.responses import check_whole_log, job_answer, state_errors
from projections.api.resume_schemas import (
    DeliveryStateName,
    EffectOut,
    LifecycleOut,
    OpenDeliveryOut,
    ResumeQuery,
    UnfinishedOut,
    WorkflowStandingOut,
)
from projections.api.schemas import JobOut
from projections.catalog.lifecycle import lifecycle
from projections.jobs import fold
from projections.resume.standing import Standing, Unfinished, standing_of
from projections.states.fold import TooFar
from projections.states.moment import NOW

router = Router(tags=["workflows"])

_read = Bearer(Scope.READ)
_STATES: dict[DeliveryState | None, DeliveryStateName] = {
    None: "waiting",
    DeliveryState.READY: "ready",
    DeliveryState.IN_FLIGHT: "in-flight",
    DeliveryState.RETRYING: "retrying",
    DeliveryState.HELD: "held",
    DeliveryState.PAUSED: "paused",
}


@router.get(
    "/workflows/{name:workflow}/resume",
    auth=_read,
    summary="Read all that an agent needs to go on with a workflow",
    openapi_extra=read_operation(WorkflowStandingOut, ResumeQuery, also={202: JobOut}, refuses=[409]),
)
async def read_standing(request: HttpRequest, workflow: str) -> HttpResponse:
    """Return what is begun and not finished, in flight, leased and paused, all at one position of the log."""
    grant = grant_of(request)
    check_whole_log(grant)
    check_name(workflow, "workflow")
    query = parse_query(request.GET, ResumeQuery)
    agent = check_agent(query.agent, grant.agent, "agent")
    pool = engine.current().pool
    work = standing_of(grant.log_id, workflow, agent=agent, limit=query.limit)
    try:
        with state_errors():
            standing = await run_at_one_moment(work, pool)
    except TooFar as too_far:
        job = fold.ensure_state(grant.log_id, lifecycle, workflow, at=NOW, too_far=too_far, asker=grant.asker)
        return job_answer(await run_async(job, pool))
    return json_answer(_standing_out(grant, workflow, agent, standing))


def _standing_out(grant: Grant, workflow: str, agent: str | None, standing: Standing) -> WorkflowStandingOut:
    state = standing.state
    agent_state = None if agent is None else state["agents"].get(agent)
    return WorkflowStandingOut(
        workflow=workflow,
        agent=agent,
        position=standing.position,
        lifecycle=LifecycleOut(state["state"], agent_state, standing.events),
        last_event=None if standing.last_event is None else event_out(standing.last_event),
        unfinished=[_unfinished_out(each) for each in standing.unfinished],
        unfinished_count=standing.unfinished_count,
        deliveries=[_delivery_out(grant, agent, each) for each in standing.deliveries],
        has_all_deliveries=standing.has_all_deliveries,
        leases=[held_lease_out(each) for each in standing.leases],
        pauses=[pause_out(each) for each in standing.pauses],
    )


def _unfinished_out(unfinished: Unfinished) -> UnfinishedOut:
    effects = [EffectOut(each.position, each.stream, each.type, each.agent) for each in unfinished.effects]
    return UnfinishedOut(unfinished.start.work, unfinished.start.state, event_out(unfinished.event), effects)


def _delivery_out(grant: Grant, agent: str | None, delivery: OpenDelivery) -> OpenDeliveryOut:
    """Return the body of a delivery. Its id settles it, so only a token that could have taken it learns the id."""
    is_own = agent is not None and delivery.agent == agent
    may_settle = is_own and grant.allows(Scope.CONSUME) and delivery.stream_prefix == grant.stream_prefix
    return OpenDeliveryOut(
        subscription=delivery.subscription,
        delivery=str(delivery.id) if may_settle and delivery.id else None,
        state=_STATES[delivery.state],
        key=delivery.key,
        attempt=delivery.attempt,
        due=delivery.due,
        consumer=delivery.consumer,
        agent=delivery.agent,
        waiting=delivery.waiting,
        event=event_out(delivery.event),
    )
