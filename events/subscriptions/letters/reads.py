"""The reads of dead letters. A query of events is asked of the letters' events.

A list asks it of some hundred at a time, up to a limit. Whoever counts letters, or groups them, asks it of all at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from events.query.compiled import compiled
from events.query.orm import like_pattern, where
from events.query.tree import Query
from events.reading import store
from events.reading.db_work import DbWork
from events.reading.statement import Statement
from events.sql import dead_letters as sql
from events.subscriptions.letters.letter import (
    STATES,
    Attempt,
    Counts,
    Deaths,
    Fault,
    Letter,
    LetterId,
    Selection,
)

_PAGE_LETTERS = 500
"""The letters whose events are asked for at a time."""
_MAX_PAGES = 20
"""The pages that one request reads to find letters whose event fits its query."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some letters. If `next` is not None, go on after it, even if the page has no letters."""

    letters: Sequence[Letter]
    next: LetterId | None


def letters(
    log_id: int, selection: Selection, *, after: LetterId | None = None, limit: int, forward: bool = False
) -> DbWork[Page]:
    """Return the letters of a selection, those of the last events first; with `forward`, of the first events."""
    fitting: list[Letter] = []
    for _ in range(_MAX_PAGES):
        size = limit - len(fitting) if selection.query is None else max(limit, _PAGE_LETTERS)
        page: list[Letter] = yield _page(log_id, selection, after=after, limit=size, forward=forward)
        fitting += yield from _fitting(log_id, selection.query, page)
        after = page[-1].id if page else after
        if len(fitting) >= limit:
            is_end = len(page) < size and len(fitting) == limit
            return Page(fitting[:limit], None if is_end else fitting[limit - 1].id)
        if len(page) < size:
            return Page(fitting, None)
    return Page(fitting, after)


def letter(log_id: int, id: LetterId, *, stream_prefix: str | None = None) -> Statement[Letter]:
    """Return a letter by its id, if its subscription has a stream prefix; None: whatever prefix it has."""
    params = {
        "log_id": log_id,
        "subscription": id.subscription,
        "position": id.position,
        "stream_prefix": stream_prefix,
    }
    return Statement(sql.LETTER, params, Letter)


def attempts(log_id: int, letter: Letter) -> Statement[Attempt]:
    """Return the failed attempts of a letter's event, the first one first."""
    params = {"log_id": log_id, "number": letter.number, "position": letter.position}
    return Statement(sql.ATTEMPTS, params, Attempt)


def resolved(log_id: int, selection: Selection) -> DbWork[Selection]:
    """Return a selection with the positions of all events that fit its query, instead of the query."""
    if selection.query is None:
        return selection
    condition, values = compiled(selection.query).named
    positions: list[int] = yield _selected(
        sql.POSITIONS, log_id, selection, int, parts={"condition": condition}, **values
    )
    return replace(selection, query=None, positions=positions)


def faults(log_id: int, selection: Selection) -> DbWork[list[Fault]]:
    """Return the faults of the letters of a selection; the fault with most letters comes first."""
    selection = yield from resolved(log_id, selection)
    rows: list[Fault] = yield _selected(sql.FAULTS, log_id, selection, Fault)
    return rows


def deaths(log_id: int, selection: Selection) -> DbWork[list[Deaths]]:
    """Return how many letters of each fault died in each of the last 24 hours; an hour without one has no row."""
    selection = yield from resolved(log_id, selection)
    rows: list[Deaths] = yield _selected(sql.DEATHS, log_id, selection, Deaths)
    return rows


def counts(log_id: int, selection: Selection) -> DbWork[Counts]:
    """Return the number of letters of a selection, and of their keys."""
    selection = yield from resolved(log_id, selection)
    [counted] = yield _selected(sql.COUNTS, log_id, selection, Counts)
    return counted  # type: ignore[no-any-return]


def _page(log_id: int, selection: Selection, *, after: LetterId | None, limit: int, forward: bool) -> Statement[Letter]:
    order = sql.FORWARD if forward else sql.BACKWARD
    if after is None:
        return _selected(sql.LETTERS, log_id, selection, Letter, parts={**order, "beyond": ""}, limit=limit)
    place = {"after": after.position, "after_name": after.subscription}
    return _selected(sql.LETTERS, log_id, selection, Letter, parts=order, limit=limit, **place)


def _fitting(log_id: int, query: Query | None, page: Sequence[Letter]) -> DbWork[list[Letter]]:
    """Return the letters whose event fits a query."""
    if query is None or not page:
        return list(page)
    positions: list[int] = yield store.fitting(log_id, where(query), [each.position for each in page])
    return [each for each in page if each.position in frozenset(positions)]


def _selected(
    statement: str, log_id: int, selection: Selection, row: Any, *, parts: dict[str, str] | None = None, **params: Any
) -> Statement[Any]:
    """Return a statement about the letters of a selection, with some parts of its text."""
    terms = selection.terms
    states = [state for state in STATES if state in selection.states]
    # Literals: an index of undone letters serves only if the states are known when the plan is made.
    names = ", ".join(f"'{state}'" for state in states) or "null"
    values = {
        "log_id": log_id,
        "stream_prefix": selection.stream_prefix,
        "subscription": selection.subscription,
        "fault": selection.fault,
        "until": selection.until,
        "error": terms.error and like_pattern(terms.error),
        "key": terms.key and like_pattern(terms.key),
        "least": terms.attempts[0],
        "most": terms.attempts[1],
        "positions": None if selection.positions is None else list(selection.positions),
        **params,
    }
    return Statement(statement.format(states=f"l.state in ({names})", **(parts or {})), values, row)
