"""The HTTP API of the log. Each operation checks, makes one call and answers.

Bodies and answers are structs that msgspec reads and writes; `openapi.py` makes their description from the same
structs. Errors are raised, and become problems in one place.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import register_converter
from django.utils import timezone
from ninja import Router

from events import engine
from events.access.grants import Bearer, Grant, grant_of
from events.access.places import Place, open_streams
from events.api import cloudevents
from events.api.decoding import decode_json, optional, parse_query
from events.api.event_stream import send_events
from events.api.following import read_page, read_stream, wait_page
from events.api.ndjson import append_lines
from events.api.openapi import header, operation, read_operation
from events.api.query_schemas import EventQuery, EventsQuery, LogQuery, StreamEventsQuery, StreamsQuery
from events.api.responses import (
    StreamedAnswer,
    append_answer,
    append_out,
    event_out,
    events_answer,
    json_answer,
    problem,
    status_of,
)
from events.api.schemas import (
    AppendIn,
    AppendOut,
    AppendResult,
    AppendsIn,
    AppendsOut,
    BulkOut,
    EventOut,
    EventsOut,
    LineIn,
    StreamEventsOut,
    StreamOut,
    StreamsOut,
)
from events.appending.checks import check_stream
from events.converters import NameConverter
from events.digits import whole_number
from events.errors import EventsError, Invalid, NoSuchEvent, NoSuchStream, TooLarge
from events.lists import reads as lists
from events.models import Scope
from events.query.tree import Query
from events.reading import store
from events.types import Append, Appended, StreamInfo

register_converter(NameConverter, "name")

router = Router(tags=["events"])

_append = Bearer(Scope.APPEND)
_read = Bearer(Scope.READ)

NDJSON = "application/x-ndjson"
SSE = "text/event-stream"


@router.post(
    "/streams/{name:stream}/events",
    auth=_append,
    summary="Append to a stream",
    openapi_extra=operation(
        takes={"application/json": AppendIn},
        gives={200: AppendOut, 201: AppendOut},
        refuses=(400, 401, 403, 408, 409, 413, 422, 423, 503),
    ),
)
async def append_to_stream(request: HttpRequest, stream: str) -> HttpResponse:
    """Append all the events, or none. The answer is 200 with `"replayed": true` if they are in the log already."""
    grant = grant_of(request)
    grant.check_append(stream)
    append = decode_json(request.body, AppendIn).checked(stream, pinned_agent=grant.agent)
    return await _append_one(request, grant, grant.permitted(append))


@router.get(
    "/streams/{name:stream}/events",
    auth=_read,
    summary="Read a stream",
    openapi_extra=read_operation(StreamEventsOut, StreamEventsQuery, refuses=[409]),
)
async def read_stream_events(request: HttpRequest, stream: str) -> HttpResponse:
    """Return a stream's events in either direction; an empty page if there are none.

    `next` is a version, and `version` is the stream's last version.
    """
    grant = grant_of(request)
    grant.check_stream(check_stream(stream))
    query = parse_query(request.GET, StreamEventsQuery)
    page = await read_stream(
        grant.log_id,
        stream,
        query.query(timezone.now()),
        from_version=optional(query.from_version),
        backward=query.direction == "backward",
        limit=query.limit,
    )
    return events_answer(page, query.read_as)


@router.get(
    "/streams",
    auth=_read,
    summary="List streams",
    openapi_extra=read_operation(StreamsOut, StreamsQuery),
)
async def list_streams(request: HttpRequest) -> HttpResponse:
    """Return streams by name. `next` is the name after which the next page begins.

    `behind` is 0, unless no process keeps the lists: then it is the number of the newest events that are not counted.
    """
    grant = grant_of(request)
    query = parse_query(request.GET, StreamsQuery)
    prefix = query.prefix if query.prefix.startswith(grant.stream_prefix) else grant.stream_prefix
    if not prefix.startswith(query.prefix):
        grant.check_stream(query.prefix)
    pool = engine.current().pool
    head = await store.head(grant.log_id).afirst(pool) or 0
    streams = await lists.streams(
        grant.log_id, prefix=prefix, category=query.category, after=query.after, limit=query.limit
    ).afetch(pool)
    next_name = streams[-1].name if len(streams) == query.limit else None
    behind = await lists.behind(grant.log_id).afirst(pool) or 0
    return json_answer(StreamsOut([_stream_out(stream) for stream in streams], next_name, head, behind))


@router.get(
    "/streams/{name:stream}",
    auth=_read,
    summary="Look up a stream",
    openapi_extra=read_operation(StreamOut, LogQuery),
)
async def look_up_stream(request: HttpRequest, stream: str) -> HttpResponse:
    """Return a stream's last version; 404 `no-such-stream` if it has no events."""
    grant = grant_of(request)
    grant.check_stream(check_stream(stream))
    parse_query(request.GET, LogQuery)
    info = await lists.stream(grant.log_id, stream).afirst(engine.current().pool)
    if info is None:
        raise NoSuchStream(stream=stream)
    return json_answer(_stream_out(info))


