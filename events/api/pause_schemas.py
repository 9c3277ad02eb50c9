"""The bodies of the API that pauses and resumes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Struct

from events.api.names import Name, documented
from events.pauses.target import Kind

Reason = Annotated[Name, documented("The paused agent reads it in each refusal")]
PausePosition = Annotated[int, documented("The position of the event that paused it: the pause holds from there on")]


class ReasonIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """The reason why an agent is paused or resumed."""

    reason: Reason


class WorkflowReasonIn(ReasonIn, forbid_unknown_fields=True, kw_only=True):
    """A workflow, and the reason why it is paused or resumed."""

    id: Annotated[Name, documented("The workflow's correlation id")]


class PauseOut(Struct):
    """A pause that holds. `reason` is null if it was redacted."""

    kind: Kind
    name: str
    position: PausePosition
    by: str | None
    reason: str | None
    paused_at: datetime


class ResumeOut(Struct):
    """The end of a pause. Not `resumed`: it was not paused, and nothing was written."""

    kind: Kind
    name: str
    resumed: bool
    position: Annotated[int | None, documented("The position of the event that resumed it")]


class PausesOut(Struct):
    """All pauses that hold in the log, the last one first."""

    pauses: list[PauseOut]


STRUCTS = (ReasonIn, WorkflowReasonIn, PauseOut, ResumeOut, PausesOut)
