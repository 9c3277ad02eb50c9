"""The import of records of any format into a log, by the same writer as all appends.

Each record is an append of its own, many to a request: a broken or conflicting one does not affect the others. The ids
decide whether an event is in the log already. System events are left out: the server of the other log wrote them. No
rule of the log refuses a record: what it tells has happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from events.appending.checks import new_append
from events.appending.writer import Writer
from events.engine import Engine
from events.errors import EventsError
from events.rules import read_no_rules
from events.system_streams import is_system
from events.transfer.importers.base import Broken, Item, Record
from events.types import Appended

_CHUNK_EVENTS = 1_000
_CHUNK_BYTES = 4 * 2**20

Chunk = list[Item]


@dataclass(slots=True)
class Imported:
    """The result of an import: counts of the records."""

    readable: int = 0
    added: int = 0
    there_already: int = 0
    system_events: int = 0
    """The readable records that were left out, as their streams belong to the server."""
    broken: int = 0
    first_position: int | None = None
    """The position of the first event that was added."""
    last_position: int | None = None


class ImportStopped(EventsError):
    """The import stopped."""


async def import_items(log_id: int, items: Iterator[Item], *, report: Callable[[Broken], object]) -> Imported:
    """Append every record that isn't in the log yet. Broken records are reported, and the import goes on.

    Raises:
        ImportStopped: the database is away; the same import can be run again.
    """
    imported = Imported()
    chunks = _chunks(items)
    async with Engine(read_rules=read_no_rules) as engine:
        # One chunk is written while the next is read; never two at a time, so that records keep their order.
        writing: asyncio.Task[None] | None = None
        while chunk := await asyncio.to_thread(next, chunks, None):
            if writing:
                await writing
            writing = asyncio.create_task(_write(engine.writer, log_id, chunk, imported, report))
        if writing:
            await writing
    return imported


def _chunks(items: Iterator[Item]) -> Iterator[Chunk]:
    chunk: Chunk = []
    size = 0
    for item in items:
        chunk.append(item)
        size += len(item.event.data) + len(item.event.metadata) if isinstance(item, Record) else 0
        if len(chunk) >= _CHUNK_EVENTS or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


async def _write(
    writer: Writer, log_id: int, chunk: Chunk, imported: Imported, report: Callable[[Broken], object]
) -> None:
    items = [item for item in chunk if isinstance(item, Broken) or not is_system(item.stream)]
    records = [item for item in items if isinstance(item, Record)]
    imported.readable += len(records) + len(chunk) - len(items)
    imported.system_events += len(chunk) - len(items)
    outcomes = iter(await writer.append(log_id, [new_append(item.stream, [item.event]) for item in records]))
    for item in items:
        outcome = item if isinstance(item, Broken) else _settle(next(outcomes), item, imported)
        if outcome:
            imported.broken += 1
            report(outcome)


def _settle(outcome: Appended | EventsError, record: Record, imported: Imported) -> Broken | None:
    if isinstance(outcome, EventsError):
        if outcome.retry_after is not None:
            raise ImportStopped(f"At {record.where} the database could not be reached: {outcome.detail}")
        return Broken(record.where, f"{outcome.code}: {outcome.detail}")
    if outcome.replayed:
        imported.there_already += 1
        return None
    imported.added += 1
    imported.first_position = imported.first_position or outcome.first_position
    imported.last_position = outcome.last_position
    return None
