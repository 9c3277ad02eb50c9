"""The cost of an append does not depend on the size of the log."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.db import connection

from events.appending.checks import new_append, new_event
from events.engine import Engine
from events.models import Log
from events.types import Append

ENTRIES_READ = "select sum(idx_tup_read) from pg_stat_user_indexes where relname in ('event', 'stream')"


def one_event(stream: str, id: str | None = None) -> Append:
    return new_append(stream, [new_event(stream, "A", data=b"1", id=id)])


@sync_to_async
def entries_read() -> int:
    """The number of index entries that all closed connections have read."""
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES_READ)
        return int(cursor.fetchone()[0] or 0)


async def test_a_flush_reads_no_more_of_a_long_log_than_of_a_short_one(log: Log) -> None:
    """A plan that was made while a table was short must not read the whole log when it is long."""
    async with Engine() as engine:
        for n in range(100):
            await engine.writer.append(log.pk, [one_event(f"s-{n}")])
    before = await entries_read()
    flushes, size = 10, 200
    async with Engine() as engine:
        for flush in range(flushes):
            appends = [one_event(f"s-{flush}-{n}", id=f"{flush}-{n}") for n in range(size)]
            await engine.writer.append(log.pk, appends)
            again = await engine.writer.append(log.pk, appends[:1])
            assert again[0].replayed  # type: ignore[union-attr]
    # Each new event is read a few times for the lists of streams and workflows. Ten reads of the whole log would be
    # 11,000 entries.
    assert await entries_read() - before < 4 * flushes * size
