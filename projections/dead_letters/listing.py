"""One list of what could not be done: dead letters, those of the last events first, and then parked keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from events.reading.db_work import DbWork
from events.subscriptions.letters import reads
from events.subscriptions.letters.asking import ANY_LETTER
from events.subscriptions.letters.letter import OPEN, RETRYING, Letter, LetterId, Selection
from projections.dead_letters.parked import Parked, ParkedId, ParkedSelection, parked
from projections.dead_letters.target import UndoneId


@dataclass(frozen=True, slots=True)
class UndonePage:
    """Some letters and parked keys. If `next` is not None, go on after it, even if the page is empty."""

    rows: Sequence[Letter | Parked]
    next: UndoneId | None


def undone(
    log_id: int, selection: Selection, *, projection: str | None, after: UndoneId | None, limit: int
) -> DbWork[UndonePage]:
    """Return the letters of a selection, and the parked keys that it fits; with `projection`, its keys alone."""
    rows: list[Letter | Parked] = []
    if projection is None and not isinstance(after, ParkedId):
        page = yield from reads.letters(log_id, selection, after=after, limit=limit)
        if page.next is not None:
            return UndonePage(page.letters, page.next)
        rows += page.letters
    keys = _parked_selection(selection, projection)
    if keys is None:
        return UndonePage(rows, None)
    if len(rows) == limit:
        return UndonePage(rows, rows[-1].id)
    key_after = None if isinstance(after, LetterId) else after
    parked_page = yield from parked(log_id, keys, after=key_after, limit=limit - len(rows))
    return UndonePage([*rows, *parked_page.keys], parked_page.next)


def _parked_selection(selection: Selection, projection: str | None) -> ParkedSelection | None:
    """Return the selection of parked keys that fit; None if there can be none."""
    states = [state for state in (OPEN, RETRYING) if state in selection.states]
    if selection.subscription is not None or selection.terms != ANY_LETTER or not states:
        return None
    is_retried = None if len(states) == 2 else states == [RETRYING]
    return ParkedSelection(selection.stream_prefix or "", projection, selection.fault, is_retried, selection.query)
