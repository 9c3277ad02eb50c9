"""The values of dead letters: events that could not be done, their attempts, and their faults."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from events.query.tree import Query
from events.subscriptions.letters.asking import ANY_LETTER, LetterTerms

LetterState = Literal["open", "escalated", "retrying", "skipped", "done", "closed"]
OPEN: LetterState = "open"
ESCALATED: LetterState = "escalated"
RETRYING: LetterState = "retrying"
SKIPPED: LetterState = "skipped"
DONE: LetterState = "done"
CLOSED: LetterState = "closed"
DECIDABLE = (OPEN, ESCALATED)
"""The states in which somebody has to decide."""
UNDONE = (*DECIDABLE, RETRYING)
"""The states of letters whose event is not done yet."""
STATES = (*UNDONE, SKIPPED, DONE, CLOSED)

_ID = re.compile(r"([a-z0-9-]{1,63}):(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class LetterId:
    """The id of a dead letter; as a text `<subscription>:<position>`."""

    subscription: str
    position: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id.

        Raises:
            ValueError: the text is not the id of a dead letter.
        """
        parts = _ID.fullmatch(text)
        if parts is None:
            raise ValueError(text)
        return cls(parts[1], int(parts[2]))

    def __str__(self) -> str:
        return f"{self.subscription}:{self.position}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, with what is known of its event.

    `number`, `order_by`, `projection` and `max_attempts` are those of the subscription. With `holds`, `waiting` later
    events of its key wait. `plain_message` has no numbers. `consumer` made the last attempt.
    """

    subscription: str
    number: int
    position: int
    key: str | None
    holds: bool
    state: LetterState
    deaths: int
    attempts: int
    died_at: datetime
    fault: str
    error_type: str
    plain_message: str
    frame: str
    assigned_to: str | None
    note: str | None
    decided_by: str | None
    decided_at: datetime | None
    max_attempts: int
    order_by: str
    projection: str
    waiting: int
    consumer: str | None
    type: str
    stream: str
    correlation_id: str | None
    is_redacted: bool

    @property
    def id(self) -> LetterId:
        return LetterId(self.subscription, self.position)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A failed attempt of a letter's event. Its consumer could see the log up to `head`.

    `outcome` is `failed`, `poison` or `expired`. A redaction of the event empties message and traceback.
    """

    attempt: int
    outcome: str
    consumer: str
    agent: str | None
    taken_at: datetime
    ended_at: datetime
    head: int
    error_type: str
    message: str | None
    traceback: str | None
    frame: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Letters of one subscription with the same error, plain message and frame.

    `waiting` events wait for the `held` keys. `escalated` and `retrying` of the letters are in these states. `first`
    and `last` are the positions of their first and last event; the letters died from `first_at` to `last_at`.
    """

    subscription: str
    fault: str
    error_type: str
    plain_message: str
    frame: str
    letters: int
    keys: int
    held: int
    waiting: int
    escalated: int
    retrying: int
    first: int
    last: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Deaths:
    """The number of letters of a fault that died in one of the last 24 hours; in hour 0 since an hour ago."""

    subscription: str
    fault: str
    hours_ago: int
    letters: int


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection of dead letters: of subscriptions with a stream prefix (None: with any), and what else is in common.

    `terms` are about the letters; `query` is that of their events, or `positions` are those of their events. With
    `until`, they died by then.
    """

    stream_prefix: str | None = None
    subscription: str | None = None
    fault: str | None = None
    states: Sequence[LetterState] = UNDONE
    query: Query | None = None
    until: datetime | None = None
    terms: LetterTerms = ANY_LETTER
    positions: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of letters of a selection, and of their keys. A letter without a key counts as a key of its own."""

    letters: int
    keys: int
