"""The HTTP API of subscriptions: making them, and taking and settling deliveries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from msgspec import UNSET
from ninja import Router

from events import engine
from events.access.grants import Bearer, Grant, grant_of
from events.api.author import author_of
from events.api.decoding import decode_json, optional, parse_query
from events.api.openapi import operation, read_operation
from events.api.query_schemas import LogQuery
from events.api.responses import Handover, event_out, json_answer, waiting
from events.api.settling_schemas import delivery_id
from events.api.subscription_orders import order_of
from events.api.subscription_schemas import (
    MAX_MESSAGE_CHARACTERS,
    MAX_TRACEBACK_CHARACTERS,
    DeliveriesOut,
    DeliveryOut,
    FailureIn,
    SettledOut,
    SettleIn,
    SettlementIn,
    SettlementsOut,
    SubscriptionIn,
    SubscriptionOut,
    SubscriptionsOut,
    TakeIn,
)
from events.api.subscription_settings import settings_of, start_of, subscription_out
from events.appending.checks import check_agent, check_count, check_name, check_text
from events.errors import Invalid, TooLarge
from events.models import Scope
from events.reading import store as reads
from events.subscriptions import faults, orders, store
from events.subscriptions.breakers import circuits_of_subscriptions
from events.subscriptions.errors import NoSuchSubscription
from events.subscriptions.server import Server
from events.subscriptions.settings import check_bounds, check_subscription_name
from events.subscriptions.types import Deliveries, Delivery, Failure, Settlement, Take

router = Router(tags=["subscriptions"])

_consume = Bearer(Scope.CONSUME)
_admin = Bearer(Scope.ADMIN)
_REFUSALS = (400, 401, 403, 404, 408, 413, 422, 503)
_MAX_LIMIT = 1_000
_MAX_WAIT_SECONDS = 60.0
Answered = TypeVar("Answered")
_DAY_SECONDS = 86_400.0


@router.put(
    "/subscriptions/{subscription}",
    auth=_admin,
    summary="Make or change a subscription",
    openapi_extra=operation(
        takes={"application/json": SubscriptionIn},
        gives={200: SubscriptionOut, 201: SubscriptionOut},
        refuses=(*_REFUSALS, 409),
    ),
)
async def put_subscription(request: HttpRequest, subscription: str) -> HttpResponse:
    """Make the subscription, or give it these settings; a new query holds for events that were not read yet."""
    grant = grant_of(request)
    body = decode_json(request.body, SubscriptionIn)
    check_subscription_name(subscription)
    settings, start, by = settings_of(body), start_of(body), await author_of(grant)
    current = engine.current()
    while True:
        is_new = await store.put(
            current.pool, grant.log_id, subscription, settings, start=start, stream_prefix=grant.stream_prefix, by=by
        )
        await current.announcer.announce()
        with suppress(NoSuchSubscription):  # it was ended a moment ago: then it is made again
            return json_answer(await _one(grant, subscription), status=201 if is_new else 200)


@router.get(
    "/subscriptions/{subscription}",
    auth=_consume,
    summary="Look up a subscription",
    openapi_extra=read_operation(SubscriptionOut, LogQuery),
)
async def look_up_subscription(request: HttpRequest, subscription: str) -> HttpResponse:
    """Return a subscription's settings, and how far it is."""
    grant = grant_of(request)
    parse_query(request.GET, LogQuery)
    return json_answer(await _one(grant, subscription))


@router.get(
    "/subscriptions",
    auth=_consume,
    summary="List subscriptions",
    openapi_extra=read_operation(SubscriptionsOut, LogQuery),
)
async def list_subscriptions(request: HttpRequest) -> HttpResponse:
    """Return the subscriptions of the token by name: those that were made with its stream prefix."""
    grant = grant_of(request)
    parse_query(request.GET, LogQuery)
    subscriptions = await store.read(engine.current().pool, grant.log_id)
    circuits = await circuits_of_subscriptions(engine.current().pool, grant.log_id)
    visible = [
        subscription_out(each, circuits.get(each.number))
        for each in subscriptions
        if each.stream_prefix == grant.stream_prefix
    ]
    return json_answer(SubscriptionsOut(visible))


@router.delete(
    "/subscriptions/{subscription}",
    auth=_admin,
    summary="End a subscription",
    openapi_extra=operation(gives={204: None}, refuses=_REFUSALS),
)
async def delete_subscription(request: HttpRequest, subscription: str) -> HttpResponse:
    """End the subscription: its deliveries are void, and nothing is left of its dead letters but their events."""
    await orders.delete(await order_of(grant_of(request), subscription))
    await engine.current().announcer.announce()
    return HttpResponse(status=204)


