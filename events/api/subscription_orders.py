"""The HTTP API that rewinds, pauses and resumes subscriptions."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from ninja import Router

from events import engine
from events.access.grants import Bearer, Grant, grant_of
from events.api.author import author_of
from events.api.decoding import decode_json, optional
from events.api.openapi import operation
from events.api.responses import json_answer
from events.api.subscription_order_schemas import PauseSubscriptionIn, PauseSubscriptionOut, RewindIn, RewindOut
from events.appending.checks import check_name, check_time
from events.errors import Invalid
from events.models import Scope
from events.subscriptions import pausing, store
from events.subscriptions.orders import Order
from events.subscriptions.rewinding import rewind

router = Router(tags=["subscriptions"])

_admin = Bearer(Scope.ADMIN)
_supervise = Bearer(Scope.SUPERVISE)
_REFUSALS = (400, 401, 403, 404, 408, 413, 422, 503)


@router.post(
    "/subscriptions/{subscription}/rewind",
    auth=_admin,
    summary="Rewind a subscription",
    openapi_extra=operation(takes={"application/json": RewindIn}, gives={200: RewindOut}, refuses=_REFUSALS),
)
async def rewind_subscription(request: HttpRequest, subscription: str) -> HttpResponse:
    """Let the subscription go on elsewhere: back, events are delivered again; forward, they are skipped."""
    body = decode_json(request.body, RewindIn)
    to = _place_of(body)
    order = await order_of(grant_of(request), subscription, is_dry_run=body.dry_run)
    effect = await rewind(order, to=to)
    await engine.current().announcer.announce()
    return json_answer(
        RewindOut(
            subscription,
            body.dry_run,
            effect.begin,
            effect.position,
            effect.generation,
            effect.delivered_again,
            effect.settled_before,
            effect.skipped,
            effect.unsettled.in_flight,
            effect.unsettled.letters,
            effect.counted_to,
        )
    )


@router.post(
    "/subscriptions/{subscription}/pause",
    auth=_supervise,
    summary="Pause a subscription",
    openapi_extra=operation(
        takes={"application/json": PauseSubscriptionIn}, gives={200: PauseSubscriptionOut}, refuses=_REFUSALS
    ),
)
async def pause_subscription(request: HttpRequest, subscription: str) -> HttpResponse:
    """Deliver nothing until the subscription is resumed. What is in flight may still be settled."""
    return await _set_pause(request, subscription, is_paused=True)


@router.post(
    "/subscriptions/{subscription}/resume",
    auth=_supervise,
    summary="Resume a subscription",
    openapi_extra=operation(
        takes={"application/json": PauseSubscriptionIn}, gives={200: PauseSubscriptionOut}, refuses=_REFUSALS
    ),
)
async def resume_subscription(request: HttpRequest, subscription: str) -> HttpResponse:
    """Go on where the subscription was paused."""
    return await _set_pause(request, subscription, is_paused=False)


async def _set_pause(request: HttpRequest, name: str, *, is_paused: bool) -> HttpResponse:
    grant = grant_of(request)
    body = decode_json(request.body, PauseSubscriptionIn)
    reason = optional(body.reason)
    if reason is not None:
        check_name(reason, "reason")
    order = await order_of(grant, name, is_dry_run=body.dry_run)
    changed = await (pausing.pause if is_paused else pausing.resume)(order, reason=reason)
    await engine.current().announcer.announce()
    status = await store.one(order.pool, grant.log_id, name)
    return json_answer(
        PauseSubscriptionOut(
            name, body.dry_run, changed, is_paused, status.in_flight, status.unsettled, status.head - status.read_to
        )
    )


def _place_of(body: RewindIn) -> int | datetime:
    position, time = optional(body.position), optional(body.time)
    if position is not None and time is None:
        return position
    if time is not None and position is None:
        return check_time(time, "time")
    raise Invalid("A rewind needs either a position or a time.", field="position")


async def order_of(grant: Grant, name: str, *, is_dry_run: bool = False) -> Order:
    """Return what a token orders about a subscription."""
    pool = engine.current().pool
    return Order(pool, grant.log_id, name, grant.stream_prefix, await author_of(grant), is_dry_run)
