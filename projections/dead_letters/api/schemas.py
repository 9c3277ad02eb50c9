"""The parameters and bodies of the API of dead letters."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from events.api.guard_schemas import QueryText
from events.api.names import Name, documented
from events.api.query_schemas import Limit, LogQuery, NameText
from events.api.schemas import EventOut
from projections.api.schemas import ExactState
from projections.dead_letters.deciding import MAX_STOP_AFTER

ID_PATTERN = (
    r"^([a-z0-9-]{1,63}:[0-9]{1,18}"
    r"|projection:[^:\u0000-\u001f\u007f-\u009f]{1,200}:[^\u0000-\u001f\u007f-\u009f]{0,600})$"
)
IdText = Annotated[
    str, documented("`<subscription>:<position>`, or of a parked key `projection:<name>:<key>`", pattern=ID_PATTERN)
]
State = Literal["open", "escalated", "retrying", "skipped", "done", "closed"]
MAX_IDS = 1_000
IN_PATHS = {"dead_letter": msgspec.json.schema(IdText)}


class DeadLettersQuery(LogQuery, forbid_unknown_fields=True, kw_only=True):
    """The dead letters and parked keys to list."""

    subscription: Annotated[NameText, Meta(description="Letters of this subscription")] | UnsetType = UNSET
    projection: Annotated[NameText, Meta(description="Parked keys of this projection")] | UnsetType = UNSET
    fault: Annotated[NameText, Meta(description="Of this fault")] | UnsetType = UNSET
    state: (
        Annotated[State, Meta(description="In this state; by default `open`, `escalated` or `retrying`")] | UnsetType
    ) = UNSET
    q: QueryText = ""
    after: Annotated[str, Meta(description="After this id", pattern=ID_PATTERN)] | UnsetType = UNSET
    limit: Limit = 100


class LetterErrorOut(Struct):
    """The error of a last attempt. The message has no numbers, and is empty if the event was redacted."""

    type: str
    message: str
    frame: Annotated[str, documented("The first own frame of the traceback")]


class LetterEventOut(Struct):
    """The names of a letter's event."""

    type: str
    stream: str
    correlation_id: str | None
    redacted: bool


class DeadLetterOut(Struct):
    """A dead letter, or a parked key of a projection: that has no subscription, and nobody counts its attempts."""

    id: IdText
    subscription: str | None
    projection: Annotated[
        str, documented("It shows the state that the consumer saw; of a parked key, the one whose reducer raised")
    ]
    position: int
    key: str | None
    state: State
    holds: Annotated[bool, documented("Whether later events of its key wait")]
    waiting: Annotated[int | None, documented("How many of them have come")]
    attempts: int | None
    max_attempts: int | None
    deaths: Annotated[int | None, documented("How often its attempts were used up")]
    died_at: datetime
    fault: Annotated[str, documented("The same for letters with the same error, message without numbers, and frame")]
    error: LetterErrorOut
    event: LetterEventOut
    assigned_to: Annotated[str | None, documented("To whom it was escalated")]
    note: str | None
    decided_by: str | None
    decided_at: datetime | None


class DeadLettersOut(Struct):
    """Dead letters, those of the last events first, and then parked keys. If `next` is not null, go on after it."""

    dead_letters: list[DeadLetterOut]
    next: IdText | None


class LetterAttemptOut(Struct):
    """A failed attempt. `message` and `traceback` are null if the event was redacted."""

    attempt: int
    outcome: Annotated[str, documented("`failed`, `poison` or `expired`")]
    consumer: str
    agent: str | None
    taken_at: datetime
    ended_at: datetime
    head: Annotated[int, documented("The last position that the consumer could see")]
    error: Annotated[str, documented("The type of the error")]
    message: str | None
    traceback: str | None


class StateBeforeOut(Struct):
    """The state before the event, which its consumer saw. If it is null, `job` makes it, or `failure` says why."""

    projection: str
    kind: Annotated[str, documented("The events that were folded: those of a `stream`, `workflow` or `agent`")]
    name: str
    place: Annotated[int, documented("The step before the event; 0: it is the first one")]
    url: Annotated[str, documented("The page of this step in the replay debugger")]
    state: ExactState
    job: int | None
    failure: str | None


class DeadLetterDetailOut(Struct):
    """A dead letter with its attempts, its event, and the state before it; these two need the scope `read`."""

    dead_letter: DeadLetterOut
    attempts: list[LetterAttemptOut]
    event: EventOut | None
    state_before: StateBeforeOut | None


class WhereIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """All letters that wait for a decision and have this in common; with `projection`, its parked keys.

    It has at least one of these members, or `all` alone.
    """

    subscription: Name | UnsetType = UNSET
    projection: Name | UnsetType = UNSET
    fault: Name | UnsetType = UNSET
    state: Literal["open", "escalated"] | UnsetType = UNSET
    q: QueryText = ""
    all: Annotated[bool, documented("Every letter of the token's subscriptions")] = False


class DecideIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """A decision about the letters with some ids, or about all that fit `where`: exactly one of these."""

    decision: Annotated[
        Literal["retry", "skip", "escalate"],
        documented(
            "`retry`: one more attempt. `skip`: the event is left out. `escalate`: somebody has to look at it. Only the"
            " first two free a key"
        ),
    ]
    ids: Annotated[list[IdText], documented("Of letters or parked keys", minItems=1, maxItems=MAX_IDS)] | UnsetType = (
        UNSET
    )
    where: WhereIn | UnsetType = UNSET
    canary: Annotated[bool, documented("Retry one first, and the others when it was acknowledged")] = False
    stop_after: Annotated[
        int | UnsetType,
        documented("Retry no more when so many have failed again", minimum=1, maximum=MAX_STOP_AFTER),
    ] = UNSET
    to: Annotated[Name | UnsetType, documented("The agent or person to whom they are escalated")] = UNSET
    note: Annotated[str | UnsetType, documented("Why", minLength=1, maxLength=1_000)] = UNSET


class DecidedOut(Struct):
    """The result of a decision about one letter, and the state that it has now."""

    id: IdText
    result: Annotated[
        Literal["decided", "unchanged", "no-such-letter"],
        documented("`unchanged`: there was nothing to decide, as its state says"),
    ]
    state: State | None


class DecisionsOut(Struct):
    """The results of a decision."""

    results: list[DecidedOut]


STRUCTS = (DeadLettersOut, DeadLetterDetailOut, DecideIn, DecisionsOut)
