"""The short way from ASGI to an operation of the API: without middleware, threads or models in between.

Django's own handler spends most of a request on thread hops and middleware, many times the cost to check and write an
event. `LeanAPI` serves the operations of the same NinjaAPI, with the same authentication and error handlers. It leaves
out only parts that the API does not need: cookies, CSRF (no write takes a session), templates, the ORM's connection.
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from inspect import isawaitable
from time import monotonic
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseBase
from django.urls.resolvers import RoutePattern
from ninja import NinjaAPI
from ninja.operation import Operation
from ninja.utils import replace_path_param_notation

from events.api.responses import NO_STORE, Handover, StreamedAnswer, problem_answer, waits
from events.errors import (
    BadRequest,
    EventsError,
    MethodNotAllowed,
    NotFound,
    OutcomeUnknown,
    Unavailable,
)
from eventsite.http_protocol import FLOW, HAS_GONE
from eventsite.request_body import Disconnected, pieces, whole_body

logger = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Refuse = Callable[[Scope, EventsError], HttpResponse]

_STREAMED = "application/x-ndjson"
_LONG_SECONDS = 1.0
"""If a body takes longer to arrive, the token of its head is checked again."""


class _Request(ASGIRequest):
    """A request that remembers the hosts that were allowed before: Django's check took a tenth of an append."""

    def get_host(self) -> str:
        host: str = self._get_raw_host()  # type: ignore[attr-defined]
        return host if _is_allowed(host, tuple(settings.ALLOWED_HOSTS)) else super().get_host()


@lru_cache(maxsize=256)
def _is_allowed(host: str, allowed_hosts: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed_hosts)


@dataclass(frozen=True, slots=True)
class _Route:
    pattern: RoutePattern
    operations: dict[str, Operation]


def _problem(scope: Scope, error: EventsError) -> HttpResponse:
    return problem_answer(error)


class LeanAPI:
    """An ASGI application that serves one NinjaAPI below a prefix.

    `refuse` answers what the API itself never gets to see: a request that can't be read, or that the server's end cut.
    """

    def __init__(self, api: NinjaAPI, prefix: str = "/api/", *, refuse: Refuse = _problem) -> None:
        self._api = api
        self._prefix = prefix
        self._refuse = refuse
        self._routes = [
            _Route(
                RoutePattern(replace_path_param_notation(path.lstrip("/")), is_endpoint=True),
                {method: operation for operation in view.operations for method in operation.methods},
            )
            for router in api._get_bound_routers()
            for path, view in router.path_operations.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(Disconnected):
            try:
                response = await self._answer(scope, receive)
            except asyncio.CancelledError:  # the server ends, and waits no longer
                response = self._refuse(scope, _unfinished(scope["method"]))
            await send_response(response, scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> HttpResponseBase:
        try:
            request = _request(scope)
        except ValueError as error:
            return self._refuse(scope, BadRequest(f"The request can't be read: {error}."))
        try:
            return await self._respond(request, scope, receive)
        except Disconnected:
            raise
        except Exception as error:
            return self._api.on_exception(request, error)

    async def _respond(self, request: ASGIRequest, scope: Scope, receive: Receive) -> HttpResponseBase:
        request.get_host()
        operation, arguments = self._find(request, scope["path"])
        await _authenticate(request, operation)
        if request.method in ("POST", "PUT"):
            if request.content_type == _STREAMED:
                request.pieces = pieces(receive)  # type: ignore[attr-defined]
            else:
                start_time = monotonic()
                request._body = await whole_body(request, receive)
                if monotonic() - start_time > _LONG_SECONDS:
                    await _authenticate(request, operation)
            if not waits(operation.view_func):
                response: HttpResponseBase = await operation.view_func(request, **arguments)
                return response
        return await _unless_disconnected(operation.view_func(request, **arguments), scope, receive)

    def _find(self, request: ASGIRequest, path: str) -> tuple[Operation, dict[str, Any]]:
        rest = path.removeprefix(self._prefix)
        for route in self._routes:
            if match := route.pattern.match(rest):
                operation = route.operations.get(request.method or "")
                if operation is None:
                    methods = ", ".join(sorted(route.operations))
                    raise MethodNotAllowed(f"Use {methods}.", allow=methods)
                return operation, match[2]
        raise NotFound(f"There is no {path!r} in this API; see /api/docs.")


async def _authenticate(request: ASGIRequest, operation: Operation) -> None:
    for callback in operation.auth_callbacks:
        grant = callback(request)
        request.auth = await grant if isawaitable(grant) else grant  # type: ignore[attr-defined]


def _unfinished(method: str) -> EventsError:
    if method == "POST":
        return OutcomeUnknown("The server ended before this request was done. Its events may be written or not.")
    return Unavailable("The server is stopping.")


def _request(scope: Scope) -> ASGIRequest:
    """Return the request.

    The server replaces bytes of a path that are not UTF-8 with U+FFFD, but a stream's name must not change silently.

    Raises:
        ValueError: a part of the request is not valid text.
    """
    if b"%" in (raw_path := scope.get("raw_path") or b""):
        unquote_to_bytes(raw_path).decode()
    return _Request(scope, io.BytesIO())


async def _unless_disconnected(answer: Awaitable[HttpResponseBase], scope: Scope, receive: Receive) -> HttpResponseBase:
    """Return the answer. If the client of a long poll goes away first, the work is dropped.

    Its first byte is sent before anything else happens in this process, so this is the last moment to look for that.
    """
    work = asyncio.ensure_future(answer)
    disconnect = asyncio.ensure_future(_disconnect(receive))
    try:
        await asyncio.wait({work, disconnect}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise Disconnected
        response = work.result()
        if isinstance(response, Handover) and (disconnect.done() or _has_gone(scope)):
            response.take_back()
            raise Disconnected
        return response
    finally:
        work.cancel()
        disconnect.cancel()


def _has_gone(scope: Scope) -> bool:
    has_gone = scope.get("extensions", {}).get(HAS_GONE)
    return has_gone is not None and has_gone()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_response(response: HttpResponseBase, scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    headers.append((b"x-content-type-options", b"nosniff"))
    if "Cache-Control" not in response:
        headers.append((b"cache-control", NO_STORE.encode()))
    if isinstance(response, HttpResponse):
        headers.append((b"content-length", b"%d" % len(response.content)))
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": response.content})
    elif isinstance(response, StreamedAnswer):
        with response.place:
            await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            await _send_stream(response, scope, receive, send)


class _Client:
    """The client of a stream. `send` waits while its buffer is full, so memory stays bounded."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._flow = scope.get("extensions", {}).get(FLOW)
        self._send = send

    @property
    def has_room(self) -> bool:
        return self._flow is not None and not self._flow.write_paused

    def send(self, piece: bytes) -> Awaitable[None]:
        return self._send({"type": "http.response.body", "body": piece, "more_body": True})


async def _send_stream(stream: StreamedAnswer, scope: Scope, receive: Receive, send: Send) -> None:
    """Stream until the client goes away."""

    async def work() -> None:
        await stream.write_to(_Client(scope, send))
        await send({"type": "http.response.body", "body": b""})

    tasks = {asyncio.ensure_future(work()), asyncio.ensure_future(_disconnect(receive))}
    try:
        finished_tasks, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in finished_tasks:
            if error := task.exception():
                # The answer has begun, so it can only be broken off; the client then comes again.
                logger.warning("an event stream was cut off: %s: %s", type(error).__name__, str(error).strip())
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
