"""Decisions about dead letters and parked keys: a few at once, many by a job."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from typing import Any, Self

from events.appending.checks import check_count
from events.errors import Invalid
from events.reading.db_work import DbWork
from events.subscriptions.letters import deciding as letters
from events.subscriptions.letters.deciding import Decision, Result
from events.subscriptions.letters.letter import RETRYING, LetterId, LetterState
from projections.dead_letters.parked import ParkedId, unpark
from projections.dead_letters.target import Target, UndoneId
from projections.jobs import queue
from projections.models import Job

FEW = 20
"""Most letters about which a request decides by itself."""
MAX_STOP_AFTER = 1_000
DECIDE = "dead-letters"


@dataclass(frozen=True, slots=True)
class Decided:
    """The result of a decision about one letter or parked key, and the state that it has now."""

    id: UndoneId
    result: Result
    state: LetterState | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A decision, and what it is about. With `canary`, one letter is retried first, and the others if it was done.

    With `stop_after`, no more letters are retried when so many have failed again.
    """

    target: Target
    decision: Decision
    canary: bool = False
    stop_after: int | None = None

    def checked(self) -> Self:
        """Return the order if it is valid.

        Raises:
            Invalid: a field is not, or the fields don't go together.
            InvalidQuery, NotForEvents: the query can't be read, or asks about a state.
        """
        self.decision.checked()
        target = self.target
        if target.where is not None:
            target.where.checked()
        if self.canary and self.decision.act != "retry":
            raise Invalid("canary goes with the decision retry only.", field="canary")
        if self.stop_after is not None:
            check_count(self.stop_after, "stop_after", minimum=1, maximum=MAX_STOP_AFTER)
            if self.decision.act != "retry":
                raise Invalid("stop_after goes with the decision retry only.", field="stop_after")
        has_parked = any(isinstance(id, ParkedId) for id in target.ids or ()) or bool(
            target.where and target.where.projection
        )
        if self.decision.act == "escalate" and has_parked:
            raise Invalid("A parked key can be retried or skipped; it can't be escalated.", field="decision")
        return self

    def to_json(self) -> dict[str, Any]:
        """Return it as arguments of a job."""
        watch = {"canary": self.canary, "stop_after": self.stop_after}
        return {**self.target.to_json(), **asdict(self.decision), **watch}

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> Self:
        decision = Decision(value["act"], value["by"], value["to"], value["note"])
        # The orders of an earlier version have no `stop_after`.
        return cls(Target.of_json(value), decision, value["canary"], value.get("stop_after"))

    @property
    def waits_for_consumers(self) -> bool:
        """Whether it goes on only when letters that it retried are settled, which may be never."""
        return self.canary or self.stop_after is not None

    @property
    def few(self) -> int:
        """Most letters about which a request decides by itself."""
        return 1 if self.canary else min(FEW, self.stop_after or FEW)


def carry_out(log_id: int, order: Order, *, asker: str) -> DbWork[Sequence[Decided] | Job]:
    """Decide about a few letters at once; return the job that decides about many, or that waits for letters.

    Raises:
        TooManyJobs: there are too many jobs for a new one.
    """
    now = datetime.now(UTC)
    counts = yield from order.target.counts(log_id, until=now)
    if counts.letters > order.few:
        return (yield from ensure_job(log_id, order, asker=asker))
    ids, _ = yield from order.target.batch(log_id, after=None, limit=FEW, until=now)
    return (yield from decide(log_id, ids, order))


def ensure_job(log_id: int, order: Order, *, asker: str) -> DbWork[Job]:
    """Return the job that carries out an order: the same for the same order, until it has ended."""
    arguments = order.to_json()
    key = sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()
    return (
        yield from queue.ensure_job(
            log_id, DECIDE, key, arguments=arguments, asker=asker, can_wait=order.waits_for_consumers
        )
    )


def decide(log_id: int, ids: Sequence[UndoneId], order: Order) -> DbWork[list[Decided]]:
    """Decide about some letters and parked keys; return the results in the order of the ids."""
    prefix = order.target.stream_prefix
    results: dict[UndoneId, Decided] = {}
    letter_ids = [id for id in ids if isinstance(id, LetterId)]
    for each in (yield from letters.decide(log_id, letter_ids, order.decision, stream_prefix=prefix)):
        results[each.id] = Decided(each.id, each.result, each.state)
    parked_ids = sorted((id for id in ids if isinstance(id, ParkedId)), key=attrgetter("projection"))
    for projection, group in groupby(parked_ids, attrgetter("projection")):
        keys = {id.key for id in group}
        skips = order.decision.act == "skip"
        changes: list[tuple[str, bool]] = yield unpark(log_id, projection, keys, skip=skips, stream_prefix=prefix or "")
        for key, is_decided in changes:
            id = ParkedId(projection, key)
            results[id] = Decided(id, "decided" if is_decided else "unchanged", RETRYING)
    return [results.get(id) or Decided(id, "no-such-letter") for id in dict.fromkeys(ids)]