@router.post(
    "/events",
    auth=_append,
    summary="Append to several streams, in bulk, or CloudEvents",
    openapi_extra=operation(
        takes={
            "application/json": AppendsIn,
            NDJSON: {"type": "string", "description": f"One `{LineIn.__name__}` per line"},
            cloudevents.STRUCTURED: cloudevents.SCHEMA,
            cloudevents.BATCHED: {"type": "array", "items": {}},
        },
        gives={200: (AppendsOut, BulkOut, AppendOut), 201: (AppendsOut, AppendOut)},
        refuses=(400, 401, 403, 408, 409, 413, 422, 423, 429, 503),
    ),
)
async def append_events(request: HttpRequest) -> HttpResponse:
    """Append to several streams: one result for each append, in order, with its own status; with `atomic`, all or none.

    This also takes CloudEvents 1.0 (structured, batched, binary), and `application/x-ndjson` of any length: one event
    with its `stream` a line, written as it comes.
    """
    grant = grant_of(request)
    media = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media == NDJSON:
        with _stream_place(grant):
            return json_answer(await append_lines(_body_pieces(request), grant))
    if media == cloudevents.BATCHED:
        batch = cloudevents.batched(request.body, pinned_agent=grant.agent)
        return await _append_many(grant, [_permitted(grant, each) for each in batch])
    if media == cloudevents.STRUCTURED:
        event = cloudevents.structured(request.body, pinned_agent=grant.agent)
        return await _append_one(request, grant, grant.permitted(event))
    if "ce-specversion" in request.headers:
        event = cloudevents.binary(request.headers, request.body, pinned_agent=grant.agent)
        return await _append_one(request, grant, grant.permitted(event))
    return await _append_body(request, grant)


async def _append_body(request: HttpRequest, grant: Grant) -> HttpResponse:
    body = decode_json(request.body, AppendsIn)
    if not body.appends:
        raise Invalid("appends must hold at least one append.", field="appends")
    limit = settings.EVENTSITE.request_max_events
    if sum(max(1, len(append.events)) for append in body.appends) > limit:
        raise TooLarge(f"The appends hold more than {limit:,} events.", field="appends", limit=limit)
    of_each, of_all, ids = body.common()
    appends: list[Append | EventsError] = []
    for index, append in enumerate(body.appends):
        try:
            grant.check_append(append.stream)
            checked = append.checked(append.stream, pinned_agent=grant.agent, field=f"appends[{index}].", ids=ids)
            if guards := of_each + of_all:
                checked = replace(checked, guards=guards + checked.guards)
            appends.append(grant.permitted(checked))
        except EventsError as error:
            if body.atomic is True:
                raise
            appends.append(error)
        of_all = ()
    return await _append_many(grant, appends, atomic=body.atomic is True)


async def _append_one(request: HttpRequest, grant: Grant, append: Append) -> HttpResponse:
    [outcome] = await grant.append([append])
    if isinstance(outcome, EventsError):
        engine.current().refusals.note(grant.log_id, outcome)
        raise outcome
    return append_answer(request, grant.log, outcome)


async def _append_many(grant: Grant, appends: list[Append | EventsError], *, atomic: bool = False) -> HttpResponse:
    """Write the appends that passed their checks, and return every result in its place."""
    valid = [append for append in appends if isinstance(append, Append)]
    outcomes = iter(await grant.append(valid, atomic=atomic) if valid else [])
    results = [append if isinstance(append, EventsError) else next(outcomes) for append in appends]
    if atomic:
        for result in results:
            if isinstance(result, EventsError):
                engine.current().refusals.note(grant.log_id, result)
                raise result
    replayed = all(isinstance(result, Appended) and result.replayed for result in results)
    body = AppendsOut([AppendResult(status_of(result), _result_body(grant, result)) for result in results])
    return json_answer(body, status=201 if atomic and not replayed else 200)


