"""The job that decides about many dead letters or parked keys, in the order of their events.

It makes letters ready, and no more: consumers take them within the limits of their subscription. What it has done is
noted in the transaction that does it, so that another worker goes on where one was killed. A server event records its
beginning, and another its end.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict
from uuid import uuid4

from django.db import transaction

from events.models import ServerEvent
from events.reading.db_work import run
from events.subscriptions.letters import reads
from events.subscriptions.letters.letter import DECIDABLE, DONE, OPEN, RETRYING, LetterId
from projections.dead_letters.deciding import Order, decide
from projections.dead_letters.parked import parked_key
from projections.dead_letters.target import UndoneId, parse_id
from projections.jobs.queue import Beat, Later
from projections.models import Job

_BATCH_LETTERS = 100
_PAUSE_SECONDS = 1.0
"""The time between two looks at letters that were retried."""


_FACTS = ("decided", "unchanged", "canary", "canary_state", "acknowledged", "failed_again")
"""The parts of a job's outcome that the record of its end has."""


class Outcome(TypedDict):
    """The `result` of a job: the work that it has done so far.

    `mark` is random and in the ids of the job's events: another installation may restore the log and number its own
    jobs from 1. A job that an earlier version began has none. `canary` is the id of the letter that was retried first;
    `canary_state` is `retrying`, `done`, or the state that stopped the job. `after` is the id of the last letter that
    was decided about. A job that stops when letters fail again has counts of what became of those that it retried, and
    the ids of those that are not settled yet.
    """

    mark: NotRequired[str]
    letters: int
    keys: int
    decided: int
    unchanged: int
    canary: str | None
    canary_state: str | None
    after: str | None
    acknowledged: NotRequired[int]
    failed_again: NotRequired[int]
    unsettled: NotRequired[list[str]]


def decide_many(job: Job, beat: Beat) -> Outcome:
    """Carry out the order of a job."""
    order = Order.of_json(job.arguments)
    outcome: Outcome = job.result or _begin(job, order, beat)
    if order.canary and not _is_canary_done(job, order, beat, outcome):
        return outcome
    while limit := _BATCH_LETTERS if order.stop_after is None else _room(job, order.stop_after, beat, outcome):
        if not _next_batch(job, order, beat, outcome, limit=limit):
            break
        beat(outcome["decided"] + outcome["unchanged"], outcome["letters"])
    return outcome


def _begin(job: Job, order: Order, beat: Beat) -> Outcome:
    """Count the letters, and record the beginning."""
    counts = run(order.target.counts(job.log_id, until=job.created_at))
    outcome: Outcome = {
        "mark": uuid4().hex,
        "letters": counts.letters,
        "keys": counts.keys,
        "decided": 0,
        "unchanged": 0,
        "canary": None,
        "canary_state": None,
        "after": None,
    }
    if order.stop_after is not None:
        outcome |= {"acknowledged": 0, "failed_again": 0, "unsettled": []}
    with transaction.atomic():
        beat.note(outcome, 0, counts.letters)
        _record(job, outcome, "began", {"letters": counts.letters, "keys": counts.keys})
    return outcome


def _next_batch(job: Job, order: Order, beat: Beat, outcome: Outcome, *, limit: int) -> bool:
    """Decide about the next letters; return whether there may be more."""
    after = parse_id(outcome["after"]) if outcome["after"] else None
    ids, next_after = run(order.target.batch(job.log_id, after=after, limit=limit, until=job.created_at))
    with transaction.atomic():
        for each in run(decide(job.log_id, ids, order)):
            outcome["decided" if each.result == "decided" else "unchanged"] += 1
            if each.result == "decided" and order.stop_after is not None:
                outcome["unsettled"].append(str(each.id))
        if ids or next_after:
            outcome["after"] = str(next_after or ids[-1])
        beat.note(outcome, outcome["decided"] + outcome["unchanged"], outcome["letters"])
    return next_after is not None


def _is_canary_done(job: Job, order: Order, beat: Beat, outcome: Outcome) -> bool:
    """Whether the letter that was retried first is done; False stops the job.

    Raises:
        Later: it is not settled yet. Perhaps its subscription is paused, or no consumer is there.
    """
    is_more = True
    while is_more and outcome["decided"] == 0:
        is_more = _next_batch(job, order, beat, outcome, limit=1)
    canary = outcome["canary"] or outcome["after"]
    if canary is None or outcome["decided"] == 0:
        return True
    outcome["canary"], outcome["canary_state"] = canary, _state(job.log_id, parse_id(canary))
    beat.note(outcome, outcome["decided"] + outcome["unchanged"], outcome["letters"])
    if outcome["canary_state"] == RETRYING:
        raise Later(_PAUSE_SECONDS)
    return outcome["canary_state"] == DONE


def _room(job: Job, stop_after: int, beat: Beat, outcome: Outcome) -> int:
    """Return how many more letters may be retried now; 0 if too many failed again, or if all were retried.

    As many may be unsettled at a time as were acknowledged so far, or as it takes to stop: so if all fail, few do.

    Raises:
        Later: as many are unsettled.
    """
    states = {id: _state(job.log_id, parse_id(id)) for id in outcome["unsettled"]}
    outcome["acknowledged"] += sum(state == DONE for state in states.values())
    outcome["failed_again"] += sum(state in DECIDABLE for state in states.values())
    outcome["unsettled"] = [id for id, state in states.items() if state == RETRYING]
    progress = outcome["decided"] + outcome["unchanged"]
    beat.note(outcome, progress, outcome["letters"])
    if outcome["failed_again"] >= stop_after or progress >= outcome["letters"]:
        return 0
    room = min(max(stop_after, outcome["acknowledged"]), _BATCH_LETTERS) - len(outcome["unsettled"])
    if room <= 0:
        raise Later(_PAUSE_SECONDS)
    return room


def _state(log_id: int, id: UndoneId) -> str:
    """Return the state of a letter or of a parked key that was retried."""
    if isinstance(id, LetterId):
        letter = reads.letter(log_id, id).first()
        return letter.state if letter else "deleted"
    key = parked_key(log_id, id).first()
    return DONE if key is None else RETRYING if key.is_retried else OPEN


def record_end(job: Job) -> None:
    """Record the end of a job that had begun, whatever ended it."""
    if job.result is not None:
        facts = {name: job.result[name] for name in _FACTS if name in job.result}
        _record(job, job.result, "ended", {"status": job.status, **facts})


def _record(job: Job, outcome: Outcome, act: str, facts: dict[str, Any]) -> None:
    """Leave a server event to the announcer."""
    work = f"{job.id}-{outcome['mark']}" if "mark" in outcome else f"{job.id}"
    arguments = {name: value for name, value in job.arguments.items() if name not in ("act", "by") and value}
    ServerEvent.objects.create(
        log_id=job.log_id,
        id=f"dead-letters-job-{work}-{act}",
        subject="dead-letters",
        type=f"dead-letters.{act}",
        facts={"job": job.id, **facts, "decision": job.arguments["act"], "order": arguments},
        by=job.arguments["by"],
    )
