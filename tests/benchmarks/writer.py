"""The writer against the `eventsourcing` library, on the same Postgres.

Neither is timed for serialising: the writer gets checked appends, and the recorder makes events of stored bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.benchmarks.logs import prepared_rate
from tests.benchmarks.measure import Table, count, interleaved, ratio
from tests.benchmarks.recorders import make_recorder, recorder_rate

_CELLS = (
    *((1, 1, 1_000), (8, 1, 4_000), (64, 1, 8_000), (1, 10, 1_000), (8, 10, 2_000)),
    *((1, 100, 200), (8, 100, 250), (1, 1_000, 25), (8, 1_000, 30)),
)
"""Callers, events in each append, and the number of appends for which the writer is timed."""
_SECONDS = 0.4
"""The number of appends for which the recorder is timed."""


def run() -> Iterator[Table]:
    locked, unlocked = make_recorder("locked", locked=True), make_recorder("unlocked", locked=False)
    heads = ("callers", "events an append", "ours", "locked", "ours ÷ locked", "unlocked", "ours ÷ unlocked")
    table = Table("Writer: events a second, against eventsourcing's recorder", heads)
    for callers, batch, appends in _CELLS:
        rates = interleaved(
            {
                "ours": partial(prepared_rate, callers=callers, batch=batch, appends=appends),
                "locked": partial(recorder_rate, locked, callers=callers, batch=batch, seconds=_SECONDS),
                "unlocked": partial(recorder_rate, unlocked, callers=callers, batch=batch, seconds=_SECONDS),
            }
        )
        ours = rates["ours"]
        table.rows.append(
            (
                str(callers),
                count(batch),
                count(ours),
                *(count(rates["locked"]), ratio(ours, rates["locked"])),
                *(count(rates["unlocked"]), ratio(ours, rates["unlocked"])),
            )
        )
    for recorder in (locked, unlocked):
        recorder.datastore.close()
    yield table
