"""The question before a decision: which letters or parked keys it is about, counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from events.reading.db_work import DbWork
from events.subscriptions.letters.deciding import Act
from events.subscriptions.letters.letter import LetterId
from projections.dead_letters.target import UndoneId
from projections.dead_letters.views.decision_form import DecisionForm


@dataclass(frozen=True, slots=True)
class Question:
    """A decision that waits for a person's word.

    It is about `letters` letters, or parked keys, with `keys` different keys. `first` is that of the first
    event: with `has_canary` it is proposed to retry it alone. `pairs` are the fields of the form; `to` and `note` are
    what was written before.
    """

    act: Act
    letters: int
    keys: int
    first: UndoneId | None
    has_canary: bool
    is_parked: bool
    pairs: Sequence[tuple[str, str]]
    to: str
    note: str

    @property
    def noun(self) -> str:
        """The word for what it is about."""
        one = "parked key" if self.is_parked else "letter"
        return one if self.letters == 1 else f"{one}s"

    @property
    def first_letter(self) -> LetterId | None:
        """The letter that is retried first."""
        return self.first if isinstance(self.first, LetterId) else None


def question(log_id: int, form: DecisionForm) -> DbWork[Question]:
    """The question of a valid form."""
    fields, now = form.cleaned_data, datetime.now(UTC)
    target = fields["target"]
    counts = yield from target.counts(log_id, until=now)
    ids, _ = yield from target.batch(log_id, after=None, limit=1, until=now)
    return Question(
        fields["decision"],
        counts.letters,
        counts.keys,
        ids[0] if ids else None,
        fields["decision"] == "retry" and counts.letters > 1 and not fields["at_once"],
        bool(fields["projection"]),
        form.pairs,
        fields["to"],
        fields["note"],
    )
