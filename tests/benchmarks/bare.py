"""The floor: ASGI applications that do the same writes, and send the same bytes, with nothing around them.

They leave out of an append: the token, the Host, routing, the request's limits, every check of names and content, the
digest, `Location` and its page. They share with Eventsite: uvicorn, msgspec's decoding into Eventsite's structs, a
UUIDv7 for each event, the writer and its work in Postgres.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import django
import msgspec
import orjson
import uuid_utils

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventsite.settings")
django.setup()

from events.api.schemas import AppendIn, EventIn, LineIn  # noqa: E402
from events.engine import Engine, current  # noqa: E402
from events.types import Append, Appended, NewEvent  # noqa: E402

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

_LOG = int(os.environ["BENCHMARK_LOG"])
_DIGEST = bytes(32)
_CHUNK = 1_000
_append = msgspec.json.Decoder(AppendIn)
_line = msgspec.json.Decoder(LineIn)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        async with Engine():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["method"] == "GET":
        await _follow(receive, send)
    else:
        body = await _body(receive)
        if scope["path"] == "/api/events":
            await _answer(send, await _append_lines(body))
        elif scope["path"] == "/frames":
            await _send_frames(orjson.loads(body))
            await _answer(send, b"{}")
        else:
            await _answer(send, await _append_one(scope["path"].split("/")[3], body))


async def _append_one(stream: str, body: bytes) -> bytes:
    append = Append(stream, tuple(_event(event) for event in _append.decode(body).events))
    [outcome] = await current().writer.append(_LOG, [append])
    assert isinstance(outcome, Appended), outcome
    return orjson.dumps({"first_position": outcome.first_position, "version": outcome.version, "ids": outcome.ids})


async def _append_lines(body: bytes) -> bytes:
    lines = [_line.decode(line) for line in body.splitlines()]
    for first in range(0, len(lines), _CHUNK):
        await current().writer.append(
            _LOG, [Append(line.stream, (_event(line),)) for line in lines[first : first + _CHUNK]]
        )
    return orjson.dumps({"appended": len(lines)})


def _event(event: EventIn) -> NewEvent:
    data = bytes(event.data).decode()
    return NewEvent(str(uuid_utils.uuid7()), event.type, data, "{}", None, 1, None, None, None, _DIGEST)


async def _body(receive: Receive) -> bytes:
    pieces, more = [], True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)


async def _answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": body})


_followers: list[Send] = []


async def _follow(receive: Receive, send: Send) -> None:
    """A stream that sends whatever `/frames` is told to send."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    await send({"type": "http.response.body", "body": b"retry: 1000\n\n", "more_body": True})
    _followers.append(send)
    while (await receive())["type"] != "http.disconnect":
        pass
    _followers.remove(send)


async def _send_frames(order: dict[str, Any]) -> None:
    """Send a frame to every client this number of times, in one piece."""
    piece = order["frame"].encode() * order["together"]
    for send in _followers:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
