"""The floor of live rows: websockets that send the same bytes, but draw and read nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

_viewers: list[Send] = []


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await _view(receive, send)
    else:
        await _answer(send, await _body(receive))


async def _view(receive: Receive, send: Send) -> None:
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": '{"position":0}'})
    _viewers.append(send)
    while (await receive())["type"] != "websocket.disconnect":
        pass
    _viewers.remove(send)


async def _answer(send: Send, body: bytes) -> None:
    """Send all viewers frames of this number of bytes, with rests between; answer when that is done."""
    if body:
        order = orjson.loads(body)
        for position in range(1, order["frames"] + 1):
            text = f'{{"position":{position},"html":"'.ljust(order["bytes"], "x")
            await asyncio.gather(*(send({"type": "websocket.send", "text": text}) for send in _viewers))
            await asyncio.sleep(order["rest"])
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


async def _body(receive: Receive) -> bytes:
    pieces, more = [], True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)
