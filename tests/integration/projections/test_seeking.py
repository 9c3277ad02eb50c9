"""A seek that takes too long to wait for is a job: it reports its progress, can be cancelled, and resumes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any

import pytest

from events.engine import Engine
from events.models import Log
from events.query.match import step_matcher
from events.query.parse import parse
from events.query.tree import Query
from events.reading import store
from events.reading.db_work import run
from events.types import Event
from projections.definition.projection import Decoded, Projection
from projections.jobs import queue
from projections.jobs.queue import Beat
from projections.models import Job, JobStatus
from projections.registry import PROJECTIONS
from projections.replay.address import ReplayAddress
from projections.replay.seek import job as seeking
from projections.replay.seek import look
from projections.replay.seek.condition import Condition, EventFailed, Seek, Watch
from projections.replay.window import window_at
from projections.states import fold_cursor
from projections.states.fold import Fold, Pace
from projections.states.sources.indexed import StreamSource
from tests.support.folds import fill, projection, texts

SOURCE = StreamSource("order-1")


@pytest.fixture
def sums(monkeypatch: pytest.MonkeyPatch) -> Projection:
    """A projection that workers find by its name."""
    result = projection("sums_of_seeks")
    monkeypatch.setitem(PROJECTIONS, result.name, result)
    return result


@pytest.fixture
def every_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches are short; each is noted and reported at once."""
    monkeypatch.setattr(seeking, "_CHUNK_EVENTS", 20)
    monkeypatch.setattr(seeking, "_NOTE_SECONDS", 0.0)
    monkeypatch.setattr(queue, "_BEAT_SECONDS", 0.0)


def seek_of(sums: Projection, condition: Condition | str, place: int = 0, *, backward: bool = False) -> Seek:
    parsed = parse(condition) if isinstance(condition, str) else condition
    return Seek(sums, SOURCE, parsed, place, 300, backward)


def started(log: Log, seek: Seek) -> Job:
    """The job of a seek, as if a worker had just claimed it."""
    job = run(seeking.ensure_seek(log.pk, seek, asker=log.name))
    Job.objects.filter(pk=job.pk).update(status=JobStatus.RUNNING, attempt=1)
    return now(job)


def log_head(log: Log) -> int:
    return store.head(log.pk).first() or 0


