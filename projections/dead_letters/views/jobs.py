"""The jobs that decide about many letters: those at work, and those that lately stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import inf

from django.utils import timezone

from events.models import BreakerState, Subscription
from events.subscriptions.breakers import ALL, circuits
from events.subscriptions.letters.letter import DONE, RETRYING, Letter, LetterId
from projections.dead_letters.deciding import DECIDE
from projections.dead_letters.target import UndoneId, parse_id
from projections.jobs import queue
from projections.models import ACTIVE, Job, JobStatus

_MAX_JOBS = 50
"""The newest jobs of the log, among which those about letters are shown."""
_SHOWN_FOR = timedelta(minutes=10)
"""The time for which a job that stopped early is shown."""
_VERBS = {"retry": "Retrying", "skip": "Skipping", "escalate": "Escalating"}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """The reason why a canary does not come to its consumers: its subscription is paused, or the breaker of that.

    An open breaker lets one event through after `until`; a half-open one waits for the outcome of its `trial`.
    """

    is_paused: bool = False
    until: datetime | None = None
    trial: int | None = None


@dataclass(frozen=True, slots=True)
class LettersJob:
    """A job about letters or parked keys: those with `ids`, or all with a `fault`, `of` a subscription or projection.

    `canary` was retried first, and is in the state `canary_state`. While it is `retrying`, an `obstacle` may keep it
    from its consumers. `failed_again` letters failed again; at `stop_after` of them the job ends. `stopped` says why it
    ended early.
    """

    job: Job
    verb: str
    noun: str
    of: str
    fault: str
    by: str
    ids: Sequence[UndoneId]
    letters: int
    decided: int
    canary: UndoneId | None
    canary_state: str
    failed_again: int
    stop_after: int | None
    stopped: str
    obstacle: Obstacle | None = None

    @property
    def has_begun(self) -> bool:
        return self.job.result is not None

    @property
    def is_active(self) -> bool:
        return self.job.status in ACTIVE

    def is_about(self, letter: Letter) -> bool:
        """Whether the job is about a letter, or about others with its fault."""
        return letter.id in self.ids or (self.fault == letter.fault and self.of == letter.subscription)

    @property
    def is_waiting(self) -> bool:
        """Whether the job waits for its canary."""
        return self.canary_state == RETRYING


def letters_jobs(log_id: int) -> list[LettersJob]:
    """Return the jobs at work, and those that stopped early in the last minutes, newest first."""
    since = timezone.now() - _SHOWN_FOR
    jobs = [_shown(job) for job in queue.jobs_of_log(log_id, limit=_MAX_JOBS).fetch() if job.kind == DECIDE]
    rows = [each for each in jobs if each.is_active or (each.stopped and (each.job.ended_at or since) > since)]
    return [replace(each, obstacle=_obstacle(log_id, each.canary)) if each.is_waiting else each for each in rows]


def _obstacle(log_id: int, canary: UndoneId | None) -> Obstacle | None:
    """Return what keeps a canary from its consumers; None if nothing does, so far as is known."""
    if not isinstance(canary, LetterId):
        return None
    subscription = Subscription.objects.filter(log_id=log_id, name=canary.subscription).first()
    if subscription is None:
        return None
    circuit = circuits(log_id, subscription.id, ALL).first()
    until = circuit.until if circuit and circuit.state == BreakerState.OPEN else None
    trial = circuit.trial if circuit and circuit.state == BreakerState.HALF_OPEN else None
    obstacle = Obstacle(subscription.is_paused, until, trial if trial != canary.position else None)
    return obstacle if obstacle != Obstacle() else None


def _shown(job: Job) -> LettersJob:
    order, result = job.arguments, job.result or {}
    where = order["where"] or {}
    ids = [parse_id(text) for text in order["ids"] or ()]
    canary = parse_id(result["canary"]) if result.get("canary") else None
    return LettersJob(
        job,
        verb=_VERBS[order["act"]],
        noun="parked keys" if where.get("projection") else "letters",
        of=where.get("subscription") or where.get("projection") or next(map(_owner, ids), ""),
        fault=where.get("fault") or "",
        by=order["by"],
        ids=ids,
        letters=result.get("letters", len(ids)),
        decided=result.get("decided", 0),
        canary=canary,
        canary_state=result.get("canary_state") or "",
        failed_again=result.get("failed_again", 0),
        stop_after=order.get("stop_after"),
        stopped=_reason(job),
    )


def _owner(id: UndoneId) -> str:
    """Return the subscription of a letter, or the projection of a parked key."""
    return id.subscription if isinstance(id, LetterId) else id.projection


def _reason(job: Job) -> str:
    """Return why a job ended before it was through; empty if it did not."""
    if job.status == JobStatus.FAILED:
        return "it failed"
    if job.status == JobStatus.CANCELLED:
        return "it was cancelled"
    result = job.result or {}
    if job.status == JobStatus.DONE and result.get("canary_state") not in (None, DONE):
        return "its canary failed again"
    if job.status == JobStatus.DONE and result.get("failed_again", 0) >= (job.arguments.get("stop_after") or inf):
        return f"{result['failed_again']:,} failed again"
    return ""
