"""The time from an append to its delivery to a consumer who waits: in one process, in another, and over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from itertools import count
from multiprocessing import get_context
from statistics import median

import django
import orjson
import uvloop

from events.access import tokens
from events.appending.checks import new_append, new_event
from events.engine import Engine
from events.models import Scope, Subscription
from events.subscriptions.types import Delivery
from tests.benchmarks import payloads
from tests.benchmarks.consuming.ours import OurConsumer, make_place
from tests.benchmarks.consuming.over_http import Connection, Consumption, http_delays
from tests.benchmarks.consuming.timing import delays
from tests.benchmarks.load import generator
from tests.benchmarks.logs import make_log
from tests.benchmarks.measure import Table, milliseconds, p99
from tests.benchmarks.servers import Server

_DELIVERIES = 200
_BATCH = 1_000
_PAUSE = 0.015
"""Longer than the time between two notifications."""
_PATIENCE = 60.0

_Append = Callable[[str, bytes], Awaitable[object]]
"""Appends one event with such data to a stream."""


def to_delivery() -> Table:
    title = f"From the call of an append to its delivery to a consumer who waits, one each {_PAUSE * 1000:.0f} ms"
    table = Table(title, ("", "p50", "p99", "slowest"))
    measures = {"in the same process": _here, "in another process": _elsewhere, "over HTTP, by one server": _over_http}
    for name, measure in measures.items():
        seconds = measure()
        table.rows.append((name, *map(milliseconds, (median(seconds), p99(seconds), max(seconds)))))
    return table


def _here() -> list[float]:
    return uvloop.run(_append_and_consume(make_place(make_log())))


async def _append_and_consume(place: Subscription) -> list[float]:
    async with Engine() as engine:
        consuming = asyncio.create_task(_consume(engine, place.log_id, place.name))
        return await _append_until(consuming, _writer(engine, place.log_id))


def _elsewhere() -> list[float]:
    place = make_place(make_log())
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=django.setup) as other:
        return uvloop.run(_append_for(other, place))


async def _append_for(other: ProcessPoolExecutor, place: Subscription) -> list[float]:
    async with Engine() as engine:
        consuming = asyncio.wrap_future(other.submit(consume_elsewhere, place.log_id, place.name))
        return await _append_until(consuming, _writer(engine, place.log_id))


def consume_elsewhere(log_id: int, name: str) -> list[float]:
    """Run in a fresh process, whose Django is set up from the environment."""
    return uvloop.run(_consume_elsewhere(log_id, name))


async def _consume_elsewhere(log_id: int, name: str) -> list[float]:
    async with Engine() as engine:
        return await _consume(engine, log_id, name)


async def _consume(engine: Engine, log_id: int, name: str) -> list[float]:
    consumer = OurConsumer(await engine.subscriptions.of(log_id, name), "one", _BATCH)
    return await delays(consumer, _sent, _DELIVERIES)


def _sent(delivery: Delivery) -> float:
    return float(orjson.loads(delivery.event.data)["sent"])


def _over_http() -> list[float]:
    log = make_log()
    token = tokens.create_token(log, name="benchmark", scopes=[Scope.CONSUME, Scope.APPEND])
    with ExitStack() as stack:
        server = stack.enter_context(Server("eventsite.asgi:application", log_id=log.pk))
        load = stack.enter_context(generator())
        work = Consumption(server.port, token, make_place(log).name, 1, _BATCH, _DELIVERIES)
        return uvloop.run(_append_over_http(load, work))


async def _append_over_http(load: ProcessPoolExecutor, work: Consumption) -> list[float]:
    consuming = asyncio.wrap_future(load.submit(http_delays, work))
    connection = await Connection.open(work.port, work.token)

    async def append(stream: str, data: bytes) -> object:
        event = {"type": payloads.TYPE, "data": orjson.Fragment(data)}
        return await connection.post(f"/api/streams/{stream}/events", {"events": [event]})

    seconds = await _append_until(consuming, append)
    await connection.close()
    return seconds


def _writer(engine: Engine, log_id: int) -> _Append:
    async def append(stream: str, data: bytes) -> object:
        event = new_event(stream, payloads.TYPE, data=data)
        return await engine.writer.append(log_id, [new_append(stream, [event])])

    return append


async def _append_until(consuming: asyncio.Future[list[float]], append: _Append) -> list[float]:
    """Append events, each to a stream of its own, until the consumer has enough of them."""
    async with asyncio.timeout(_PATIENCE):
        for number in count():
            if consuming.done():
                break
            call = orjson.Fragment(payloads.data(number))
            await append(f"stream-{number}", orjson.dumps({"sent": time.perf_counter(), "call": call}))
            await asyncio.sleep(_PAUSE)
        return await consuming