def now(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def answer(job: Job) -> Any:
    return now(job).result


@pytest.fixture
def filled(log: Log) -> None:
    async def write() -> None:
        async with Engine() as engine:
            await fill(engine, log, ["order-1"] * 300)

    asyncio.run(write())


@pytest.mark.usefixtures("filled", "every_chunk")
@pytest.mark.parametrize(
    ("condition", "place", "backward", "target"),
    [
        ("state.last>0 version:280", 3, False, 280),
        ("state.last>0 version:10", 290, True, 10),
        ("version:270 type:*", 3, False, 270),
        (Watch("/last"), 4, False, 5),
        ("state.last<0", 3, False, None),
        ("type:Nothing", 299, True, None),
        (EventFailed(), 299, True, None),
    ],
)
def test_a_job_answers_with_a_link_to_the_step_or_says_how_far_it_searched(
    log: Log, sums: Projection, condition: Condition | str, place: int, backward: bool, target: int | None
) -> None:
    job = started(log, seek_of(sums, condition, place, backward=backward))
    queue.do(job)
    ended = now(job)
    assert ended.status == JobStatus.DONE
    assert answer(job)["failed"] is None
    if target:
        url = ReplayAddress(log.name, SOURCE, {"by": sums.name}).step(target)
        assert answer(job)["found"] == {"position": target, "place": target, "url": url}
    else:
        assert (answer(job)["found"], answer(job)["searched_to"]) == (None, 1 if backward else 300)


@pytest.mark.usefixtures("filled", "every_chunk")
def test_a_job_says_how_far_it_is_and_ends_when_it_is_cancelled(
    log: Log, sums: Projection, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = started(log, seek_of(sums, "state.last<0"))
    beat = Beat.__call__

    def cancelled(self: Beat, progress: int, total: int | None = None) -> None:
        if progress >= 100:
            queue.cancel(log.pk, job.id)
        beat(self, progress, total)

    monkeypatch.setattr(Beat, "__call__", cancelled)
    queue.do(job)
    ended = now(job)
    assert (ended.status, ended.progress, ended.total) == (JobStatus.CANCELLED, 100, 300)
    assert answer(job) == {"rest": {"place": 80, "to": "state.last<0"}}


@pytest.mark.usefixtures("filled", "every_chunk")
@pytest.mark.parametrize(("backward", "place", "target", "rest_place"), [(False, 0, 280, 160), (True, 300, 10, 200)])
def test_a_worker_that_takes_a_job_over_goes_on_where_the_last_one_was(
    log: Log,
    sums: Projection,
    monkeypatch: pytest.MonkeyPatch,
    backward: bool,
    place: int,
    target: int,
    rest_place: int,
) -> None:
    """The first worker stops after the eighth stretch of twenty.

    Backward, the first block ends at its snapshot, at 200.
    """
    run(Fold(log.pk, sums, SOURCE, log_head(log)).to(log_head(log), pace=Pace(max_events=None)))
    looked: list[int] = []

    def watched(query: Query) -> Callable[[Event, Any, Collection[str]], bool]:
        fits = step_matcher(query)

        def look(event: Event, state: Any, changed: Collection[str]) -> bool:
            looked.append(event.version)
            return fits(event, state, changed)

        return look

    monkeypatch.setattr(look, "step_matcher", watched)
    job = started(log, seek_of(sums, f"state.last>0 version:{target}", place, backward=backward))
    stops = iter([False] * 7 + [True])
    queue.do(job, is_stopping=lambda: next(stops))
    assert now(job).status == JobStatus.QUEUED
    looked.clear()
    Job.objects.filter(pk=job.pk).update(status=JobStatus.RUNNING, attempt=1)
    queue.do(now(job))
    assert now(job).status == JobStatus.DONE
    assert answer(job)["found"]["place"] == target
    assert (max(looked) if backward else min(looked) - 1) == rest_place


@pytest.mark.parametrize("backward", [False, True])
def test_the_step_that_a_job_found_is_shown_at_once_though_the_state_grows(
    log: Log, monkeypatch: pytest.MonkeyPatch, backward: bool
) -> None:
    """A growing state has few snapshots; here it has none."""

    async def write() -> None:
        async with Engine() as engine:
            await fill(engine, log, ["order-1"] * 2_500)

    asyncio.run(write())
    monkeypatch.setitem(PROJECTIONS, texts.name, texts)
    monkeypatch.setattr(fold_cursor, "MAX_SNAPSHOT_RATIO", 0)
    place, target = (2_499, 1_801) if backward else (1, 1_799)
    condition = parse(f"state[{target - 1}].text:* version:{target}")
    job = started(log, Seek(texts, SOURCE, condition, place, 2_500, backward))
    assert run(window_at(Fold(log.pk, texts, SOURCE, 2_500), place=target)).too_far
    queue.do(job)
    assert answer(job)["found"]["place"] == target
    assert run(window_at(Fold(log.pk, texts, SOURCE, 2_500), place=target)).is_known


@pytest.mark.usefixtures("filled")
def test_a_reducer_that_fails_ends_the_job_with_a_link_to_where(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    def handler(state: Any, happened: Decoded) -> Any:
        if happened.version == 200:
            raise ValueError("no")
        return {"n": happened.version}

    result = Projection("failing_seeks", about="For a test.", initial={})
    result.on("*")(handler)
    monkeypatch.setitem(PROJECTIONS, result.name, result)
    job = started(log, seek_of(result, "state.n>250"))
    queue.do(job)
    error = answer(job)
    assert error["found"] is None
    assert error["failed"]["place"] == 200
    assert error["failed"]["url"].endswith("/200?by=failing_seeks")


def test_an_equal_seek_waits_for_the_same_job(log: Log, sums: Projection) -> None:
    job = run(seeking.ensure_seek(log.pk, seek_of(sums, "type:A"), asker=log.name))
    assert run(seeking.ensure_seek(log.pk, seek_of(sums, "  type:A "), asker=log.name)).id == job.id
    for other in (
        seek_of(sums, "type:B"),
        seek_of(sums, "type:A", 1),
        seek_of(sums, "type:A", backward=True),
        seek_of(sums, Watch("type:A")),
    ):
        job_found = run(seeking.ensure_seek(log.pk, other, asker=log.name))
        assert job_found.pk != job.id
        assert seeking.seek_of_job(job_found) == other
