"""The HTTP API that shows who holds what of a subscription since when, and releases a delivery."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from events import engine
from events.access.grants import Bearer, Grant, grant_of
from events.api.decoding import decode_json, parse_query
from events.api.openapi import operation, read_operation
from events.api.responses import json_answer
from events.api.settling_schemas import delivery_id
from events.api.subscription_holdings_schemas import (
    STATES,
    ConsumerOut,
    ConsumersOut,
    HoldingsQuery,
    InFlightOut,
    InFlightsOut,
    ReleaseDeliveryIn,
    ReleasedOut,
    WaitingKeyOut,
    WaitingKeysOut,
)
from events.api.subscription_orders import order_of
from events.api.subscription_settings import circuit_out
from events.appending.checks import check_name
from events.models import Scope
from events.subscriptions import store
from events.subscriptions.breakers import circuits_of_consumers
from events.subscriptions.consumers import consumers
from events.subscriptions.errors import NoSuchDelivery
from events.subscriptions.store import Status
from events.subscriptions.taking_back import take_back
from events.subscriptions.types import DeliveryId
from events.subscriptions.unsettled import InFlight, WaitingKey, in_flight, waiting_keys

router = Router(tags=["subscriptions"])

_consume = Bearer(Scope.CONSUME)
_supervise = Bearer(Scope.SUPERVISE)


@router.get(
    "/subscriptions/{subscription}/deliveries",
    auth=_consume,
    summary="List the deliveries in flight",
    openapi_extra=read_operation(InFlightsOut, HoldingsQuery),
)
async def list_deliveries(request: HttpRequest, subscription: str) -> HttpResponse:
    """Return the deliveries in flight: who holds each since when, the longest first."""
    grant = grant_of(request)
    query = parse_query(request.GET, HoldingsQuery)
    status = await _status(grant, subscription)
    rows = await in_flight(grant.log_id, status.number, limit=query.limit).afetch(engine.current().pool)
    deliveries = [_in_flight_out(status, each) for each in rows]
    return json_answer(InFlightsOut(deliveries, status.in_flight, status.settings.max_in_flight))


@router.get(
    "/subscriptions/{subscription}/keys",
    auth=_consume,
    summary="List the keys that wait",
    openapi_extra=read_operation(WaitingKeysOut, HoldingsQuery),
)
async def list_keys(request: HttpRequest, subscription: str) -> HttpResponse:
    """Return the keys that wait and why, with their number of waiting events, the most first."""
    grant = grant_of(request)
    query = parse_query(request.GET, HoldingsQuery)
    status = await _status(grant, subscription)
    rows = await waiting_keys(grant.log_id, status.number, limit=query.limit).afetch(engine.current().pool)
    return json_answer(WaitingKeysOut([_key_out(each) for each in rows]))


@router.get(
    "/subscriptions/{subscription}/consumers",
    auth=_consume,
    summary="List the consumers",
    openapi_extra=read_operation(ConsumersOut, HoldingsQuery),
)
async def list_consumers(request: HttpRequest, subscription: str) -> HttpResponse:
    """Return the consumers: when each was seen, how much it holds, and how much it takes a minute."""
    grant = grant_of(request)
    query = parse_query(request.GET, HoldingsQuery)
    status = await _status(grant, subscription)
    rows = await consumers(grant.log_id, status.number, limit=query.limit).afetch(engine.current().pool)
    circuits = await circuits_of_consumers(engine.current().pool, grant.log_id, status.number)
    outs = [
        ConsumerOut(
            each.name,
            each.agent,
            each.last_seen_at,
            each.in_flight,
            each.oldest_taken_at,
            each.per_minute,
            circuit_out(circuits.get(each.name)),
        )
        for each in rows
    ]
    return json_answer(ConsumersOut(outs, status.settings.max_in_flight_per_consumer))


@router.post(
    "/subscriptions/{subscription}/release",
    auth=_supervise,
    summary="Release a delivery",
    openapi_extra=operation(
        takes={"application/json": ReleaseDeliveryIn},
        gives={200: ReleasedOut},
        refuses=(400, 401, 403, 404, 408, 413, 422, 503),
    ),
)
async def release_delivery(request: HttpRequest, subscription: str) -> HttpResponse:
    """Take a delivery from its consumer, so that it is delivered again at once. It costs no attempt."""
    body = decode_json(request.body, ReleaseDeliveryIn)
    delivery = delivery_id(body.delivery, "delivery")
    order = await order_of(grant_of(request), subscription)
    reason = check_name(body.reason, "reason")
    deliveries = await take_back(order, position=delivery.position, token=delivery.token, reason=reason)
    if not deliveries:
        raise NoSuchDelivery(f"Nobody holds the delivery {delivery} now.", delivery=str(delivery))
    await engine.current().announcer.announce()
    [released] = deliveries
    return json_answer(ReleasedOut(delivery.position, released.consumer, released.agent, released.taken_at))


async def _status(grant: Grant, name: str) -> Status:
    """Return a subscription of the token.

    Raises:
        NoSuchSubscription: there is none of this name.
        Forbidden: it is for tokens with another stream prefix.
    """
    status = await store.one(engine.current().pool, grant.log_id, name)
    store.check_prefix(name, status.stream_prefix, grant.stream_prefix)
    return status


def _in_flight_out(status: Status, each: InFlight) -> InFlightOut:
    return InFlightOut(
        str(DeliveryId(status.number, status.generation, each.position, each.token)),
        each.position,
        each.type,
        each.key,
        each.consumer,
        each.agent,
        each.attempt,
        each.taken_at,
        round(each.held_seconds, 3),
        each.deadline,
        each.is_redacted,
    )


def _key_out(each: WaitingKey) -> WaitingKeyOut:
    return WaitingKeyOut(
        each.key,
        STATES[each.state],
        each.position,
        each.type,
        each.waiting,
        each.attempt,
        each.consumer if each.state == 1 else None,
        each.since,
        each.due,
        each.error_type,
        each.is_redacted,
    )
