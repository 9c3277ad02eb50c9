"""The bodies of the API that rewinds, pauses and resumes subscriptions."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Struct, UnsetType

from events.api.names import Name, documented
from events.api.query_schemas import Position

_After = Annotated[Position, documented("Back: what comes after it is delivered again. Forward: it is skipped")]
_From = Annotated[
    str, documented("It goes on with the first event recorded then or later: RFC 3339 with a zone", format="date-time")
]
DryRun = Annotated[bool, documented("Count only, and change nothing")]


class RewindIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """A place in the log, a position or a time: the subscription goes on after it."""

    position: _After | UnsetType = UNSET
    time: _From | UnsetType = UNSET
    dry_run: DryRun = False


class RewindOut(Struct):
    """The effect of a rewind, or with `dry_run` the effect that it would have."""

    subscription: str
    dry_run: bool
    from_position: Annotated[int, documented("The subscription had read up to here")]
    position: Annotated[int, documented("It goes on after it")]
    generation: Annotated[int | None, documented("The new one; null for a dry run")]
    delivered_again: Annotated[int, documented("Events that fit between the two positions, if it goes back")]
    settled_before: Annotated[int, documented("How many of these were settled")]
    skipped: Annotated[int, documented("Events that are never delivered, if it goes forward")]
    void_deliveries: Annotated[int, documented("In flight: a settlement of one is answered `expired`")]
    closed_letters: Annotated[int, documented("Dead letters that are closed")]
    counted_to: Annotated[int, documented("Events were counted up to here: counting stops after some seconds")]


class PauseSubscriptionIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """The reason why a subscription is paused or resumed, if there is one."""

    reason: Annotated[Name | UnsetType, documented("It is shown, and kept in the event")] = UNSET
    dry_run: DryRun = False


class PauseSubscriptionOut(Struct):
    """A subscription that is paused, or is not. Not `changed`: it was so already. A dry run says what would be."""

    subscription: str
    dry_run: bool
    changed: bool
    paused: bool
    in_flight: Annotated[int, documented("Deliveries that may still be settled")]
    unsettled: Annotated[int, documented("Events that were read and are not settled")]
    behind: Annotated[int, documented("Positions that were not read")]


STRUCTS = (RewindIn, RewindOut, PauseSubscriptionIn, PauseSubscriptionOut)
