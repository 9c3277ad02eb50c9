"""Jobs are done once, say how far they are, and survive their workers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.db.models import F
from django.utils import timezone

from events.access.standing import TokenAccess
from events.access.tokens import hash_of
from events.engine import Engine
from events.models import Log, Role, Token
from events.reading.db_work import run
from projections import registry
from projections.errors import TooManyJobs
from projections.jobs import fold, queue
from projections.jobs.queue import Beat, Lost
from projections.models import ACTIVE, Job, JobStatus
from projections.states.at_moment import state_at
from projections.states.fold import TooFar
from projections.states.moment import NOW
from tests.support.factories import make_member, make_name
from tests.support.folds import all_events, fill, from_zero
from tests.support.patience import PATIENCE
from tests.support.processes import die_with_parent
from tests.support.server import CHECKOUT, Server, database_variables


@pytest.fixture(autouse=True)
def _no_other_jobs(database: None) -> None:
    """Jobs that other tests left to wait would take their turns among those of a test here."""
    Job.objects.filter(status__in=ACTIVE).delete()


@pytest.fixture
def kind() -> Iterator[str]:
    """A kind of job of the test's own."""
    name = make_name("kind")
    yield name
    queue._kinds.pop(name, None)


def ensure(log: Log, kind: str, key: str = "k", *, asker: str | None = None) -> Job:
    return run(queue.ensure_job(log.pk, kind, key, arguments={"n": 1}, asker=asker or log.name))


def claim(wanted: Job) -> Job | None:
    return queue.claim([wanted.kind])


def claimed(wanted: Job) -> Job:
    job = claim(wanted)
    assert job
    assert job.pk == wanted.pk
    return job


