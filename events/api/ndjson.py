"""`application/x-ndjson`: any number of events, a line each, read and written in chunks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from django.conf import settings
from msgspec.structs import asdict

from events import engine
from events.access.grants import Grant
from events.access.watch import while_allowed
from events.api.decoding import decode_json
from events.api.schemas import BulkOut, LineError, LineIn
from events.appending.checks import check_stream
from events.appending.plan import Outcome
from events.errors import EventsError, OutcomeUnknown, QueueFull, TooLarge, Unavailable
from events.types import Append

_CHUNK_LINES = 1_000
_CHUNK_BYTES = 2**20
_ERRORS = 100
_PATIENCE = 30.0
"""Seconds to wait for room in the writer's queue."""


Chunk = list[tuple[int, Append | EventsError]]
"""Lines by number: checked, or what is wrong with them."""


async def append_lines(body: AsyncIterator[bytes], grant: Grant) -> BulkOut:
    """Append a stream of lines. A bad line is counted and the rest goes on.

    Raises an error with the counts so far: `Unavailable`, `OutcomeUnknown` or `QueueFull` where the database is away or
    too busy, `Unauthorized` where the token is no longer valid, `RequestTimeout` where no more lines come. Lines with
    ids can be sent again from the start.
    """
    bulk = BulkOut(appended=0, replayed=0, failed=0, last_position=None, errors=[])
    try:
        async with while_allowed(grant.access):
            await _append_chunks(body, grant, bulk)
    except EventsError as error:
        raise type(error)(error.detail, **asdict(bulk)) from None
    return bulk


async def _append_chunks(body: AsyncIterator[bytes], grant: Grant, bulk: BulkOut) -> None:
    """Write the lines in chunks. What is being written when this is cancelled is still counted."""
    writing: asyncio.Task[None] | None = None
    try:
        async for chunk in _chunks_of_lines(body, grant):
            # One chunk is written while the next is parsed; never two, so that lines keep their order.
            if writing:
                await asyncio.shield(writing)
            writing = asyncio.create_task(_write_chunk(chunk, grant, bulk))
    finally:
        if writing:
            while not writing.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.shield(writing)
            await writing


async def _chunks_of_lines(body: AsyncIterator[bytes], grant: Grant) -> AsyncIterator[Chunk]:
    chunk: Chunk = []
    size = 0
    async for number, line in _lines_of(body):
        chunk.append((number, _checked(line, grant)))
        size += len(line)
        if len(chunk) >= _CHUNK_LINES or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _checked(line: bytes, grant: Grant) -> Append | EventsError:
    try:
        if len(line) > _most():
            raise TooLarge(f"The line is longer than {_most():,} bytes.", limit=_most())
        event = decode_json(line, LineIn, name="line")
        grant.check_stream(check_stream(event.stream))
        return event.append(pinned_agent=grant.agent)
    except EventsError as error:
        return error


async def _write_chunk(chunk: Chunk, grant: Grant, bulk: BulkOut) -> None:
    sound = [append for _, append in chunk if isinstance(append, Append)]
    outcomes = iter(await _outcomes(sound, grant) if sound else [])
    for line, append in chunk:
        outcome = append if isinstance(append, EventsError) else next(outcomes)
        if isinstance(outcome, Unavailable | OutcomeUnknown):
            raise type(outcome)(f"{outcome.detail} Up to line {line - 1} all is settled.")
        _count_outcome(bulk, line, outcome)


def _count_outcome(bulk: BulkOut, line: int, outcome: Outcome) -> None:
    """Count a line. Lines come in order, so the errors kept are those of the first lines."""
    if isinstance(outcome, EventsError):
        bulk.failed += 1
        if len(bulk.errors) < _ERRORS:
            bulk.errors.append(LineError(line, outcome.code, outcome.detail))
        return
    bulk.last_position = outcome.last_position
    if outcome.replayed:
        bulk.replayed += 1
    else:
        bulk.appended += 1


async def _outcomes(appends: list[Append], grant: Grant) -> list[Outcome]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE
    while True:
        try:
            return await engine.current().writer.append(grant.log_id, appends)
        except QueueFull:
            if loop.time() >= deadline:
                raise
            await asyncio.sleep(0.05)


def _most() -> int:
    """The longest line: data and metadata at their limits, and everything else."""
    return 2 * settings.EVENTSITE.event_max_bytes + 64 * 1024


async def _lines_of(body: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    """Numbered lines. One that is too long is cut just beyond the limit: memory stays bounded."""
    number, most = 0, _most()
    pending = bytearray()
    async for piece in body:
        *ended, rest = piece.split(b"\n")
        for part in ended:
            number += 1
            line = bytes(pending[: most + 1]) + part if pending else part
            pending.clear()
            if line.strip():
                yield number, line[: most + 1]
        if len(pending) <= most:
            pending += rest
    if pending.strip():
        yield number + 1, bytes(pending[: most + 1])