def _permitted(grant: Grant, append: Append | EventsError) -> Append | EventsError:
    """Return the append, or the error if the token may not append to its stream."""
    try:
        return grant.permitted(append) if isinstance(append, Append) else append
    except EventsError as error:
        return error


def _result_body(grant: Grant, result: Appended | EventsError) -> AppendOut | dict[str, Any]:
    if isinstance(result, EventsError):
        engine.current().refusals.note(grant.log_id, result)
        return problem(result)
    return append_out(grant.log, result)


@router.get(
    "/events",
    auth=_read,
    summary="Read or follow the log",
    openapi_extra=read_operation(
        EventsOut,
        EventsQuery,
        refuses=[409, 429],
        text=SSE,
        headers=[header("Last-Event-ID", "For an event stream: go on after this position")],
    ),
)
async def read_events(request: HttpRequest) -> HttpResponseBase:
    """Return a page, a long poll with `wait`, or server-sent events with `Accept: text/event-stream`.

    The `id:` of a server-sent event is its position, and `Last-Event-ID` resumes after it. The `id:` of a heartbeat is
    the position up to which the log was searched.
    """
    grant = grant_of(request)
    query = parse_query(request.GET, EventsQuery)
    tree = grant.narrowed(query.query(timezone.now()))
    if query.stream is not None:
        grant.check_stream(query.stream)
    if SSE in request.headers.get("Accept", ""):
        return _event_stream(request, grant, tree, query)
    backward = query.direction == "backward"
    before = optional(query.before)
    page = await read_page(
        grant.log_id, tree, after=optional(query.after), before=before, backward=backward, limit=query.limit
    )
    if query.wait and page.complete and not page.events and not backward and before is None:
        with _stream_place(grant):
            page = await wait_page(grant, tree, after=page, limit=query.limit, wait=query.wait)
    return events_answer(page, query.read_as)


@router.get(
    "/events/{int:position}",
    auth=_read,
    summary="Look up an event",
    openapi_extra=read_operation(EventOut, EventQuery, refuses=[409]),
)
async def look_up_event(request: HttpRequest, position: int) -> HttpResponse:
    """Return the event at a position; 404 `no-such-event` if there is none."""
    grant = grant_of(request)
    query = parse_query(request.GET, EventQuery)
    if position >= 2**63:
        raise NoSuchEvent
    event = await store.event(grant.log_id, position).afirst(engine.current().pool)
    if event is None or not event.stream.startswith(grant.stream_prefix):
        raise NoSuchEvent(position=position)
    return json_answer(event_out(event, query.read_as))


def _stream_place(grant: Grant) -> Place:
    """Take the place of an open stream, or raise `TooManyStreams`."""
    return open_streams.take(grant.asker, most=settings.EVENTSITE.token_max_streams)


def _stream_out(stream: StreamInfo) -> StreamOut:
    return StreamOut(stream.name, stream.category, stream.version)


def _event_stream(request: HttpRequest, grant: Grant, tree: Query, query: EventsQuery) -> HttpResponseBase:
    has_before, is_backward = optional(query.before) is not None, query.direction == "backward"
    for field, is_set in (("before", has_before), ("direction", is_backward)):
        if is_set:
            raise Invalid(f"An event stream does not take {field}.", field=field)
    after = _last_event_id(request, optional(query.after) or 0)
    write = partial(send_events, grant=grant, query=tree, after=after, read_as=query.read_as)
    response = StreamedAnswer(write, content_type=SSE, place=_stream_place(grant))
    response["X-Accel-Buffering"] = "no"
    return response


def _last_event_id(request: HttpRequest, default: int) -> int:
    text = request.headers.get("Last-Event-ID", "")
    if not text:
        return default
    position = whole_number(text)
    if position is None:
        raise Invalid("Last-Event-ID must be a position.", field="Last-Event-ID")
    return position


async def _body_pieces(request: HttpRequest) -> AsyncIterator[bytes]:
    """Yield the body in pieces: as they arrive, if the server gives them to the request, else from Django's buffer."""
    pieces: AsyncIterator[bytes] | None = getattr(request, "pieces", None)
    if pieces is not None:
        async for piece in pieces:
            yield piece
    else:
        while piece := request.read(64 * 1024):
            yield piece
