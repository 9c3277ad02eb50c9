"""Fresh logs to write to, and the rates of the writer in one of them."""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import uvloop

from events.access import tokens
from events.appending.checks import new_append, new_event
from events.appending.writer import Writer
from events.models import Log, Scope
from events.rules import read_rules
from events.sessions import Address
from events.types import Append, Appended
from tests.benchmarks import payloads

_PATIENCE = 1.5


def make_log() -> Log:
    return Log.objects.create(name=f"log-{secrets.token_hex(6)}")


def make_token(log: Log) -> str:
    return tokens.create_token(log, name="benchmark", scopes=[Scope.APPEND, Scope.READ])


def make_append(stream: str, first: int, events: int) -> Append:
    """Checked events for one stream, with payloads from the number `first` on."""
    return new_append(stream, [new_event(stream, payloads.TYPE, data=payloads.data(first + n)) for n in range(events)])


def writer_rate(*, callers: int, batch: int, seconds: float) -> float:
    """Events a second through one writer. Each caller has its stream, and checks its events before each append."""
    return uvloop.run(_until(make_log().pk, callers, batch, seconds))


def prepared_rate(*, callers: int, batch: int, appends: int) -> float:
    """Events a second through one writer, for appends that were checked before."""
    requests = [[make_append(f"stream-{n % 8}", n * batch, batch)] for n in range(appends)]
    return rate(make_log().pk, requests, callers=callers)


def rate(log_id: int, requests: Iterable[list[Append]], *, callers: int, conninfo: str | None = None) -> float:
    """Events a second through one writer, for the appends of these requests, which the callers take in turn."""
    return uvloop.run(_all(log_id, callers, requests, conninfo))


def append(log_id: int, appends: list[Append], *, conninfo: str | None = None) -> None:
    """Append checked events, in order, however long it takes."""
    uvloop.run(_all(log_id, 1, [[append] for append in appends], conninfo, patience=math.inf))


async def _until(log_id: int, callers: int, batch: int, seconds: float) -> float:
    async with _writer(log_id) as writer:

        async def call(stream: str, stop: float) -> int:
            event_count = 0
            while time.perf_counter() < stop:
                await _append(writer, log_id, [make_append(stream, event_count, batch)])
                event_count += batch
            return event_count

        start = time.perf_counter()
        counts = await asyncio.gather(*(call(f"stream-{n}", start + seconds) for n in range(callers)))
        return sum(counts) / (time.perf_counter() - start)


async def _all(
    log_id: int,
    callers: int,
    requests: Iterable[list[Append]],
    conninfo: str | None = None,
    *,
    patience: float = _PATIENCE,
) -> float:
    async with _writer(log_id, conninfo) as writer:
        waiting = iter(requests)

        async def call(stop: float) -> int:
            event_count = 0
            for appends in waiting:
                await _append(writer, log_id, appends)
                event_count += sum(len(append.events) for append in appends)
                if time.perf_counter() > stop:
                    break
            return event_count

        start = time.perf_counter()
        counts = await asyncio.gather(*(call(start + patience) for _ in range(callers)))
        return sum(counts) / (time.perf_counter() - start)


def fill(log: Log, stream: str, events: int) -> None:
    """Append this number of events to a stream."""
    uvloop.run(_fill(log.pk, make_append(stream, 0, events)))


async def _fill(log_id: int, append: Append) -> None:
    async with _writer(log_id) as writer:
        await _append(writer, log_id, [append])


@asynccontextmanager
async def _writer(log_id: int, conninfo: str | None = None) -> AsyncIterator[Writer]:
    """A writer that is connected and has its statement prepared."""
    writer = Writer(Address(conninfo or os.environ["DATABASE_URL"]), check_guards=_check_nothing, read_rules=read_rules)
    await _append(writer, log_id, [make_append("warm-up", 0, 1)])
    yield writer
    await writer.aclose()


async def _check_nothing(log_id: int, append: Append) -> Append:
    return append


async def _append(writer: Writer, log_id: int, appends: list[Append]) -> None:
    for outcome in await writer.append(log_id, appends):
        assert isinstance(outcome, Appended), outcome
