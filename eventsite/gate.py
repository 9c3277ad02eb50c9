"""The gate to Django's pages: whole requests only, by turns, and no connection is held while an answer is sent.

Pages share the processor and a few connections of the database. Without turns, one visitor could take them all: with
searches, with steps of a replay, or with wrong passwords, each of which takes a third of a second of a processor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections
from django.http import HttpResponse
from django.shortcuts import resolve_url
from django.template.loader import render_to_string

from events.errors import EventsError, RequestTimeout, TooLarge
from events.reading.turns import Turn, Turns
from eventsite.database import POOL
from eventsite.lean import send_response
from eventsite.middleware import POLICY
from eventsite.visitors import lane_of

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_OTHER_CONNECTIONS = 2
"""Connections of the pool for sockets, which check their members now and then."""
_MAX_BODY_BYTES = 1024 * 1024
"""Pages take forms, not files."""
_BODY_SECONDS = 30.0


class Gate:
    """An ASGI application that lets requests into another one by turns; static files pass at once."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._pages = Turns(
            places=POOL["max_size"] - _OTHER_CONNECTIONS, places_per_lane=3, waiting_per_lane=32, patience_seconds=10
        )
        self._passwords = Turns(places=1, places_per_lane=1, waiting_per_lane=4, patience_seconds=10)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(settings.STATIC_URL):
            await self._application(scope, receive, send)
            return
        is_password = scope["method"] == "POST" and scope["path"] == resolve_url(settings.LOGIN_URL)
        try:
            body = await _whole_body(receive)
            async with (self._passwords if is_password else self._pages).turn(lane_of(scope)) as turn:
                await self._application(scope, _replaying(body, receive), _ending(turn, send))
        except EventsError as error:
            await send_response(_refusal(error), scope, receive, send)


async def _whole_body(receive: Receive) -> list[dict[str, Any]]:
    """Return all messages of a request's body. A slow sender takes no turn meanwhile."""
    messages: list[dict[str, Any]] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while not messages or messages[-1].get("more_body"):
                messages.append(message := await receive())
                size += len(message.get("body", b""))
                if size > _MAX_BODY_BYTES:
                    raise TooLarge(f"A page takes requests of at most {_MAX_BODY_BYTES:,} bytes.")
    except TimeoutError:
        raise RequestTimeout(f"The whole request must arrive within {_BODY_SECONDS:.0f} seconds.") from None
    return messages


def _replaying(messages: list[dict[str, Any]], receive: Receive) -> Receive:
    """Return a `receive` that gives the messages that came already, then the next ones."""
    waiting = iter(messages)

    async def receive_next() -> dict[str, Any]:
        message = next(waiting, None)
        return await receive() if message is None else message

    return receive_next


def _ending(turn: Turn, send: Send) -> Send:
    """Return a `send` that ends the turn when the answer is ready, so that a slow reader holds nothing."""

    async def send_next(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            await sync_to_async(close_old_connections)()
            turn.end()
        await send(message)

    return send_next


def _refusal(error: EventsError) -> HttpResponse:
    page = render_to_string("refused.html", {"heading": error.title(), "words": error.detail})
    headers = {"Content-Security-Policy": POLICY}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return HttpResponse(page, status=error.status, headers=headers)
