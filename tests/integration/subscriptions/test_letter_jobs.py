"""Many letters are decided about by a job: counted, in order, recorded, and with a canary one first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.db.models import F
from django.db.models.functions import Now

from events.errors import Invalid
from events.models import Breaker, BreakerState, Subscription
from events.reading.db_work import run_async
from events.subscriptions.letters.deciding import Act, Decision
from events.subscriptions.letters.letter import LetterId
from projections.dead_letters import deciding, job
from projections.dead_letters.deciding import Order, carry_out, ensure_job
from projections.dead_letters.target import Target, Where
from projections.errors import TooManyJobs
from projections.jobs import queue
from projections.models import Job, JobStatus
from tests.support.letters import Work
from tests.support.subscriptions import FAILURE

ALL = Target(where=Where())
BATCH_LETTERS = 3


@pytest.fixture(autouse=True)
def _small_batches(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    Job.objects.filter(kind=deciding.DECIDE).delete()
    monkeypatch.setattr(job, "_BATCH_LETTERS", BATCH_LETTERS)
    monkeypatch.setattr(deciding, "FEW", 2)


def order(
    act: Act = "retry", target: Target = ALL, *, canary: bool = False, stop_after: int | None = None, **fields: Any
) -> Order:
    return Order(target, Decision(act, "ada", **fields), canary, stop_after).checked()


async def begin(work: Work, order: Order) -> Job:
    return await run_async(ensure_job(work.log.pk, order, asker=work.log.name), work.engine.pool)


@sync_to_async
def go_on(job: Job) -> Job:
    """Let a worker take the job up, as if its pause were over."""
    Job.objects.filter(pk=job.pk).update(due_at=None)
    while claimed := queue.claim([deciding.DECIDE]):
        if claimed.pk == job.pk:
            queue.do(claimed)
            break
    return Job.objects.get(pk=job.pk)


def result_of(job: Job) -> dict[str, Any]:
    result: dict[str, Any] = job.result or {}
    return result


async def letters(work: Work, count: int, **fields: Any) -> None:
    """Dead letters of so many streams, at the positions from 1 on."""
    await work.subscribe(**fields)
    await work.placed(*[f"a-{n}" for n in range(count)])
    await work.bury()


async def test_few_letters_are_decided_at_once_and_many_by_a_job(work: Work) -> None:
    await letters(work, 5)
    few = Target.of_ids([LetterId("work", 2), LetterId("work", 1)])
    results = await run_async(carry_out(work.log.pk, order(target=few), asker="a"), work.engine.pool)
    assert not isinstance(results, Job)
    assert [(str(each.id), each.result) for each in results] == [("work:1", "decided"), ("work:2", "decided")]
    many = await run_async(carry_out(work.log.pk, order("skip"), asker="a"), work.engine.pool)
    assert isinstance(many, Job)
    again = await run_async(carry_out(work.log.pk, order("skip"), asker="a"), work.engine.pool)
    assert isinstance(again, Job)
    assert again.pk == many.pk
    done = await go_on(many)
    assert (done.status, result_of(done)["letters"], result_of(done)["keys"], result_of(done)["decided"]) == (
        "done",
        3,
        3,
        3,
    )


async def test_a_job_makes_the_letters_ready_in_the_order_of_their_events(work: Work) -> None:
    await letters(work, 7)
    done = await go_on(await begin(work, order()))
    assert (done.status, done.progress, done.total) == (JobStatus.DONE, 7, 7)
    taken = [(await work.take())[0].event.position for _ in range(7)]
    assert taken == [1, 2, 3, 4, 5, 6, 7]
    events = [orjson.loads(event.data) for event in await work.events("dead-letter.retried")]
    assert sorted(event["positions"] for event in events) == [[1, 2, 3], [4, 5, 6], [7]]


async def test_a_job_leaves_letters_alone_that_died_after_it_was_ordered(work: Work) -> None:
    await letters(work, 3)
    job = await begin(work, order("skip"))
    await work.placed("b-1")
    await work.bury()
    done = await go_on(job)
    assert (result_of(done)["letters"], result_of(done)["decided"]) == (3, 3)
    assert (await work.letter(4)).state == "open"


async def test_the_beginning_and_the_end_of_a_job_are_events_of_the_server(work: Work) -> None:
    await letters(work, 4)
    job = await begin(work, order("escalate", Target(where=Where(subscription="work")), to="bo", note="see"))
    await go_on(job)
    [began] = await work.events("dead-letters.began")
    [ended] = await work.events("dead-letters.ended")
    assert (began.stream, began.agent, ended.agent) == ("eventsite-dead-letters", "ada", "ada")
    facts = orjson.loads(began.data)
    assert (facts["job"], facts["decision"], facts["letters"], facts["keys"]) == (job.id, "escalate", 4, 4)
    assert (facts["order"]["where"]["subscription"], facts["order"]["to"], facts["order"]["note"]) == (
        "work",
        "bo",
        "see",
    )
    facts = orjson.loads(ended.data)
    assert (facts["status"], facts["decided"], facts["unchanged"]) == ("done", 4, 0)


async def test_a_job_with_the_number_of_one_in_an_earlier_installation_has_events_of_its_own(work: Work) -> None:
    await letters(work, 4)
    earlier = await go_on(await begin(work, order("escalate", to="bo")))
    await work.events("dead-letters.began")
    await Job.objects.filter(pk=earlier.pk).adelete()
    later = await begin(work, order("skip"))
    await Job.objects.filter(pk=later.pk).aupdate(id=earlier.id)
    await go_on(await Job.objects.aget(log=work.log, id=earlier.id))
    for type in ("dead-letters.began", "dead-letters.ended"):
        facts = [orjson.loads(event.data) for event in await work.events(type)]
        assert [each["job"] for each in facts] == [earlier.id] * 2
        assert sorted(each["decision"] for each in facts) == ["escalate", "skip"]


async def test_the_end_of_a_job_that_an_earlier_version_began_is_recorded(work: Work) -> None:
    await letters(work, 2)
    job = await go_on(await begin(work, order(canary=True)))
    result = {name: value for name, value in result_of(job).items() if name != "mark"}
    await Job.objects.filter(pk=job.pk).aupdate(result=result)
    await sync_to_async(queue.cancel)(work.log.pk, job.id)
    [ended] = await work.events("dead-letters.ended")
    assert orjson.loads(ended.data)["job"] == job.id


async def test_a_cancelled_job_ends_between_two_batches_and_says_so(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_BEAT_SECONDS", 0.0)
    await letters(work, 7)
    job = await begin(work, order("skip"))
    claimed = await sync_to_async(queue.claim)([deciding.DECIDE])
    assert claimed
    await sync_to_async(queue.cancel)(work.log.pk, job.id)
    await sync_to_async(queue.do)(claimed)
    states = [(await work.letter(position)).state for position in range(1, 8)]
    assert states == ["skipped"] * BATCH_LETTERS + ["open"] * 4
    [ended] = await work.events("dead-letters.ended")
    assert orjson.loads(ended.data)["status"] == "cancelled"


async def test_a_canary_is_retried_alone_and_the_others_follow_when_it_is_done(work: Work) -> None:
    await letters(work, 5)
    job = await go_on(await begin(work, order(canary=True)))
    assert (job.status, result_of(job)["canary"], result_of(job)["canary_state"]) == ("queued", "work:1", "retrying")
    assert job.due_at is not None
    assert job.attempt == 0
    [canary] = await work.take()
    assert canary.event.position == 1
    assert await work.taken(wait=0) == []
    assert (await go_on(job)).status == JobStatus.QUEUED
    await work.settle("ack", canary)
    done = await go_on(job)
    assert (done.status, result_of(done)["canary_state"], result_of(done)["decided"]) == ("done", "done", 5)
    assert (await work.letter(5)).state == "retrying"


async def test_a_canary_that_fails_again_stops_the_job(work: Work) -> None:
    await letters(work, 5)
    job = await go_on(await begin(work, order(canary=True)))
    await work.settle("fail", *await work.take(), failure=FAILURE)
    done = await go_on(job)
    assert (done.status, result_of(done)["canary_state"], result_of(done)["decided"]) == ("done", "open", 1)
    assert [(await work.letter(position)).state for position in (1, 2)] == ["open", "open"]
    [ended] = await work.events("dead-letters.ended")
    assert orjson.loads(ended.data)["canary_state"] == "open"


async def test_a_job_stops_when_so_many_letters_failed_again(work: Work) -> None:
    await letters(work, 9)
    job = await go_on(await begin(work, order(canary=True, stop_after=2)))
    await work.settle("ack", *await work.take())
    job = await go_on(job)
    assert (job.status, result_of(job)["acknowledged"], result_of(job)["decided"]) == ("queued", 1, 3)
    assert (await go_on(job)).status == "queued"  # as many are unsettled as it takes to stop
    await work.settle("fail", *await work.take(), failure=FAILURE)
    await work.settle("ack", *await work.take())
    job = await go_on(job)
    assert (job.status, result_of(job)["failed_again"], result_of(job)["decided"]) == ("queued", 1, 5)
    for _ in range(2):
        await work.settle("ack", *await work.take())
    job = await go_on(job)
    assert (result_of(job)["acknowledged"], result_of(job)["decided"]) == (4, 8)  # as many at a time as fit in a batch
    for _ in range(2):
        await work.settle("fail", *await work.take(), failure=FAILURE)
    done = await go_on(job)
    assert (done.status, result_of(done)["failed_again"], result_of(done)["decided"]) == ("done", 3, 8)
    assert (await work.letter(9)).deaths == 1
    [ended] = await work.events("dead-letters.ended")
    facts = orjson.loads(ended.data)
    assert (facts["acknowledged"], facts["failed_again"], facts["order"]["stop_after"]) == (4, 3, 2)


async def test_a_job_that_may_stop_ends_when_all_letters_were_retried(work: Work) -> None:
    await letters(work, 2)
    assert order(stop_after=2).few == 2
    job = await go_on(await begin(work, order(stop_after=1)))
    assert (job.status, result_of(job)["decided"]) == ("queued", 1)
    await work.settle("ack", *await work.take())
    done = await go_on(job)
    assert (done.status, result_of(done)["decided"], result_of(done)["failed_again"]) == ("done", 2, 0)


@pytest.mark.parametrize(("act", "stop_after"), [("skip", 2), ("retry", 0), ("retry", 1_001)])
def test_only_a_retry_stops_after_one_to_a_thousand_failures(act: Act, stop_after: int) -> None:
    with pytest.raises(Invalid) as refused:
        order(act, stop_after=stop_after)
    assert refused.value.fields["field"] == "stop_after"


async def test_a_canary_waits_while_its_subscription_is_paused(work: Work) -> None:
    await letters(work, 2)
    await Subscription.objects.filter(log=work.log).aupdate(is_paused=True)
    job = await go_on(await begin(work, order(canary=True)))
    assert await work.taken(wait=0) == []
    assert result_of(await go_on(job))["canary_state"] == "retrying"
    assert (await work.letter(2)).state == "open"


async def test_a_job_that_waits_for_its_canary_leaves_the_worker_to_others_and_can_be_cancelled(work: Work) -> None:
    await letters(work, 2)
    job = await begin(work, order(canary=True))
    assert (await go_on(job)).due_at
    await Job.objects.filter(pk=job.pk).aupdate(due_at=Now() + timedelta(hours=1))
    assert await sync_to_async(queue.claim)([deciding.DECIDE]) is None
    await sync_to_async(queue.cancel)(work.log.pk, job.id)
    [ended] = await work.events("dead-letters.ended")
    assert orjson.loads(ended.data)["status"] == "cancelled"


async def test_however_many_canaries_wait_there_is_room_for_other_jobs(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MAX_ACTIVE_OF_ASKER", 2)
    await letters(work, 8)
    pairs = [Target.of_ids([LetterId("work", n), LetterId("work", n + 1)]) for n in (1, 3, 5)]
    await go_on(await begin(work, order(target=pairs[0], canary=True)))
    await begin(work, order(target=pairs[1], stop_after=1))
    with pytest.raises(TooManyJobs, match="2 jobs of yours that wait for consumers already"):
        await begin(work, order(target=pairs[2], canary=True))
    other = await go_on(await begin(work, order("skip", pairs[2])))
    assert (other.status, result_of(other)["decided"]) == ("done", 2)
    await begin(work, order("skip"))


async def test_a_killed_worker_leaves_one_canary_and_exact_counts(work: Work) -> None:
    await letters(work, 8)

    class Killed(BaseException):
        """The worker was killed."""

    @sync_to_async
    def kill(job_row: Job, at: str) -> None:
        """Take the job up, and die at a step of it: nothing is stored after that."""
        Job.objects.filter(pk=job_row.pk).update(due_at=None)
        claimed = queue.claim([deciding.DECIDE])
        assert claimed
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(job, at, _raise(Killed))
            with pytest.raises(Killed):
                queue.do(claimed)
        Job.objects.filter(pk=job_row.pk).update(heartbeat_at=F("heartbeat_at") - 2 * queue.LEASE)

    row = await begin(work, order(canary=True))
    await kill(row, "_state")
    await work.settle("ack", *await work.take())
    await kill(row, "decide")
    done = await go_on(row)
    assert (done.status, result_of(done)["decided"], result_of(done)["unchanged"]) == ("done", 8, 0)
    assert result_of(done)["canary"] == "work:1"
    assert len(await work.events("dead-letters.began")) == 1


def _raise(error: type[BaseException]) -> Any:
    def fail(*arguments: object, **fields: object) -> None:
        raise error

    return fail


async def test_a_canary_waits_for_an_open_breaker_and_is_its_one_trial(work: Work) -> None:
    breaker = {"failures": 2, "of": 2, "minimum": 2, "pause": 600}
    await work.subscribe(max_attempts=1, breaker=breaker)
    await work.placed(*[f"a-{n}" for n in range(4)])
    await work.settle("fail", *await work.take(limit=2), failure=FAILURE)
    job = await go_on(await begin(work, order(canary=True)))
    assert await work.taken(wait=0) == []
    assert result_of(await go_on(job))["canary_state"] == "retrying"
    await Breaker.objects.filter(log=work.log, state=BreakerState.OPEN).aupdate(until="2020-01-01T00:00:00Z")
    [canary] = await work.take()
    assert (canary.event.position, canary.attempt) == (1, 2)
    assert await work.taken(wait=0) == []
    await work.settle("ack", canary)
    assert (await go_on(job)).status == JobStatus.DONE
    assert await work.taken(limit=10) == [(2, 2)]
    assert await work.taken(limit=10) == [(3, 1), (4, 1)]
