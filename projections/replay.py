"""The steps of a replay: events from the store, folded by a projection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from events import store
from events.types import Event, StreamInfo
from projections.fold import ReducerFailed, fold, start, step
from projections.types import Decoded, Projection, Step, decode

FOLD_LIMIT = 10_000
"""The most events folded while a page is waited for: about 60 ms of reading and decoding."""
_BLOCK = 500
_AROUND = 100


@dataclass(frozen=True, slots=True)
class StreamReplay:
    """One stream, replayed up to a step.

    `step` is None where the state is not shown: beyond `FOLD_LIMIT`, or (with `failed` saying why)
    when the reducer raised before this step. `nearby` are the events around the step.
    """

    stream: StreamInfo
    n: int
    event: Event | None
    step: Step | None
    failed: ReducerFailed | None
    nearby: tuple[Event, ...]


def replay_stream(log_id: int, stream: StreamInfo, *, n: int, projection: Projection) -> StreamReplay:
    """Step `n` of a stream, 0 to its version: reads and folds only the events up to it."""
    nearby = tuple(
        store.stream_events(log_id, stream.name, from_version=max(1, n - _AROUND), limit=2 * _AROUND + 1).fetch()
    )
    event = next((event for event in nearby if event.version == n), None)
    found: Step | None = None
    failed: ReducerFailed | None = None
    if n <= FOLD_LIMIT:
        try:
            found = _step(log_id, stream.name, n=n, projection=projection)
        except ReducerFailed as error:
            failed = error
    return StreamReplay(stream=stream, n=n, event=event, step=found, failed=failed, nearby=nearby)


def _step(log_id: int, stream: str, *, n: int, projection: Projection) -> Step:
    if n == 0:
        return start(projection)
    before = projection.initial
    for block in _blocks(log_id, stream, upto=n):
        if block[-1].event.version < n:
            before = fold(projection, block, before)
        else:
            return step(projection, n, block[-1], fold(projection, block[:-1], before))
    raise AssertionError(f"{stream} ends before version {n}")


def _blocks(log_id: int, stream: str, *, upto: int) -> Iterator[list[Decoded]]:
    """The stream's events from the first to version `upto`, a bounded number at a time."""
    for first in range(1, upto + 1, _BLOCK):
        limit = min(_BLOCK, upto + 1 - first)
        events = store.stream_events(log_id, stream, from_version=first, limit=limit).fetch()
        yield list(map(decode, events))
