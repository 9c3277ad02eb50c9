"""Decisions about dead letters: retry, skip or escalate. The database decides, under the lock of the subscription."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from events.appending.checks import check_name
from events.errors import Invalid
from events.reading.db_work import DbWork
from events.reading.statement import Statement
from events.sql import dead_letters as sql
from events.subscriptions.letters.letter import LetterId, LetterState

Act = Literal["retry", "skip", "escalate"]
Result = Literal["decided", "unchanged", "no-such-letter"]
_MAX_NOTE_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision, and who takes it. `to` is the agent or person to whom letters are escalated."""

    act: Act
    by: str
    to: str | None = None
    note: str | None = None

    def checked(self) -> Decision:
        """Return the decision if its fields are valid.

        Raises:
            Invalid: a field is not.
        """
        check_name(self.by, "by")
        if self.act == "escalate" and self.to is None:
            raise Invalid("to must name the agent or person to whom the letters are escalated.", field="to")
        if self.act != "escalate" and self.to is not None:
            raise Invalid("to goes with the decision escalate only.", field="to")
        if self.to is not None:
            check_name(self.to, "to")
        if self.note is not None:
            check_name(self.note, "note", limit=_MAX_NOTE_CHARACTERS)
        return self


@dataclass(frozen=True, slots=True)
class Decided:
    """The result of a decision about one letter, and the state that the letter has now.

    It is `unchanged` if there was nothing to decide: it is being retried, is done, or was decided so before.
    """

    id: LetterId
    result: Result
    state: LetterState | None = None


def decide(
    log_id: int, ids: Iterable[LetterId], decision: Decision, *, stream_prefix: str | None = None
) -> DbWork[list[Decided]]:
    """Decide about some letters; return the results in the order of the ids.

    They are of subscriptions with a stream prefix (None: with any). It may be one transaction: subscriptions come in
    the order of their numbers, as they do where an append settles deliveries of several. So nobody waits in a circle.
    """
    ids = list(dict.fromkeys(ids))
    positions: dict[str, list[int]] = {}
    for id in ids:
        positions.setdefault(id.subscription, []).append(id.position)
    results: dict[LetterId, Decided] = {}
    names: list[str] = yield Statement(sql.IN_ORDER, {"log_id": log_id, "subscriptions": list(positions)}, str)
    for name in names:
        params = {
            "log_id": log_id,
            "subscription": name,
            "stream_prefix": stream_prefix,
            "positions": positions[name],
            "decision": decision.act,
            "by": decision.by,
            "to": decision.to,
            "note": decision.note,
        }
        outcomes: list[Decided] = yield Statement(sql.DECIDE, params, _decided)
        results |= {each.id: each for each in outcomes}
    return [results.get(id) or Decided(id, "no-such-letter") for id in ids]


def _decided(subscription: str, position: int, is_decided: bool, state: LetterState) -> Decided:
    return Decided(LetterId(subscription, position), "decided" if is_decided else "unchanged", state)
