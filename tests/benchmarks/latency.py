"""The time from an append to a follower of the log: in the process of the writer, and in another process, by NOTIFY."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median

import django
import orjson
import uvloop

from events.appending.checks import new_append, new_event
from events.engine import Engine, current
from tests.benchmarks import payloads
from tests.benchmarks.logs import make_log
from tests.benchmarks.measure import Table, milliseconds, p99

_APPENDS = 300
_WARM_UP = 20
_PAUSE = 0.015
"""Longer than the time between two notifications."""


def run() -> Iterator[Table]:
    log_id = make_log().pk
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=django.setup) as other:
        elsewhere = other.submit(follow_elsewhere, log_id)
        append_times, here = uvloop.run(_append_and_follow(log_id))
        table = Table(
            f"Latency from the call of append(), one each {_PAUSE * 1000:.0f} ms", ("", "p50", "p99", "slowest")
        )
        for name, seconds in (
            ("answered", append_times),
            ("followed in the same process", here),
            ("followed in another process", elsewhere.result(30)),
        ):
            table.rows.append((name, *map(milliseconds, (median(seconds), p99(seconds), max(seconds)))))
        yield table


def follow_elsewhere(log_id: int) -> list[float]:
    """Run in a fresh process, whose Django is set up from the environment."""
    return uvloop.run(_follow_elsewhere(log_id))


async def _follow_elsewhere(log_id: int) -> list[float]:
    async with Engine():
        return await _follow(log_id)


async def _append_and_follow(log_id: int) -> tuple[list[float], list[float]]:
    async with Engine() as engine:
        following = asyncio.create_task(_follow(log_id))
        append_times = []
        await asyncio.sleep(3)  # the other process starts meanwhile; the events it finds on arrival are its warm-up
        for number in range(_WARM_UP + _APPENDS):
            start = time.perf_counter()
            data = orjson.dumps({"sent": start, "call": orjson.Fragment(payloads.data(number))})
            event = new_event("stream-1", payloads.TYPE, data=data)
            await engine.writer.append(log_id, [new_append("stream-1", [event])])
            append_times.append(time.perf_counter() - start)
            await asyncio.sleep(_PAUSE)
        return append_times[_WARM_UP:], await following


async def _follow(log_id: int) -> list[float]:
    """The time that each event took. The processes of a machine share this clock."""
    seconds: list[float] = []
    async for batch in current().tails.follow(log_id, after=0):
        now = time.perf_counter()
        seconds += [now - orjson.loads(event.data)["sent"] for event in batch]
        if len(seconds) >= _WARM_UP + _APPENDS:
            break
    return seconds[_WARM_UP:]
