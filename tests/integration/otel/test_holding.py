"""Exports that come while others of their log are committed share the next commit, and nothing else."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from events.engine import Engine
from events.errors import Unavailable
from events.models import Log, OtelPiece, OtelTrace
from events.otel import holding as module
from events.otel.holding import Holding
from events.otel.wire import Division, Piece
from tests.support.otel import new_trace


def division(*traces: bytes, body: bytes = b"body") -> Division:
    return Division([Piece(trace.hex(), 1, body) for trace in traces])


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of pieces of each commit."""
    numbers: list[int] = []
    batch_of = module._batch

    def noting(waiting: Any) -> Any:
        batch = batch_of(waiting)
        numbers.append(sum(len(export.pieces) for export in batch))
        return batch

    monkeypatch.setattr(module, "_batch", noting)
    return numbers


async def test_exports_that_come_meanwhile_share_a_commit(engine: Engine, log: Log, commits: list[int]) -> None:
    holding, (one, other) = Holding(), sorted((new_trace(), new_trace()))
    await holding.check_room(engine.pool, log.pk, 0)
    await asyncio.gather(
        holding.hold(engine.pool, log.pk, 1, division(one), are_records=False),
        *(holding.hold(engine.pool, log.pk, 2, division(one, other), are_records=True) for _ in range(10)),
        holding.hold(engine.pool, log.pk, 3, division(other), are_records=False),
    )
    assert commits == [22]
    rows = OtelPiece.objects.filter(log=log).order_by("trace_id", "number")
    pieces = [(row.trace_id.bytes, row.number, row.token_id, row.are_records) async for row in rows]
    assert pieces[:11] == [(one, 1, 1, False), *((one, number, 2, True) for number in range(2, 12))]
    assert pieces[11:] == [*((other, number, 2, True) for number in range(1, 11)), (other, 11, 3, False)]
    traces = OtelTrace.objects.filter(log=log).order_by("trace_id")
    assert [(row.pieces, row.held_spans, row.held_records) async for row in traces] == [(11, 1, 10)] * 2


async def test_a_commit_is_bounded(
    engine: Engine, log: Log, commits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_EXPORTS", 4)
    monkeypatch.setattr(module, "_MOST_BYTES", 100_000)
    holding = Holding()
    await holding.check_room(engine.pool, log.pk, 0)
    small = [division(new_trace()) for _ in range(9)]
    large = [division(new_trace(), body=os.urandom(60_000)) for _ in range(3)]
    await asyncio.gather(*(holding.hold(engine.pool, log.pk, 1, each, are_records=False) for each in (*small, *large)))
    assert commits == [4, 4, 2, 1, 1]


async def test_an_export_that_can_not_be_committed_takes_no_other_along(engine: Engine, log: Log) -> None:
    holding = Holding()
    bad = Division([Piece("no id", 1, b"body")])
    results = await asyncio.gather(
        *(
            holding.hold(engine.pool, log.pk, 1, each, are_records=False)
            for each in (division(new_trace()), division(new_trace()), bad, division(new_trace()))
        ),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), type(None), Unavailable, type(None)]
    assert await OtelPiece.objects.filter(log=log).acount() == 3
    await holding.hold(engine.pool, log.pk, 1, division(new_trace()), are_records=False)
    assert await OtelPiece.objects.filter(log=log).acount() == 4


async def test_an_exporter_that_does_not_wait_takes_no_other_along(engine: Engine, log: Log) -> None:
    holding = Holding()
    await holding.check_room(engine.pool, log.pk, 0)
    tasks = [
        asyncio.create_task(holding.hold(engine.pool, log.pk, 1, division(new_trace()), are_records=False))
        for _ in range(5)
    ]
    await asyncio.sleep(0)
    assert len(holding._waiting[log.pk]) == 5
    tasks[0].cancel()
    tasks[2].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [result is None for result in results] == [False, True, False, True, True]
    await holding.hold(engine.pool, log.pk, 1, division(new_trace()), are_records=False)
    assert not holding._waiting


async def test_large_pieces_are_kept_compressed_and_counted_for_what_they_take_in_memory(
    engine: Engine, log: Log
) -> None:
    holding = Holding()
    for size in (1_000, 100_000, 1_000_000):
        await holding.hold(engine.pool, log.pk, 1, division(new_trace(), body=b"o" * size), are_records=False)
    pieces = [piece async for piece in OtelPiece.objects.filter(log=log).order_by("bytes")]
    assert len(pieces[0].body) == 1_000
    assert max(len(piece.body) for piece in pieces) < 10_000
    assert [piece.bytes // 1_000 for piece in pieces] == [2, 101, 1_001]
