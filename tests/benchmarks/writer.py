"""The writer against the `eventsourcing` library, on the same Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tests.benchmarks.logs import writer_rate
from tests.benchmarks.measure import Table, count, interleaved, ratio
from tests.benchmarks.recorders import make_recorder, recorder_rate

_CELLS = ((1, 1), (8, 1), (64, 1), (1, 10), (8, 10), (1, 100), (8, 100), (1, 1_000), (8, 1_000))
_SECONDS = 0.4


def run() -> Iterator[Table]:
    locked, unlocked = make_recorder("locked", locked=True), make_recorder("unlocked", locked=False)
    heads = ("callers", "events an append", "ours", "locked", "ours ÷ locked", "unlocked", "ours ÷ unlocked")
    table = Table("Writer: events a second, against eventsourcing's recorder", heads)
    for callers, batch in _CELLS:
        rates = interleaved(
            {
                "ours": partial(writer_rate, callers=callers, batch=batch, seconds=_SECONDS),
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
