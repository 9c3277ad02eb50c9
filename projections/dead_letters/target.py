"""The letters and parked keys about which somebody decides: some ids, or all that have something in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self, TypeAlias

from events.appending.checks import check_name
from events.errors import Invalid
from events.query.orm import where as condition_of
from events.reading.db_work import DbWork
from events.subscriptions.letters import reads
from events.subscriptions.letters.asking import ANY_LETTER, Asked, asked
from events.subscriptions.letters.letter import DECIDABLE, Counts, LetterId, LetterState, Selection
from projections.dead_letters.parked import ParkedId, ParkedSelection, count_parked, parked

UndoneId: TypeAlias = LetterId | ParkedId


def parse_id(text: str, field: str = "id") -> UndoneId:
    """Read the id of a dead letter or of a parked key.

    Raises:
        Invalid: the text is neither.
    """
    for kind in (LetterId, ParkedId):
        try:
            return kind.parse(text)
        except ValueError:
            continue
    raise Invalid(f"{field} must be <subscription>:<position>, or projection:<name>:<key>.", field=field)


@dataclass(frozen=True, slots=True)
class Where:
    """All dead letters with something in common that wait for a decision; with a `projection`, its parked keys.

    `q` is what is asked about letters and their events (`asking.py`).
    """

    subscription: str | None = None
    projection: str | None = None
    fault: str | None = None
    state: LetterState | None = None
    q: str = ""

    def checked(self) -> Self:
        """Return it if it is valid.

        Raises:
            Invalid: letters and parked keys can't be selected together, or the state needs no decision.
            InvalidQuery, NotForEvents: the query can't be read, or asks about a state.
        """
        for field in ("subscription", "projection", "fault"):
            if (name := getattr(self, field)) is not None:
                check_name(name, f"where.{field}")
        if self.subscription is not None and self.projection is not None:
            raise Invalid("subscription can't be combined with projection.", field="where.projection")
        if self.state is not None and self.state not in DECIDABLE:
            raise Invalid("state must be open or escalated: the others need no decision.", field="where.state")
        fits = self.fits(datetime.now(UTC))
        if self.projection is not None and fits.terms != ANY_LETTER:
            raise Invalid("error, key and attempts can't be combined with projection.", field="where.q")
        return self

    def fits(self, now: datetime) -> Asked:
        """Return what is asked; relative times count from `now`."""
        fits = asked(self.q, now)
        if fits.query is not None:
            condition_of(fits.query)
        return fits


@dataclass(frozen=True, slots=True)
class Target:
    """Either some ids, or all letters of a `where`. A token sees those of its stream prefix; people see all."""

    ids: Sequence[UndoneId] | None = None
    where: Where | None = None
    stream_prefix: str | None = None

    @classmethod
    def of_ids(cls, ids: Iterable[UndoneId], *, stream_prefix: str | None = None) -> Self:
        """Return the target of some ids, each once, in the order of their events."""
        ordered = sorted(set(ids), key=lambda id: (isinstance(id, ParkedId), getattr(id, "position", 0), str(id)))
        return cls(ordered, None, stream_prefix)

    def to_json(self) -> dict[str, Any]:
        """Return it as arguments of a job."""
        ids = None if self.ids is None else [str(id) for id in self.ids]
        where = None if self.where is None else asdict(self.where)
        return {"ids": ids, "where": where, "stream_prefix": self.stream_prefix}

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> Self:
        ids = None if value["ids"] is None else [parse_id(text) for text in value["ids"]]
        where = None if value["where"] is None else Where(**value["where"])
        return cls(ids, where, value["stream_prefix"])

    def counts(self, log_id: int, *, until: datetime) -> DbWork[Counts]:
        """Return the number of letters, and of their keys."""
        if self.ids is not None:
            return Counts(len(self.ids), len(self.ids))
        assert self.where
        if self.where.projection is None:
            return (yield from reads.counts(log_id, self._letters(self.where, until)))
        [keys] = yield count_parked(log_id, self._parked(self.where, until))
        return Counts(keys, keys)

    def batch(
        self, log_id: int, *, after: UndoneId | None, limit: int, until: datetime
    ) -> DbWork[tuple[Sequence[UndoneId], UndoneId | None]]:
        """Return the next ids, those of the first events first, and the id after which to go on; None at the end.

        What died, or was parked, after `until` is left out, so that a letter that was retried is not retried again.
        """
        if self.ids is not None:
            begin = 0 if after is None else self.ids.index(after) + 1
            ids = self.ids[begin : begin + limit]
            return ids, ids[-1] if begin + limit < len(self.ids) else None
        assert self.where
        if self.where.projection is None:
            assert not isinstance(after, ParkedId)
            selection = self._letters(self.where, until)
            letters = yield from reads.letters(log_id, selection, after=after, limit=limit, forward=True)
            return [letter.id for letter in letters.letters], letters.next
        assert not isinstance(after, LetterId)
        keys = yield from parked(log_id, self._parked(self.where, until), after=after, limit=limit)
        return [key.id for key in keys.keys], keys.next

    def _letters(self, where: Where, until: datetime) -> Selection:
        states = DECIDABLE if where.state is None else (where.state,)
        fits = where.fits(until)
        return Selection(
            self.stream_prefix, where.subscription, where.fault, states, fits.query, until, terms=fits.terms
        )

    def _parked(self, where: Where, until: datetime) -> ParkedSelection:
        prefix, fits = self.stream_prefix or "", where.fits(until)
        return ParkedSelection(prefix, where.projection, where.fault, False, fits.query)
