"""The answers of the API of dead letters."""

from __future__ import annotations

from collections.abc import Sequence

from events.api.responses import event_out
from events.subscriptions.letters.letter import Attempt, Letter
from events.types import Event
from projections.dead_letters.api.schemas import (
    DeadLetterDetailOut,
    DeadLetterOut,
    DecidedOut,
    LetterAttemptOut,
    LetterErrorOut,
    LetterEventOut,
    StateBeforeOut,
)
from projections.dead_letters.deciding import Decided
from projections.dead_letters.parked import Parked


def dead_letter_out(row: Letter | Parked) -> DeadLetterOut:
    """Return the body of a letter or of a parked key."""
    return _letter_out(row) if isinstance(row, Letter) else _parked_out(row)


def _letter_out(letter: Letter) -> DeadLetterOut:
    return DeadLetterOut(
        id=str(letter.id),
        subscription=letter.subscription,
        projection=letter.projection,
        position=letter.position,
        key=letter.key,
        state=letter.state,
        holds=letter.holds,
        waiting=letter.waiting,
        attempts=letter.attempts,
        max_attempts=letter.max_attempts,
        deaths=letter.deaths,
        died_at=letter.died_at,
        fault=letter.fault,
        error=LetterErrorOut(letter.error_type, letter.plain_message, letter.frame),
        event=LetterEventOut(letter.type, letter.stream, letter.correlation_id, letter.is_redacted),
        assigned_to=letter.assigned_to,
        note=letter.note,
        decided_by=letter.decided_by,
        decided_at=letter.decided_at,
    )


def _parked_out(parked: Parked) -> DeadLetterOut:
    return DeadLetterOut(
        id=str(parked.id),
        subscription=None,
        projection=parked.projection,
        position=parked.position,
        key=parked.key,
        state="retrying" if parked.is_retried else "open",
        holds=True,
        waiting=None,
        attempts=None,
        max_attempts=None,
        deaths=None,
        died_at=parked.since,
        fault=parked.fault,
        error=LetterErrorOut(parked.error_type, parked.message, parked.frame),
        event=LetterEventOut(parked.type, parked.stream, parked.correlation_id, redacted=False),
        assigned_to=None,
        note=None,
        decided_by=None,
        decided_at=None,
    )


def detail_out(
    row: Letter | Parked, attempts: Sequence[Attempt], event: Event | None, state: StateBeforeOut | None
) -> DeadLetterDetailOut:
    """Return the body of a letter with its attempts."""
    return DeadLetterDetailOut(
        dead_letter_out(row),
        [_attempt_out(attempt) for attempt in attempts],
        None if event is None else event_out(event),
        state,
    )


def _attempt_out(attempt: Attempt) -> LetterAttemptOut:
    return LetterAttemptOut(
        attempt=attempt.attempt,
        outcome=attempt.outcome,
        consumer=attempt.consumer,
        agent=attempt.agent,
        taken_at=attempt.taken_at,
        ended_at=attempt.ended_at,
        head=attempt.head,
        error=attempt.error_type,
        message=attempt.message,
        traceback=attempt.traceback,
    )


def decided_out(decided: Decided) -> DecidedOut:
    """Return the body of the result of a decision."""
    return DecidedOut(str(decided.id), decided.result, decided.state)
