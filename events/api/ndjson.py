"""`application/x-ndjson`: any number of events, one a line, read and written in chunks."""

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
_MAX_ERRORS = 100
_PATIENCE_SECONDS = 30.0
"""The longest wait for room in the writer's queue."""


Chunk = list[tuple[int, Append | EventsError]]
"""Lines with their numbers: each a checked append, or its error."""


async def append_lines(body: AsyncIterator[bytes], grant: Grant) -> BulkOut:
    """Append the events of a stream of lines. A bad line is counted, and the others are appended.

    Each error that this raises has the counts so far. A client can send lines with ids again from the start.

    Raises:
        Unavailable, OutcomeUnknown, QueueFull: the database is away or too busy.
        Unauthorized: the token is no longer valid.
        RequestTimeout: no more lines came.
    """
    bulk = BulkOut(appended=0, replayed=0, failed=0, last_position=None, errors=[])
    try:
        async with while_allowed(grant.access):
            await _append_chunks(body, grant, bulk)
    except EventsError as error:
        raise type(error)(error.detail, **asdict(bulk)) from None
    return bulk


async def _append_chunks(body: AsyncIterator[bytes], grant: Grant, bulk: BulkOut) -> None:
    """Write the lines in chunks. When this is cancelled, the chunk that is being written is still counted."""
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
        append = _checked(line, grant)
        if isinstance(append, EventsError) or append.guards:
            await asyncio.sleep(0)  # a query may take long to read, and other requests wait
        chunk.append((number, append))
        size += len(line)
        if len(chunk) >= _CHUNK_LINES or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _checked(line: bytes, grant: Grant) -> Append | EventsError:
    try:
        if len(line) > _max_line_bytes():
            raise TooLarge(f"The line is longer than {_max_line_bytes():,} bytes.", limit=_max_line_bytes())
        event = decode_json(line, LineIn, name="line")
        grant.check_append(check_stream(event.stream))
        return grant.permitted(event.append(pinned_agent=grant.agent))
    except EventsError as error:
        return error


async def _write_chunk(chunk: Chunk, grant: Grant, bulk: BulkOut) -> None:
    appends = [append for _, append in chunk if isinstance(append, Append)]
    outcomes = iter(await _outcomes(appends, grant) if appends else [])
    for line, append in chunk:
        outcome = append if isinstance(append, EventsError) else next(outcomes)
        if isinstance(outcome, Unavailable | OutcomeUnknown):
            raise type(outcome)(f"{outcome.detail} All lines up to line {line - 1} are done.")
        if isinstance(outcome, EventsError):
            engine.current().refusals.note(grant.log_id, outcome)
        _count_outcome(bulk, line, outcome)


def _count_outcome(bulk: BulkOut, line: int, outcome: Outcome) -> None:
    """Count a line. Lines come in order, so the first errors are kept."""
    if isinstance(outcome, EventsError):
        bulk.failed += 1
        if len(bulk.errors) < _MAX_ERRORS:
            bulk.errors.append(LineError(line, outcome.code, outcome.detail))
        return
    bulk.last_position = outcome.last_position
    if outcome.replayed:
        bulk.replayed += 1
    else:
        bulk.appended += 1


async def _outcomes(appends: list[Append], grant: Grant) -> list[Outcome]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE_SECONDS
    while True:
        try:
            return await grant.append(appends)
        except QueueFull:
            if loop.time() >= deadline:
                raise
            await asyncio.sleep(0.05)


def _max_line_bytes() -> int:
    """Return the size of the longest line: data and metadata at their limits, and room for the other fields."""
    return 2 * settings.EVENTSITE.event_max_bytes + 64 * 1024


async def _lines_of(body: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    """Yield the lines with their numbers. A line that is too long is cut just beyond the limit, to bound the memory."""
    number, most = 0, _max_line_bytes()
    pending = bytearray()
    async for piece in body:
        *endings, rest = piece.split(b"\n")
        for part in endings:
            number += 1
            line = bytes(pending[: most + 1]) + part if pending else part
            pending.clear()
            if line.strip():
                yield number, line[: most + 1]
        if len(pending) <= most:
            pending += rest
    if pending.strip():
        yield number + 1, bytes(pending[: most + 1])
