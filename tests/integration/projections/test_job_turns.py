"""Turns of jobs: by log and by asker, and long jobs that make room."""

from __future__ import annotations

import asyncio

import pytest

from events.models import Log
from events.reading.db_work import run
from projections import registry
from projections.errors import TooManyJobs
from projections.jobs import fold, queue
from projections.jobs.queue import Beat
from projections.models import Job, JobStatus
from projections.states.at_moment import state_at
from projections.states.fold import TooFar
from projections.states.moment import NOW
from tests.support.factories import make_name
from tests.support.folds import from_zero
from tests.support.jobs import ensure, fill_stream, now

pytestmark = pytest.mark.usefixtures("no_other_jobs")


@pytest.fixture
def asker() -> str:
    """A person or token that no other test uses."""
    return make_name("asker")


@pytest.fixture
def other_asker() -> str:
    return make_name("asker")


def queue_up(log: Log, kind: str, *, asker: str, number: int) -> list[Job]:
    return [ensure(log, kind, f"{asker}-{n}", asker=asker) for n in range(number)]


def served(kind: str, number: int) -> list[int]:
    """Do the next jobs as one worker would; return their keys in that order."""
    queue._kinds.setdefault(kind, lambda job, beat: None)
    jobs = []
    for _ in range(number):
        job = queue.claim([kind])
        assert job
        queue.do(job)
        jobs.append(job.id)
    return jobs


def test_many_jobs_of_one_log_do_not_delay_another_logs(
    log: Log, other_log: Log, kind: str, asker: str, other_asker: str
) -> None:
    queue_up(log, kind, asker=asker, number=queue.MAX_ACTIVE_OF_ASKER)
    other = ensure(other_log, kind, asker=other_asker)
    assert other.id in served(kind, 2)


def test_many_jobs_of_one_asker_do_not_delay_anothers_in_the_same_log(
    log: Log, kind: str, asker: str, other_asker: str
) -> None:
    queue_up(log, kind, asker=asker, number=queue.MAX_ACTIVE_OF_ASKER)
    one, other = ensure(log, kind, "a", asker=other_asker), ensure(log, kind, "b", asker=make_name("asker"))
    assert {one.id, other.id} <= set(served(kind, 3))


def test_jobs_of_one_asker_are_done_in_the_order_in_which_they_came(log: Log, kind: str, asker: str) -> None:
    jobs = queue_up(log, kind, asker=asker, number=5)
    assert served(kind, 5) == [job.id for job in jobs]


def test_an_asker_has_only_so_many_jobs_and_others_are_not_refused(
    log: Log, other_log: Log, kind: str, asker: str, other_asker: str
) -> None:
    first, *_ = queue_up(log, kind, asker=asker, number=queue.MAX_ACTIVE_OF_ASKER)
    for each in (log, other_log):
        with pytest.raises(TooManyJobs, match="20 jobs of yours waiting or running already"):
            ensure(each, kind, "one more", asker=asker)
    assert ensure(log, kind, f"{asker}-0", asker=asker).id == first.id, "who asks for the same waits for the same"
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
    """Every look at the clock finds that a turn is over."""
    monkeypatch.setattr(queue, "_BEAT_SECONDS", 0.0)
    monkeypatch.setattr(queue, "_TURN_SECONDS", 0.0)


def thrice(job: Job, beat: Beat) -> None:
    for n in range(3):
        beat(n)


@pytest.mark.usefixtures("short_turns")
def test_a_long_job_makes_room_when_others_wait_and_its_turn_comes_again(log: Log, other_log: Log, kind: str) -> None:
    queue.register_kind(kind, thrice)
    long, other = ensure(log, kind), ensure(other_log, kind)
    assert served(kind, 1) == [long.id]
    assert (now(long).status, now(long).turns, now(long).attempt) == (JobStatus.QUEUED, 1, 0)
    assert served(kind, 2) == [other.id, long.id], "the other makes room, too"
    assert now(long).turns + now(other).turns >= 2


@pytest.mark.usefixtures("short_turns")
def test_a_long_job_goes_on_while_only_its_askers_own_wait(log: Log, kind: str) -> None:
    queue.register_kind(kind, thrice)
    long, own = ensure(log, kind, "long"), ensure(log, kind, "own")
    assert served(kind, 2) == [long.id, own.id]
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
    events = asyncio.run(fill_stream(log, 2_500))
    latest = registry.get("latest")
    with pytest.raises(TooFar) as too_far:
        run(state_at(log.pk, latest, "order-1"))
    job = run(fold.ensure_state(log.pk, latest, "order-1", at=NOW, too_far=too_far.value, asker=asker))
    queue.register_kind(kind, lambda job, beat: None)
    progress: list[int] = []
    while now(job).status != JobStatus.DONE:
        other = ensure(other_log, kind)
        claimed = queue.claim([fold.FOLD_STATE])
        assert claimed
        assert claimed.id == job.id
        queue.do(claimed)
        progress.append(now(job).progress)
        queue.cancel(other_log.pk, other.id)
    assert progress[:-1] == [1_300, 1_600, 1_900, 2_200], "each turn goes on from where the one before was"
    assert run(state_at(log.pk, latest, "order-1")) == from_zero(latest, "order-1", events)
