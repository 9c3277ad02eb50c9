"""The state of a key at any moment: from the nearest snapshot, and the events from there on.

What is asked here never folds more than one block. Where that is not enough, it says so (`TooFar`), and a job
(`computing.py`) goes the way once and leaves snapshots.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from events.errors import brief
from events.reading.db_work import Asking
from projections.definition.fold import ReducerFailed
from projections.definition.projection import Projection
from projections.states import snapshots
from projections.states.fold_cursor import SPACING, Folding, Mark, start
from projections.states.moment import NOW, Moment, head_of, position_at
from projections.states.source import Source, source_of
from projections.values import exact_json
from projections.values.change import Change, Json
from projections.values.diff import diff

if TYPE_CHECKING:
    from collections.abc import Sequence


logger = logging.getLogger(__name__)

BLOCK = 1_000
"""The most events that are folded while a request waits: 6 to 8 ms of decoding and folding."""
_BLOCK_SECONDS = 0.05
"""Of processor time, after which a request waits no longer: of a reducer that is slow, or of large events."""
_CHUNK = 200
"""Events folded at a stretch, between two reads: other requests wait no longer than for these."""


@dataclass(frozen=True, slots=True)
class State:
    """What a projection made of the events of a key up to a moment.

    `text` is the exact state. `events` were folded; the last of them stands at `position` in the log and `version` in
    its stream (0: there is none).
    """

    text: str
    events: int
    position: int
    version: int

    @property
    def value(self) -> Json:
        value: Json = exact_json.loads(self.text)
        return value


class TooFar(Exception):
    """More than one block of events lies between the nearest snapshot and the moment: this is work for a job."""

    def __init__(self, source: Source, upto: int) -> None:
        super().__init__(f"{source.kind} {source.name!r} up to position {upto:,}")
        self.source = source
        self.upto = upto


@dataclass(frozen=True, slots=True)
class Pace:
    """How a fold goes on: events a read, the most in all (None: however many), and who is told of each stretch."""

    chunk: int = _CHUNK
    most: int | None = BLOCK
    told: Callable[[Folding], None] | None = None

    def is_spent(self, *, passed: int, seconds: float) -> bool:
        """Whether that many events, or seconds of processor time, are too many to be waited for."""
        return self.most is not None and (passed >= self.most or seconds > _BLOCK_SECONDS)


WAITED_FOR = Pace()


def state_at(
    log_id: int, projection: Projection, key: str, *, at: Moment = NOW, pace: Pace = WAITED_FOR
) -> Asking[State]:
    """The state of a key at a moment.

    Raises:
        TooFar: it takes more than one block.
        ReducerFailed: at an event before that moment.
        Invalid: the moment is none of this key's.
    """
    source = yield from source_of(log_id, projection, key)
    head = yield from head_of(log_id)
    upto = yield from position_at(log_id, source, at, head=head)
    folding = yield from fold_to(log_id, projection, source, upto=upto, seen=head, pace=pace)
    point = folding.point
    return State(point.state, point.events, point.position, point.version)


def difference(
    log_id: int, projection: Projection, key: str, *, one: Moment, other: Moment
) -> Asking[tuple[State, State, tuple[Change, ...]]]:
    """The states at two moments, and the operations that make the second of the first. Raises as `state_at` does."""
    before = yield from state_at(log_id, projection, key, at=one)
    after = yield from state_at(log_id, projection, key, at=other)
    return before, after, diff(before.value, after.value)


def fold_to(
    log_id: int, projection: Projection, source: Source, *, upto: int, seen: int, pace: Pace = WAITED_FOR
) -> Asking[Folding]:
    """Fold a source up to a position, from the nearest snapshot on, and leave snapshots on the way.

    `seen` is the log's head, read before. Raises `TooFar` and `ReducerFailed`, each with what was reached kept.
    """
    found = yield snapshots.nearest(log_id, projection, source, position=upto)
    folding = Folding(projection, source, found[0] if found else start(projection))
    marks: list[Mark] = []
    try:
        while (yield from _go_on(log_id, folding, upto=upto, chunk=pace.chunk)):
            if pace.told:
                pace.told(folding)
            yield from keep(log_id, folding, seen=seen)
            marks = [each for each in marks if each.at.n > folding.mark.at.n - BLOCK] + [folding.mark]
            if pace.is_spent(passed=folding.passed, seconds=folding.seconds):
                raise TooFar(source, upto)
    except ReducerFailed:
        yield from keep(log_id, folding, seen=seen, is_asked=folding.passed >= SPACING)
        raise
    is_asked = pace.most is None and folding.passed >= SPACING
    yield from keep(log_id, folding, seen=seen, is_asked=is_asked)
    if is_asked:
        yield from _keep_before(log_id, folding, marks, seen=seen)
    return folding


def _keep_before(log_id: int, folding: Folding, marks: Sequence[Mark], *, seen: int) -> Asking[None]:
    """Keep a state of up to a block before, where none was left: from there on it is looked for who set what."""
    projection, source, n = folding.projection, folding.source, folding.mark.at.n
    behind = [each for each in marks if n - BLOCK <= each.at.n < n]
    if behind and not (yield snapshots.between(log_id, projection, source, first=n - BLOCK, last=n)):
        yield from snapshots.keep(log_id, folding, point=behind[0].point, seen=seen, is_asked=True)


def _go_on(log_id: int, folding: Folding, *, upto: int, chunk: int) -> Asking[bool]:
    """Fold the next stretch; whether there may be more."""
    place = folding.place
    events = yield folding.source.read(log_id, after=place, upto=upto, limit=chunk)
    if not folding.take(events, upto=upto) or len(events) == chunk:
        return len(events) == chunk and events[-1].position < upto
    end = folding.source.end_of_places(place, upto=upto)
    if end is not None:
        folding.skip_to(end)
    return end is not None


def keep(log_id: int, folding: Folding, *, seen: int, is_asked: bool = False) -> Asking[None]:
    """Keep the snapshots that the fold left, and if asked for the state where it is. To fail here fails nothing."""
    points, folding.left = folding.left, []
    try:
        # A fold that ends in the middle of others' snapshots leaves none: they would not count for those behind.
        if points and (yield snapshots.behind(log_id, folding.projection, folding.source, n=points[-1].n)):
            points = []
        for point in points:
            yield from snapshots.keep(log_id, folding, point=point, seen=seen)
        if is_asked:
            yield from snapshots.keep(log_id, folding, point=folding.point, seen=seen, is_asked=True)
    except Exception as error:
        logger.warning("a snapshot was not kept: %s", brief(error))