def now(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def silence(job: Job) -> None:
    """As if its worker had not been heard of for long."""
    Job.objects.filter(pk=job.pk).update(heartbeat_at=F("heartbeat_at") - queue.LEASE - timedelta(seconds=1))


def test_the_same_work_asked_for_twice_is_one_job(log: Log, kind: str) -> None:
    job = ensure(log, kind)
    assert ensure(log, kind).pk == job.pk
    assert ensure(log, kind, "other").pk != job.pk
    queue.register_kind(kind, lambda job, beat: {"done": job.arguments["n"]})
    queue.do(claimed(job))
    assert (now(job).status, now(job).result) == (JobStatus.DONE, {"done": 1})
    assert ensure(log, kind).pk != job.pk


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
    found = now(job)
    assert (found.progress, found.total) == (60, 100)
    assert found.rate
    assert found.seconds_left
    assert found.heartbeat_at > job.created_at  # type: ignore[operator]


def test_a_cancelled_job_ends_between_two_stretches(log: Log, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_BEAT_SECONDS", 0.0)
    done: list[int] = []

    def work(job: Job, beat: Beat) -> None:
        for n in range(10):
            beat(n)
            done.append(n)
            if n == 3:
                queue.cancel(log.pk, job.pk)

    queue.register_kind(kind, work)
    job = ensure(log, kind)
    queue.do(claimed(job))
    assert done == [0, 1, 2, 3]
    assert now(job).status == JobStatus.CANCELLED


def test_a_job_that_waits_is_cancelled_at_once(log: Log, kind: str) -> None:
    job = ensure(log, kind)
    queue.cancel(log.pk, job.pk)
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


async def _fill(log: Log, events: int) -> list[Any]:
    async with Engine() as engine:
        await fill(engine, log, ["order-1"] * events)
        return await all_events(engine, log)


@pytest.mark.processes
def test_a_fold_survives_a_worker_that_is_killed(log: Log) -> None:
    events = asyncio.run(_fill(log, 9_000))
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
    events = asyncio.run(_fill(log, 3_500))
    environment = {**database_variables(), "SECRET_KEY": "of-the-server"}
    with (
        Server(environment, log=tmp_path / "log") as server,
        httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}) as client,
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


@pytest.fixture
def asker() -> str:
    """A person or token of the test's own."""
    return make_name("asker")


@pytest.fixture
def other_asker() -> str:
    return make_name("asker")


def queue_up(log: Log, kind: str, *, asker: str, number: int) -> list[Job]:
    return [ensure(log, kind, f"{asker}-{n}", asker=asker) for n in range(number)]


def served(kind: str, number: int) -> list[int]:
    """The next jobs, in the order in which one worker does them."""
    queue._kinds.setdefault(kind, lambda job, beat: None)
    jobs = []
    for _ in range(number):
        job = queue.claim([kind])
        assert job
        queue.do(job)
        jobs.append(job.pk)
    return jobs


def test_many_jobs_of_one_log_do_not_delay_another_logs(
    log: Log, other_log: Log, kind: str, asker: str, other_asker: str
) -> None:
    queue_up(log, kind, asker=asker, number=queue.MAX_ACTIVE_OF_ASKER)
    other = ensure(other_log, kind, asker=other_asker)
    assert other.pk in served(kind, 2)


def test_many_jobs_of_one_asker_do_not_delay_anothers_in_the_same_log(
    log: Log, kind: str, asker: str, other_asker: str
) -> None:
    queue_up(log, kind, asker=asker, number=queue.MAX_ACTIVE_OF_ASKER)
    one, other = ensure(log, kind, "a", asker=other_asker), ensure(log, kind, "b", asker=make_name("asker"))
    assert {one.pk, other.pk} <= set(served(kind, 3))


def test_jobs_of_one_asker_are_done_in_the_order_in_which_they_came(log: Log, kind: str, asker: str) -> None:
    jobs = queue_up(log, kind, asker=asker, number=5)
    assert served(kind, 5) == [job.pk for job in jobs]


def test_an_asker_has_only_so_many_jobs_and_others_are_not_refused(
    log: Log, other_log: Log, kind: str, asker: str, other_asker: str
) -> None:
    first, *_ = queue_up(log, kind, asker=asker, number=queue.MAX_ACTIVE_OF_ASKER)
    for each in (log, other_log):
        with pytest.raises(TooManyJobs, match="20 jobs of yours are waiting or running already"):
            ensure(each, kind, "one more", asker=asker)
    assert ensure(log, kind, f"{asker}-0", asker=asker).pk == first.pk, "who asks for the same waits for the same"
    ensure(log, kind, "another's", asker=other_asker)
    served(kind, 1)
    ensure(log, kind, "one more", asker=asker)


def test_a_log_has_only_so_many_jobs(log: Log, other_log: Log, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MAX_ACTIVE_OF_LOG", 3)
    for n in range(3):
        ensure(log, kind, str(n), asker=make_name("asker"))
    with pytest.raises(TooManyJobs, match="3 jobs of this log"):
        ensure(log, kind, "3", asker=make_name("asker"))
    ensure(other_log, kind, "3", asker=make_name("asker"))


@pytest.fixture
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock finds that a turn is over."""
    monkeypatch.setattr(queue, "_BEAT_SECONDS", 0.0)
    monkeypatch.setattr(queue, "_TURN_SECONDS", 0.0)


def thrice(job: Job, beat: Beat) -> None:
    for n in range(3):
        beat(n)


@pytest.mark.usefixtures("short_turns")
def test_a_long_job_makes_room_when_others_wait_and_its_turn_comes_again(log: Log, other_log: Log, kind: str) -> None:
    queue.register_kind(kind, thrice)
    long, other = ensure(log, kind), ensure(other_log, kind)
    assert served(kind, 1) == [long.pk]
    assert (now(long).status, now(long).turns, now(long).attempt) == (JobStatus.QUEUED, 1, 0)
    assert served(kind, 2) == [other.pk, long.pk], "the other makes room, too"
    assert now(long).turns + now(other).turns >= 2


@pytest.mark.usefixtures("short_turns")
def test_a_long_job_goes_on_while_only_its_askers_own_wait(log: Log, kind: str) -> None:
    queue.register_kind(kind, thrice)
    long, own = ensure(log, kind, "long"), ensure(log, kind, "own")
    assert served(kind, 2) == [long.pk, own.pk]
    assert (now(long).status, now(own).status) == (JobStatus.DONE, JobStatus.DONE)


def test_turns_grow_so_that_a_job_that_has_to_begin_anew_ends(log: Log, kind: str) -> None:
    job = ensure(log, kind)
    turns = []
    for n in range(10):
        job.turns = n
        turns.append(Beat(job)._turn_seconds)
    assert turns[:3] == [2, 4, 8]
    assert turns[-1] == turns[-2] == 64


@pytest.mark.usefixtures("short_turns")
def test_a_fold_that_made_room_goes_on_where_it_was(
    log: Log, other_log: Log, kind: str, monkeypatch: pytest.MonkeyPatch, asker: str
) -> None:
    monkeypatch.setattr(fold, "_CHUNK_EVENTS", 300)
    events = asyncio.run(_fill(log, 2_500))
    latest = registry.get("latest")
    with pytest.raises(TooFar) as too_far:
        run(state_at(log.pk, latest, "order-1"))
    job = run(fold.ensure_state(log.pk, latest, "order-1", at=NOW, too_far=too_far.value, asker=asker))
    queue.register_kind(kind, lambda job, beat: None)
    progress: list[int] = []
    while now(job).status != JobStatus.DONE:
        other = ensure(other_log, kind)
        taken = queue.claim([fold.FOLD_STATE])
        assert taken
        assert taken.pk == job.pk
        queue.do(taken)
        progress.append(now(job).progress)
        queue.cancel(other_log.pk, other.pk)
    assert progress[:-1] == [1_300, 1_600, 1_900, 2_200], "each turn goes on from where the one before was"
    assert run(state_at(log.pk, latest, "order-1")) == from_zero(latest, "order-1", events)


def revoke(token: str) -> None:
    Token.objects.filter(hash=hash_of(token)).update(revoked_at=timezone.now())


def expire(token: str) -> None:
    Token.objects.filter(hash=hash_of(token)).update(expires_at=timezone.now())


def asker_of(token: str) -> str:
    return TokenAccess(Token.objects.get(hash=hash_of(token)).pk).asker


@pytest.mark.parametrize("lose", [revoke, expire])
def test_a_job_ends_when_its_token_is_lost(
    log: Log, kind: str, token: str, lose: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_BEAT_SECONDS", 0.0)
    done: list[int] = []

    def work(job: Job, beat: Beat) -> None:
        for n in range(10):
            beat(n)
            done.append(n)
            if n == 3:
                lose(token)

    queue.register_kind(kind, work)
    job = ensure(log, kind, asker=asker_of(token))
    queue.do(claimed(job))
    assert done == [0, 1, 2, 3]
    assert (now(job).status, now(job).error) == (JobStatus.CANCELLED, queue.LOST_ACCESS)


def test_a_job_that_waits_is_not_begun_when_its_token_is_lost(log: Log, kind: str, token: str) -> None:
    job = ensure(log, kind, asker=asker_of(token))
    revoke(token)
    assert claim(job) is None
    assert (now(job).status, now(job).error) == (JobStatus.CANCELLED, queue.LOST_ACCESS)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_a_job_ends_when_its_person_no_longer_has_the_role(log: Log, kind: str, role: Role) -> None:
    member = make_member(log, role=Role.ADMIN)
    queue.register_kind(kind, lambda job, beat: None, role=role)
    job = ensure(log, kind, asker=member.asker)
    member.role = Role.VIEWER
    member.save()
    assert bool(claim(job)) is (role == Role.VIEWER)
    silence(job)
    member.delete()
    assert claim(job) is None
    assert now(job).status == JobStatus.CANCELLED
