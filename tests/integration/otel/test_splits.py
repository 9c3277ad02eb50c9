"""Runs of real frameworks come in parts, in any order and several times, and end as the same events."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import TypeAlias

import httpx2
import pytest

from events.models import Log, OtelFailure
from events.otel.mapping.run import MappedEvent, MappedRun
from events.otel.worker import working
from events.types import Event
from tests.support.mapped import WholeRun, mapped, records_in, runs_of, spans_in
from tests.support.otel import Part, events_of, joined, parts, pass_time, send, work
from tests.support.otlp import captures

Content: TypeAlias = tuple[str, str, str | None, str | None, str | None, str, str]


def runs_in(shared_data: Path) -> list[tuple[list[Part], list[MappedRun]]]:
    """The parts of each captured run, and what they are mapped to. Where one run was captured twice, the first."""
    found: dict[str, tuple[list[Part], list[MappedRun]]] = {}
    for _, requests in captures(shared_data):
        runs = mapped(spans_in(requests), records_in(requests))
        found.setdefault(runs[0].name.stream, (parts(requests), runs))
    return list(found.values())


def content(event: Event) -> Content:
    names = (event.id, event.type, event.agent, event.correlation_id, event.causation_id)
    return *names, event.data, event.metadata


def expected_content(event: MappedEvent) -> Content:
    names = (event.id, event.type, event.agent, event.correlation_id, event.causation_id)
    return *names, event.data.decode(), event.metadata.decode()


def split(some: list[Part], chance: random.Random) -> list[Part]:
    """Some exports that hold all parts in any order, some of them several times."""
    doubled = some + [part for part in some if chance.random() < 0.2]
    chance.shuffle(doubled)
    exports = []
    while doubled:
        size = chance.choice((1, 2, 5, 20))
        exports += joined(doubled[:size])
        doubled = doubled[size:]
    return exports


@pytest.mark.parametrize("seed", range(2))
async def test_any_splits_end_as_the_same_events(
    client: httpx2.AsyncClient, log: Log, shared_data: Path, seed: int
) -> None:
    chance = random.Random(seed)
    expected: dict[str, list[Content]] = {}
    for some, runs in runs_in(shared_data):
        expected |= {run.name.stream: [expected_content(event) for event in run.events] for run in runs}
        for signal, part in split(some, chance):
            assert (await send(client, part, signal=signal)).status_code == 200
            if chance.random() < 0.05:
                async with working() as worker:
                    await work(worker)
    await pass_time(log, 61)
    async with working() as worker:
        await work(worker)
    found: dict[str, list[Content]] = {}
    for event in await events_of(log):
        found.setdefault(event.stream, []).append(content(event))
    assert found == expected
    assert not await OtelFailure.objects.filter(log=log).aexists()


def whole_runs(shared_data: Path) -> list[tuple[list[Part], list[WholeRun]]]:
    """The parts of each captured run of several spans, and what it makes as a whole."""
    found: dict[str, tuple[list[Part], list[WholeRun]]] = {}
    for _, requests in captures(shared_data):
        spans = spans_in(requests)
        wholes = [WholeRun(*run) for run in runs_of(spans, records_in(requests))]
        found.setdefault(spans[0].trace_id, (parts(requests), wholes))
    return list(found.values())


def _id_in(wholes: list[WholeRun], event: Event) -> str:
    """The id that an event has in the whole of its run."""
    ids = (one.id_here(event.id, event.stream) for one in wholes if one.id_here(event.id, event.stream) in one.expected)
    return next(ids, event.id)


@pytest.mark.parametrize("seed", range(2))
async def test_wider_splits_lose_and_double_nothing(
    client: httpx2.AsyncClient, log: Log, shared_data: Path, seed: int
) -> None:
    chance = random.Random(seed)
    for some, wholes in whole_runs(shared_data):
        before = len(await events_of(log))
        for signal, part in split(some, chance):
            assert (await send(client, part, signal=signal)).status_code == 200
            if chance.random() < 0.2:
                await pass_time(log, chance.choice((8, 61)))
                async with working() as worker:
                    await worker.store.forget()
                    await work(worker)
        await pass_time(log, 61)
        async with working() as worker:
            await work(worker)
        events = (await events_of(log))[before:]
        expected = Counter(id for whole in wholes for id in whole.expected)
        early = Counter(e.id for e in events if any(one.is_of_the_root(e.id, e.type) for one in wholes)) - expected
        assert Counter(_id_in(wholes, event) for event in events) == expected + early
    assert not await OtelFailure.objects.filter(log=log).aexists()
