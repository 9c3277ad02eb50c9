"""Jobs are done once, report their progress, and survive their workers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from events.models import Log
from events.reading.db_work import run
from projections import registry
from projections.jobs import fold, queue
from projections.jobs.queue import Beat, Lost
from projections.models import Job, JobStatus
from projections.states.at_moment import state_at
from projections.states.fold import TooFar
from projections.states.moment import NOW
from tests.support.folds import from_zero
from tests.support.jobs import claim, claimed, ensure, fill_stream, now, silence
from tests.support.patience import PATIENCE
from tests.support.processes import die_with_parent
from tests.support.server import CHECKOUT, Server, database_variables

pytestmark = pytest.mark.usefixtures("no_other_jobs")


def test_the_same_work_asked_for_twice_is_one_job(log: Log, kind: str) -> None:
    job = ensure(log, kind)
    assert ensure(log, kind).id == job.id
    assert ensure(log, kind, "other").pk != job.id
    queue.register_kind(kind, lambda job, beat: {"done": job.arguments["n"]})
    queue.do(claimed(job))
    assert (now(job).status, now(job).result) == (JobStatus.DONE, {"done": 1})
    assert ensure(log, kind).pk != job.id


def test_a_job_is_taken_on_by_one_worker_until_it_falls_silent(log: Log, kind: str) -> None:
    job = ensure(log, kind)
    first = claimed(job)
    assert claim(job) is None
    silence(job)
    second = claimed(job)
    assert (first.attempt, second.attempt) == (1, 2)


def test_a_worker_that_was_taken_over_learns_it_and_changes_nothing(
    log: Log, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_BEAT_SECONDS", 0.0)
    first = claimed(ensure(log, kind))
    silence(first)
    second = claimed(first)
    with pytest.raises(Lost):
        Beat(first)(1)
    queue.register_kind(kind, lambda job, beat: "first")
    queue.do(first)
    assert now(second).status == JobStatus.RUNNING


def test_progress_rate_and_time_left_are_reported(log: Log, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_BEAT_SECONDS", 0.0)
    job = claimed(ensure(log, kind))
    beat = Beat(job)
    beat(10, 100)
    beat(60, 100)
    reported = now(job)
    assert (reported.progress, reported.total) == (60, 100)
    assert reported.rate
    assert reported.seconds_left
    assert reported.heartbeat_at > job.created_at  # type: ignore[operator]


def test_a_cancelled_job_ends_between_two_stretches(log: Log, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_BEAT_SECONDS", 0.0)
    beats: list[int] = []

    def work(job: Job, beat: Beat) -> None:
        for n in range(10):
            beat(n)
            beats.append(n)
            if n == 3:
                queue.cancel(log.pk, job.id)

    queue.register_kind(kind, work)
    job = ensure(log, kind)
    queue.do(claimed(job))
    assert beats == [0, 1, 2, 3]
    assert now(job).status == JobStatus.CANCELLED


def test_a_job_that_waits_is_cancelled_at_once(log: Log, kind: str) -> None:
    job = ensure(log, kind)
    queue.cancel(log.pk, job.id)
    assert now(job).status == JobStatus.CANCELLED


def test_a_failed_job_says_why(log: Log, kind: str) -> None:
    def work(job: Job, beat: Beat) -> None:
        raise ZeroDivisionError("of course")

    queue.register_kind(kind, work)
    job = ensure(log, kind)
    queue.do(claimed(job))
    assert now(job).status == JobStatus.FAILED
    assert "ZeroDivisionError: of course" in now(job).error


def test_a_worker_that_stops_gives_its_job_back(log: Log, kind: str) -> None:
    def work(job: Job, beat: Beat) -> None:
        beat(1)

    queue.register_kind(kind, work)
    job = ensure(log, kind)
    queue.do(claimed(job), is_stopping=lambda: True)
    assert (now(job).status, now(job).attempt) == (JobStatus.QUEUED, 0)
    assert claimed(job).attempt == 1


def test_a_job_that_takes_its_workers_with_it_is_given_up(log: Log, kind: str) -> None:
    job = ensure(log, kind)
    for _ in range(queue.MAX_ATTEMPTS):
        claimed(job)
        silence(job)
    assert claim(job) is None
    assert now(job).status == JobStatus.FAILED


@contextmanager
def worker() -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, **database_variables()}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run_jobs"],
        cwd=CHECKOUT,
        env={**environment, "DJANGO_SETTINGS_MODULE": "eventsite.settings", "SECRET_KEY": "of-the-worker"},
        preexec_fn=die_with_parent(),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.processes
def test_a_fold_survives_a_worker_that_is_killed(log: Log) -> None:
    events = asyncio.run(fill_stream(log, 9_000))
    latest = registry.get("latest")
    with pytest.raises(TooFar) as too_far:
        run(state_at(log.pk, latest, "order-1"))
    job = run(fold.ensure_state(log.pk, latest, "order-1", at=NOW, too_far=too_far.value, asker=log.name))
    with worker() as first:
        wait_for(lambda: now(job).status == JobStatus.RUNNING)
        first.send_signal(signal.SIGKILL)
        first.wait(PATIENCE)
    if now(job).status == JobStatus.RUNNING:
        silence(job)
    with worker() as second:
        wait_for(lambda: now(job).status == JobStatus.DONE)
        second.send_signal(signal.SIGTERM)
        assert second.wait(PATIENCE) == 0
    assert now(job).result == {"events": 9_000, "position": 9_000}
    assert run(state_at(log.pk, latest, "order-1")) == from_zero(latest, "order-1", events)


@pytest.mark.processes
def test_the_server_does_the_jobs_that_it_hands_out(log: Log, token: str, tmp_path: Path) -> None:
    events = asyncio.run(fill_stream(log, 3_500))
    environment = {**database_variables(), "SECRET_KEY": "of-the-server"}
    with (
        Server(environment, log=tmp_path / "log") as server,
        httpx2.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as client,
    ):
        server.start()
        path = "/api/projections/latest/state?key=order-1"
        answer = client.get(path)
        assert answer.status_code == 202
        job = answer.headers["Location"]
        wait_for(lambda: client.get(job).json()["status"] == "done")
        answer = client.get(path)
    assert answer.status_code == 200
    assert answer.json()["events"] == len(events)
