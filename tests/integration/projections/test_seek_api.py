"""A seek through the API finds the step that a look at every step finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.access import tokens
from events.engine import Engine
from events.models import Log, Scope
from events.types import Event
from projections import registry
from projections.definition.projection import Projection
from projections.jobs import queue
from projections.models import Job, JobStatus
from projections.replay.seek.job import SEEK
from projections.states.sources.base import Source
from projections.values.diff import equal
from tests.support.fixture_types import Get
from tests.support.folds import all_events, fill
from tests.support.replays import SOURCES, do_all_jobs, folded_states, of_source, source_parameters

Holds = Callable[[Event, Any, Any], bool]
CONDITIONS: tuple[tuple[dict[str, str], Holds], ...] = (
    ({"to": "type:B*"}, lambda event, before, after: event.type.startswith("B")),
    ({"to": "data.customer:c-1"}, lambda event, before, after: '"c-1"' in event.data),
    ({"to": "state.A>30"}, lambda event, before, after: after.get("A", 0) > 30),
    ({"to": "changed:/A"}, lambda event, before, after: not equal(before.get("A"), after.get("A"))),
    ({"pointer": "/B"}, lambda event, before, after: not equal(before.get("B"), after.get("B"))),
    ({"pointer": ""}, lambda event, before, after: not equal(before, after)),
    ({"to": "state.nothing:1"}, lambda event, before, after: False),
    ({"pointer": "/nothing"}, lambda event, before, after: False),
)


@given(st.sampled_from(SOURCES), st.sampled_from(CONDITIONS), st.integers(0, 60), st.booleans())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_step_that_is_found_is_the_next_one_that_fits(
    engine: Engine,
    log: Log,
    get: Get,
    sums: Projection,
    source: Source,
    condition: tuple[dict[str, str], Holds],
    start: int,
    backward: bool,
) -> None:
    query, holds = condition
    events = await all_events(engine, log)
    if not events:
        await fill(engine, log, ["order-1", "order-2", "a*"] * 25)
        events = await all_events(engine, log)
    expected = of_source(source, events)
    states = folded_states(sums, expected)
    places = [0, *map(source.place, expected)]
    start = min(start, len(expected))
    steps = range(start - 1, 0, -1) if backward else range(start + 1, len(expected) + 1)
    fits = next((n for n in steps if holds(expected[n - 1], states[n - 1], states[n])), None)
    direction = "backward" if backward else "forward"
    answer = await get(
        f"{source.kind}/seek", by="sums", place=places[start], direction=direction, **query, **source_parameters(source)
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["place"] == (None if fits is None else places[fits])
    assert (body["event"] and body["event"]["position"]) == (None if fits is None else expected[fits - 1].position)
    if source.kind == "stream" and fits is not None:
        assert body["n"] == fits


async def test_a_seek_begins_at_the_end_that_its_direction_starts_at(
    engine: Engine, log: Log, get: Get, sums: Projection
) -> None:
    await fill(engine, log, ["order-1"] * 12)
    changing = [event.position for event in await all_events(engine, log) if event.type != "C"]
    for direction, place in (("forward", changing[0]), ("backward", changing[-1])):
        for query in ({"pointer": "/last"}, {"to": "changed:/last"}):
            answer = (await get("log/seek", by="sums", direction=direction, **query)).json()
            assert answer["place"] == place, (direction, query)


async def test_a_seek_that_no_step_fits_says_how_far_it_searched(
    engine: Engine, log: Log, get: Get, sums: Projection
) -> None:
    await fill(engine, log, ["order-1"] * 12)
    answer = (await get("stream/seek", by="sums", name="order-1", to="state.A<0", place=3)).json()
    assert (answer["place"], answer["event"], answer["searched_to"]) == (None, None, 12)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "to"),
        ({"to": " "}, "to"),
        ({"to": "type:A", "pointer": "/a"}, "to"),
        ({"to": "type:("}, "invalid-query"),
        ({"to": "a\0b"}, "invalid-query"),
        ({"pointer": "a"}, "pointer"),
        ({"to": "type:A", "place": 4}, "place"),
        ({"to": "type:A", "place": 2**63}, "place"),
        ({"to": "type:A", "place": -1}, "place"),
        ({"to": "type:A", "direction": "up"}, "direction"),
    ],
)
async def test_a_seek_that_is_not_possible_is_refused(
    engine: Engine, log: Log, get: Get, query: dict[str, Any], field: str
) -> None:
    await fill(engine, log, ["order-1"] * 3)
    answer = await get("log/seek", **query)
    assert answer.status_code == 422, answer.text
    assert field in (answer.json().get("field"), answer.json()["code"])


async def test_a_reducer_that_raises_ends_the_way(
    engine: Engine, log: Log, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = Projection("fails", about="For a test.", initial={"n": 0})
    fails.on("*")(lambda state, happened: {"n": 1 // (5 - happened.position)})
    monkeypatch.setitem(registry.PROJECTIONS, "fails", fails)
    await fill(engine, log, ["order-1"] * 8)
    answer = (await get("log/seek", by="fails", to="state.n>10")).json()
    assert (answer["place"], answer["error_position"]) == (None, 5)
    assert answer["error"].startswith("ZeroDivisionError")


async def test_a_long_way_goes_on_as_a_job_with_the_answer(
    engine: Engine, log: Log, get: Get, anyone: httpx2.AsyncClient, token: str, sums: Projection
) -> None:
    await fill(engine, log, ["order-1"] * 4_000)
    last = [event for event in await all_events(engine, log) if event.type == "A"][-1]
    answer = await get("stream/seek", by="sums", name="order-1", to=f"state.last:{last.position} changed:/A")
    assert answer.status_code == 202, answer.text
    path = answer.headers["Location"]
    await do_all_jobs(log)
    job = (await anyone.get(path, headers={"Authorization": f"Bearer {token}"})).json()
    assert (job["status"], job["kind"]) == ("done", "seek")
    step = job["result"]["found"]
    assert (step["place"], step["position"]) == (last.version, last.position)
    assert await sync_to_async(Job.objects.filter(log=log).count)() == 1


async def test_many_seeks_of_one_token_are_refused_and_do_not_delay_another_logs(
    engine: Engine, log: Log, other_log: Log, get: Get, sums: Projection
) -> None:
    for each in (log, other_log):
        await fill(engine, each, ["order-1"] * 1_500)
    statuses = [
        (await get("stream/seek", by="sums", name="order-1", to=f"state.last<-{n}")).status_code for n in range(1, 150)
    ]
    assert statuses == [202] * queue.MAX_ACTIVE_OF_ASKER + [429] * (149 - queue.MAX_ACTIVE_OF_ASKER)
    refusal = await get("stream/seek", by="sums", name="order-1", to="state.last<-150")
    assert (refusal.json()["code"], refusal.headers["Retry-After"]) == ("too-many-jobs", "5")
    other = await sync_to_async(tokens.create_token)(other_log, name="other", scopes=[Scope.READ])
    answer = await get("stream/seek", token=other, by="sums", name="order-1", to="state.last<-1")
    assert answer.status_code == 202
    # Other tests leave jobs, too: only those of these logs are claimed.
    both = Job.objects.filter(log__in=[log, other_log])
    await (
        Job.objects.exclude(pk__in=both).filter(kind=SEEK, status=JobStatus.QUEUED).aupdate(status=JobStatus.CANCELLED)
    )
    for _ in range(2):
        job = await sync_to_async(queue.claim)([SEEK])
        assert job
        await sync_to_async(queue.do)(job)
    assert [job.status async for job in Job.objects.filter(log=other_log)] == [JobStatus.DONE]
