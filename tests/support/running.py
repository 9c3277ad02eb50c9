"""A log that is filled, runners that see only this log, and the states as they should be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import pytest

from events.appending.checks import new_append, new_event
from events.engine import Engine
from events.models import Log
from events.reading import store
from projections import registry
from projections.definition.projection import STREAM, Decoded, Key, Projection, decode, pointer
from projections.materialise import checkpoints
from projections.materialise.checkpoints import Progress
from projections.materialise.runner import Part, Runner
from projections.models import KeyPlaces, ProjectionState
from tests.support.folds import from_zero, some_event
from tests.support.patience import PATIENCE


def add(state: Any, happened: Decoded) -> Any:
    """Sum up, note the position of the last event of each type, and raise for a poisoned event."""
    if happened.data.get("poison") == "raise":
        raise RuntimeError("poisoned")
    at: float = happened.position * (0.5 if happened.data.get("poison") == "float" else 1)
    return {**state, "sum": state["sum"] + happened.data.get("amount", 0), happened.type: at}


def totals(*, name: str = "totals", key: Key = STREAM, marker: Any = 1, **fields: Any) -> Projection:
    """A projection that sums up; `marker` is in its states and in its fingerprint."""
    result = Projection(
        name,
        about="For a test.",
        key=key,
        initial={"marker": marker, "sum": 0},
        settings={"marker": marker},
        materialised=True,
        **fields,
    )
    result.on("A", "B*", "Poisoned")(add)
    return result


def by_type() -> Projection:
    """A projection that counts the events of a type. Its key (`type:A`) is one that the log has no index for."""
    result = Projection(
        "by-type",
        about="For a test.",
        key=Key("its type", lambda happened: f"type:{happened.type}"),
        initial={"events": 0},
        materialised=True,
    )
    result.on("*")(lambda state, happened: {"events": state["events"] + 1})
    return result


BY_TYPE = by_type()
KILLED = (totals(), totals(name="by-customer", key=pointer("/customer")))
"""The projections whose runners are killed."""


def declared(*projections: Projection) -> dict[str, Projection]:
    return {each.name: each for each in projections}


def append(log: Log, events: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Append events to streams, in order."""
    appends = [new_append(stream, [new_event(stream, **fields)]) for stream, fields in events]

    async def write() -> None:
        async with Engine() as engine:
            await engine.writer.append(log.pk, appends)

    asyncio.run(write())


def varied(count: int, *, first: int = 0) -> list[tuple[str, dict[str, Any]]]:
    return [(f"order-{n * 7 % 11}", some_event(n)) for n in range(first, first + count)]


def poisoned(stream: str, how: str = "raise") -> tuple[str, dict[str, Any]]:
    return (stream, {"type": "Poisoned", "data": f'{{"poison": "{how}"}}'.encode()})


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"


def settle(log: Log, *projections: Projection, part: Part = Part.LIVE) -> None:
    """Let a runner do all that there is to do."""
    runner = Runner(part, logs=[log.pk], projections=declared(*projections))
    try:
        # The runner that held the log before may not have ended yet.
        until(lambda: not runner.turn() and runner.holds(log.pk))
    finally:
        runner.close()


def rebuilt(log: Log, projection: Projection) -> None:
    checkpoints.rebuild(log.pk, projection)
    settle(log, projection, part=Part.BESIDE)


def live(log: Log, name: str = "totals") -> Progress:
    """The progress of the build that readers see."""
    [progress] = [each for each in checkpoints.progress(log, name) if each.is_live]
    return progress


def states(log: Log, name: str = "totals") -> dict[str, tuple[str, int, int]]:
    """The states that readers see: text, number of events and position by key."""
    rows = checkpoints.live(log.pk, name).values_list("key", "state", "events", "position")
    return {key: (state, events, position) for key, state, events, position in rows}


def expected(log: Log, projection: Projection, *, upto: int | None = None) -> dict[str, tuple[str, int, int]]:
    """The states that readers should see: each key is folded from zero."""
    events = [each for each in store.events(log.pk, limit=100_000).fetch() if upto is None or each.position <= upto]
    events_read = [each for each in events if projection.reads(each)]
    keys = {key for each in events_read for key in projection.key.keys(decode(each))}
    folded = {key: from_zero(projection, key, events) for key in keys}
    return {key: (state.text, state.events, state.position) for key, state in folded.items()}


def kept_states(log: Log) -> int:
    return ProjectionState.objects.filter(log=log).count()


def declare_only(monkeypatch: pytest.MonkeyPatch, *projections: Projection) -> None:
    """Make these the only projections that are declared."""
    monkeypatch.setattr(registry, "PROJECTIONS", declared(*projections))


def noted_places(log: Log, projection: str, key: str) -> list[int]:
    """The positions of a key's events, as the runner noted them."""
    rows = KeyPlaces.objects.filter(log=log, projection=projection, key=key).order_by("position")
    rest = ProjectionState.objects.values_list("places", flat=True).get(log=log, projection=projection, key=key)
    return [*chain.from_iterable(rows.values_list("positions", flat=True)), *(rest or ())]