@router.post(
    "/subscriptions/{subscription}/take",
    auth=_consume,
    summary="Take deliveries",
    openapi_extra=operation(takes={"application/json": TakeIn}, gives={200: DeliveriesOut}, refuses=_REFUSALS),
)
@waiting
async def take(request: HttpRequest, subscription: str) -> HttpResponse:
    """Wait for deliveries. Of a key one event is delivered at a time, and the next one when it is settled."""
    grant = grant_of(request)
    body = decode_json(request.body, TakeIn)
    request_name = optional(body.request)
    wish = Take(
        check_name(body.consumer, "consumer"),
        check_agent(optional(body.agent), grant.agent, "agent"),
        check_count(body.limit, "limit", minimum=1, maximum=_MAX_LIMIT),
        uuid4().hex if request_name is None else check_name(request_name, "request"),
        is_repeatable=request_name is not None,
    )
    wait = check_bounds(body.wait, "wait", minimum=0, maximum=_MAX_WAIT_SECONDS)

    async def take_from(server: Server) -> tuple[Deliveries, frozenset[int], Callable[[], None]]:
        answer = await server.take(wish, wait=wait)
        give_back = partial(server.give_back, wish, [each.id for each in answer.deliveries])
        try:
            return answer, await _redacted(grant, answer.deliveries), give_back
        except BaseException:
            give_back()
            raise

    answer, redacted, give_back = await _ask(grant, subscription, take_from)
    deliveries = [_delivery_out(each, is_redacted=each.id.position in redacted) for each in answer.deliveries]
    return Handover(DeliveriesOut(deliveries, answer.read_to, answer.head - answer.read_to), give_back)


@router.post(
    "/subscriptions/{subscription}/settle",
    auth=_consume,
    summary="Settle deliveries",
    openapi_extra=operation(takes={"application/json": SettleIn}, gives={200: SettlementsOut}, refuses=_REFUSALS),
)
async def settle(request: HttpRequest, subscription: str) -> HttpResponse:
    """Say what became of deliveries. Each is answered by itself: one that came too late harms no other."""
    grant = grant_of(request)
    body = decode_json(request.body, SettleIn)
    consumer = check_name(body.consumer, "consumer")
    if not body.settlements:
        raise Invalid("settlements must hold at least one.", field="settlements")
    if len(body.settlements) > _MAX_LIMIT:
        raise TooLarge(f"settlements must hold 1 to {_MAX_LIMIT:,}.", field="settlements", limit=_MAX_LIMIT)
    settlements = [
        _settlement(each, consumer, grant.agent, f"settlements[{index}]") for index, each in enumerate(body.settlements)
    ]
    results = await _ask(grant, subscription, lambda server: server.settle(settlements))
    engine.current().announcer.wake()
    return json_answer(
        SettlementsOut(
            [
                SettledOut(each.delivery, settled.result, settled.retry_at)
                for each, settled in zip(body.settlements, results, strict=True)
            ]
        )
    )


async def _ask(grant: Grant, name: str, ask: Callable[[Server], Awaitable[Answered]]) -> Answered:
    """Ask the server of a subscription. If another subscription has its name by now, that one is asked."""
    try:
        return await ask(await _server(grant, name))
    except NoSuchSubscription:
        return await ask(await _server(grant, name))


async def _server(grant: Grant, name: str) -> Server:
    """Return the server of a subscription of the token.

    Raises:
        NoSuchSubscription: there is none of this name.
        Forbidden: it is for tokens with another stream prefix.
    """
    subscriptions = engine.current().subscriptions
    server = await subscriptions.of(grant.log_id, name)
    if server.served.stream_prefix != grant.stream_prefix:
        server = await subscriptions.renewed(grant.log_id, name)
    store.check_prefix(name, server.served.stream_prefix, grant.stream_prefix)
    return server


async def _one(grant: Grant, name: str) -> SubscriptionOut:
    """Return a subscription of the token.

    Raises:
        NoSuchSubscription: there is none of this name.
        Forbidden: it is for tokens with another stream prefix.
    """
    status = await store.one(engine.current().pool, grant.log_id, name)
    store.check_prefix(name, status.stream_prefix, grant.stream_prefix)
    circuits = await circuits_of_subscriptions(engine.current().pool, grant.log_id, status.number)
    return subscription_out(status, circuits.get(status.number))


async def _redacted(grant: Grant, deliveries: Sequence[Delivery]) -> frozenset[int]:
    """Return the positions of the events that were redacted: their data is null, as that of others may be."""
    without_data = [each.id.position for each in deliveries if each.event.data == "null"]
    if not without_data:
        return frozenset()
    return frozenset(await reads.redacted_among(grant.log_id, without_data).afetch(engine.current().pool))


def _delivery_out(delivery: Delivery, *, is_redacted: bool) -> DeliveryOut:
    return DeliveryOut(
        str(delivery.id),
        delivery.id.position,
        delivery.key,
        delivery.attempt,
        delivery.deadline,
        delivery.head,
        event_out(delivery.event),
        is_redacted,
    )


def _settlement(body: SettlementIn, consumer: str, agent: str | None, field: str) -> Settlement:
    delay, seconds = optional(body.delay), optional(body.seconds)
    if delay is not None:
        check_bounds(delay, f"{field}.delay", minimum=0, maximum=_DAY_SECONDS)
    if body.outcome == "extend":
        seconds = check_bounds(seconds or 0, f"{field}.seconds", minimum=1, maximum=_DAY_SECONDS / 2)
    failure = None
    if body.outcome in ("fail", "poison"):
        error = optional(body.error)
        failure = faults.failure(faults.UNKNOWN, "", None) if error is None else _failure(error, f"{field}.error")
    id = delivery_id(body.delivery, f"{field}.delivery")
    return Settlement(id, body.outcome, consumer, agent, delay, seconds, failure)


def _failure(error: FailureIn, field: str) -> Failure:
    return faults.failure(
        check_name(error.type, f"{field}.type"),
        check_text(error.message, f"{field}.message", limit=MAX_MESSAGE_CHARACTERS),
        None
        if error.traceback is UNSET
        else check_text(str(error.traceback), f"{field}.traceback", limit=MAX_TRACEBACK_CHARACTERS),
    )
