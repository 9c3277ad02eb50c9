"""The HTTP API that grants leases, renews and releases them, and lists those that are held."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from msgspec import UnsetType
from ninja import Router

from events import engine
from events.access.grants import Bearer, Grant, grant_of
from events.api.author import author_of
from events.api.decoding import decode_json, optional, parse_query
from events.api.lease_schemas import (
    AcquireIn,
    HeldLeaseOut,
    LeaseOut,
    LeasesOut,
    LeasesQuery,
    ReleaseIn,
    ReleaseOut,
    RenewIn,
    check_lease,
    check_ttl,
)
from events.api.openapi import operation, read_operation
from events.api.responses import json_answer
from events.appending.checks import check_agent, check_count, check_name
from events.errors import Invalid
from events.leases.guards import STREAM, check_reach
from events.leases.lease import Lease
from events.leases.leasing import Leases
from events.leases.reads import HeldLease, held_leases
from events.models import Scope

router = Router(tags=["leases"])

_hold = Bearer(Scope.APPEND)
_free = Bearer(Scope.APPEND, Scope.SUPERVISE)
_see = Bearer(Scope.READ, Scope.SUPERVISE)
_REFUSALS = (400, 401, 403, 408, 409, 413, 422, 503)
_LAST_POSITION = 2**63 - 1


@router.get(
    "/leases",
    auth=_see,
    summary="List leases",
    openapi_extra=read_operation(LeasesOut, LeasesQuery),
)
async def list_leases(request: HttpRequest) -> HttpResponse:
    """Return the leases that are held now, of all agents or of one, the last grant first."""
    grant = grant_of(request)
    grant.check_stream(STREAM)
    query = parse_query(request.GET, LeasesQuery)
    before = optional(query.before)
    leases = await held_leases(
        grant.log_id, holder=query.agent, before=_LAST_POSITION if before is None else before, limit=query.limit
    ).afetch(engine.current().pool)
    next_position = leases[-1].token if len(leases) == query.limit else None
    return json_answer(LeasesOut([held_lease_out(lease) for lease in leases], next_position))


@router.post(
    "/leases",
    auth=_hold,
    summary="Acquire a lease",
    openapi_extra=operation(
        takes={"application/json": AcquireIn},
        gives={200: LeaseOut, 201: LeaseOut},
        refuses=sorted({*_REFUSALS, 423}),
    ),
)
async def acquire_lease(request: HttpRequest) -> HttpResponse:
    """Grant a lease that nobody holds (201); 200 with the same token if the `request` is repeated."""
    grant = grant_of(request)
    body = decode_json(request.body, AcquireIn)
    lease, ttl = _reached(grant, body.lease()), check_ttl(body.ttl)
    check_agent(body.agent, grant.agent, "agent")
    granted = await _leases(grant).acquire(lease, agent=body.agent, ttl=ttl, request=body.checked_request())
    answer = LeaseOut(str(lease), granted.token, granted.expires_at)
    return json_answer(answer, status=201 if granted.fresh else 200)


@router.post(
    "/leases/renew",
    auth=_hold,
    summary="Renew a lease",
    openapi_extra=operation(takes={"application/json": RenewIn}, gives={200: LeaseOut}, refuses=_REFUSALS),
)
async def renew_lease(request: HttpRequest) -> HttpResponse:
    """Let a lease run for `ttl` seconds from now on. One that has run out is lost: nothing renews it."""
    grant = grant_of(request)
    body = decode_json(request.body, RenewIn)
    lease, token = _reached(grant, check_lease(body.lease)), check_count(body.token, "token", minimum=1)
    granted = await _leases(grant).renew(lease, token=token, ttl=check_ttl(body.ttl), agent=grant.agent)
    return json_answer(LeaseOut(str(lease), token, granted.expires_at))


@router.post(
    "/leases/release",
    auth=_free,
    summary="Release a lease",
    openapi_extra=operation(
        takes={"application/json": ReleaseIn}, gives={200: ReleaseOut}, refuses=sorted({*_REFUSALS, 404})
    ),
)
async def release_lease(request: HttpRequest) -> HttpResponse:
    """Free a lease: its holder with the `token`, or a supervisor with a `reason`, which the log records."""
    grant = grant_of(request)
    body = decode_json(request.body, ReleaseIn)
    lease = _reached(grant, check_lease(body.lease))
    position = None
    if not isinstance(body.token, UnsetType) and isinstance(body.reason, UnsetType):
        grant.check_scope(Scope.APPEND)
        token = check_count(body.token, "token", minimum=1)
        await _leases(grant).release(lease, token=token, agent=grant.agent)
    elif not isinstance(body.reason, UnsetType) and isinstance(body.token, UnsetType):
        grant.check_scope(Scope.SUPERVISE)
        position = await _leases(grant).end(lease, reason=check_name(body.reason, "reason"), by=await author_of(grant))
    else:
        raise Invalid("body must have a token (of the holder) or a reason (of a supervisor).", field="body")
    return json_answer(ReleaseOut(str(lease), position))


def held_lease_out(held: HeldLease) -> HeldLeaseOut:
    """Return the body of a lease that is held."""
    return HeldLeaseOut(str(held.lease), held.token, held.expires_at, held.holder)


def _reached(grant: Grant, lease: Lease) -> Lease:
    """Return the lease, if the token reaches it."""
    check_reach(lease, grant)
    return lease


def _leases(grant: Grant) -> Leases:
    current = engine.current()
    return Leases(grant.log_id, current.writer, current.pool)
